// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule in chunkwise (WY) form: another algorithm for the contract of delta_rule.h.
//
// With the tokens of a chunk as the rows of K, Q, V, Gam_ij = e^{G_i-G_j} for i >= j and S the
// state on entry, the deltas of all tokens come from one unit lower triangular system:
//     (I + stril(diag(beta) K K^T .* Gam)) D = diag(beta) (V - diag(e^G) K S)
//     O  = diag(e^G) Q S + tril(Q K^T .* Gam) D
//     S' = e^{G_n} S + K^T diag(e^{G_n-G}) D
// (arXiv 2412.06464.) All of it is matrix products, 3 + C/d operations an element of the state and
// token for chunks of C, where the table's kernel (the same form with chunks of C = 4 or 2, swept
// through the state) takes 3 + 1/C. It is not in the table because it never wins. us per token of
// 16 heads x 128 on one thread of a Zen 5 server, recurrence / chunks of 32:
//     tokens            16            64           256           512    8 x 256: 512
//     AVX-512    9.1 / 9.6   10.8 / 14.6   14.4 / 16.1   14.3 / 15.3     20.4 / 22.3
//     AVX2     17.9 / 19.5   19.8 / 22.8   18.7 / 20.6   18.2 / 25.5     36.2 / 40.1
// Tests reach it here: it checks the recurrence by other arithmetic. So does bench_kernels, for the
// day a CPU or a 16-bit product turns the balance.
#ifndef LTE_SIMD_DELTA_CHUNK_H
#define LTE_SIMD_DELTA_CHUNK_H

#include <string.h>

#include "simd/delta_rule.h"

lte_delta_rule_fn lte_ref_delta_chunk, lte_avx2_delta_chunk, lte_avx512_delta_chunk,
    lte_neon_delta_chunk;

// The chunkwise form of a level, for those who include config.h.
static inline lte_delta_rule_fn *lte_delta_chunk(const char *level)
{
#if HAVE_AVX2
    if (!strcmp(level, "avx2"))
        return lte_avx2_delta_chunk;
#endif
#if HAVE_AVX512
    if (!strcmp(level, "avx512"))
        return lte_avx512_delta_chunk;
#endif
#if HAVE_NEON
    if (!strcmp(level, "neon"))
        return lte_neon_delta_chunk;
#endif
    (void)level;
    return lte_ref_delta_chunk;
}

#endif
