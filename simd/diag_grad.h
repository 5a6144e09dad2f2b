// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the linear step with per-channel decay, of one head over one chunk of tokens.
#ifndef LTE_SIMD_DIAG_GRAD_H
#define LTE_SIMD_DIAG_GRAD_H

#include <stddef.h>

#include "simd/diag_rule.h"

enum { LTE_DIAG_GRAD_TOKENS = 32 }; // at most so many in a chunk

// For the tokens of simd/diag_rule.h, with S the state after token t, B = A_t S_{t-1} the decayed
// one before it, e = v - B^T k, d = beta e and do the gradient of o; G is the gradient of S, on
// entry that of the exit state:
//     G      += q do^T            dq += S do
//     b       = beta G^T k        dv += b         dbeta += <G^T k, e>
//     dk     += G d - B b
//     G      -= k b^T
//     dlog_decay += rowsum(G .* B)
//     G       = A_t G
// from the last token to the first, where G becomes the gradient of the entry state. Where
// nothing is erased, e = v, d = beta v or v, b goes to dv (and <G^T k, v> to dbeta) alone, dk += G
// d, and G loses nothing. The states inside the chunk
// are not given: kernels recompute them.
//
// Tolerance against the reference, for |q|, |k| about 1 and beta <= 1: 2e-5 of the largest
// magnitude of each result.
struct lte_diag_grad_args {
    const float *state;      // on entry: [ceil(value_dim/16)][key_dim][16], 64-byte aligned
    float *dstate;           // likewise; gradient of the exit state in, of the entry state out
    const float *q, *k;      // [tokens][key_dim], row strides q_stride, k_stride
    const float *v;          // [tokens][value_dim], row stride v_stride
    const float *dout;       // [tokens][value_dim], row stride dout_stride
    const float *log_decay;  // [tokens][key_dim], row stride decay_stride
    const float *beta;       // [tokens], stride beta_stride; NULL: nothing is erased
    bool keep;               // nor with beta
    float *dq, *dk, *dv;     // strides as q, k, v; added to; they overlap nothing
    float *dlog_decay;       // likewise; NULL: not wanted
    float *dbeta;            // likewise; unused where beta is NULL
    size_t q_stride, k_stride, v_stride, dout_stride, decay_stride, beta_stride; // in elements
    size_t decay_step;       // 1; or 0: one decay, and one gradient, for all channels
    size_t tokens, key_dim, value_dim;
    float *scratch;          // lte_diag_grad_floats(), 64-byte aligned
};
typedef void lte_diag_grad_fn(const struct lte_diag_grad_args *args);

// Floats of scratch for chunks of up to `tokens`: mostly the states of 16 columns after each token.
static inline size_t lte_diag_grad_floats(size_t tokens, size_t key_dim)
{
    const size_t keys = (key_dim + 15) / 16 * 16;
    return (tokens + 1) * key_dim * LTE_DELTA_COLUMNS + tokens * (keys + 2 * LTE_DELTA_COLUMNS);
}

#endif
