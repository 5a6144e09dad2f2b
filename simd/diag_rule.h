// SPDX-License-Identifier: BSD-2-Clause
// The linear step with a decay for every key channel, of one head: a fused recurrence over column
// blocks of the state, with or without the delta rule's erasing.
#ifndef LTE_SIMD_DIAG_RULE_H
#define LTE_SIMD_DIAG_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "simd/delta_rule.h"

enum { LTE_DIAG_KEYS = 4096 }; // key_dim at most

// For t = 0 .. tokens-1, with the state S [key_dim][value_dim] laid out as in simd/delta_rule.h and
// A_t = diag(exp(log_decay_t)):
//     d_t = beta_t * (v_t - (A_t S)^T k_t),
//           or beta_t * v_t with `keep`, or v_t where beta is NULL
//     S   = A_t S + k_t d_t^T
//     o_t = S^T q_t
// With beta this is Kimi Delta Attention (arXiv 2510.26692), otherwise gated linear attention:
// RetNet and HGRN2; with `keep` Mamba2. q comes normalised and scaled, k normalised. log_decay <=
// 0; -Inf forgets the channel. tokens = 0 does nothing.
// A kernel may take several tokens at once: with exact arithmetic the result is the same, and every
// exponent it forms is <= 0, so that nothing overflows however long a decay lasts. Tolerance
// against the reference, for up to 512 tokens with |q|, |k| <= 1: 1e-5 of the largest |o| or |v|
// (where nothing is erased of the sum of |v|). The bits do not depend on which blocks are handed
// out in one call.
struct lte_diag_rule_args {
    float *state;            // first block of the range: [blocks][key_dim][16], 64-byte aligned
    const float *q, *k;      // [tokens][key_dim], row strides q_stride, k_stride
    const float *v;          // [tokens][value_dim], first column of the range, row stride v_stride
    float *o;                // [tokens][value_dim], likewise, row stride o_stride; must not overlap
    const float *log_decay;  // [tokens][key_dim], row stride decay_stride
    const float *beta;       // [tokens], stride beta_stride; NULL: nothing is erased
    bool keep;               // nor with beta
    size_t q_stride, k_stride, v_stride, o_stride, decay_stride, beta_stride; // in elements
    size_t decay_step;       // 1; or 0: one decay for all channels
    size_t tokens, key_dim;
    size_t value_dim;        // columns in this range; blocks = ceil(value_dim/16)
};
typedef void lte_diag_rule_fn(const struct lte_diag_rule_args *args);

#endif
