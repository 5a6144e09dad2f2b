// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule of one head, as a fused recurrence over column blocks of the state.
#ifndef LTE_SIMD_DELTA_RULE_H
#define LTE_SIMD_DELTA_RULE_H

#include <stddef.h>

// Columns of a state block. A head's state S [key_dim][value_dim] is stored as
// [ceil(value_dim/16)][key_dim][16]: a block of 16 columns is contiguous (8 KiB at key_dim 128), so
// that it lives in L1 while tokens pass, and blocks are independent. Columns beyond value_dim are
// zero and stay zero.
enum { LTE_DELTA_COLUMNS = 16 };

// Floats of a head's state, the columns beyond value_dim included.
static inline size_t lte_delta_state_floats(size_t key_dim, size_t value_dim)
{
    return (value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS * LTE_DELTA_COLUMNS * key_dim;
}

// For t = 0 .. tokens-1, with a_t = exp(log_decay_t):
//     d_t = beta_t * (v_t - a_t S^T k_t)
//     S   = a_t S + k_t d_t^T
//     o_t = S^T q_t
// (arXiv 2412.06464, in the order of decay, prediction error, write, read). q comes normalised and
// scaled, k normalised. log_decay <= 0; -Inf forgets everything. tokens = 0 does nothing.
// A kernel may take several tokens at once: with exact arithmetic the result is the same, and every
// exponent it forms is <= 0. Tolerance against the reference, for up to 512 tokens with |q|, |k| <=
// 1: 1e-5 of the largest |o| or |v| (outputs that cancel to less have only that absolute accuracy).
// The bits do not depend on which blocks are handed out in one call.
struct lte_delta_rule_args {
    float *state;            // first block of the range: [blocks][key_dim][16], 64-byte aligned
    const float *q, *k;      // [tokens][key_dim], row stride qk_stride
    const float *v;          // [tokens][value_dim], first column of the range, row stride v_stride
    float *o;                // [tokens][value_dim], likewise, row stride o_stride; must not overlap
    const float *log_decay;  // [tokens], stride gate_stride
    const float *beta;       // [tokens], stride gate_stride
    size_t qk_stride, v_stride, o_stride, gate_stride; // in elements
    size_t tokens, key_dim;
    size_t value_dim;        // columns in this range; blocks = ceil(value_dim/16)
};
typedef void lte_delta_rule_fn(const struct lte_delta_rule_args *args);

#endif
