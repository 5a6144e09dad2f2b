// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the gated delta rule of one head over one chunk of tokens.
#ifndef LTE_SIMD_DELTA_GRAD_H
#define LTE_SIMD_DELTA_GRAD_H

#include <stddef.h>

#include "simd/delta_rule.h"

enum { LTE_DELTA_GRAD_TOKENS = 64 }; // at most so many in a chunk

// For the tokens t = 0 .. n-1 of simd/delta_rule.h, with S_t the state after token t, a =
// e^{log_decay}, d = beta e and do the gradient of o; G is the gradient of S_t, on entry that of
// the exit state:
//     G      += q do^T           dq += S_t do
//     b       = beta G^T k       dv += b          dbeta += <G^T k, e>
//     dk     += G d - a S_{t-1} b
//     dlog_decay += <G - k b^T, a S_{t-1}>
//     G       = a (G - k b^T)
// from the last token to the first, where G becomes the gradient of the entry state (arXiv
// 2412.06464). The states inside the chunk are not given: kernels recompute them, or use the
// chunkwise form, which needs none. Every exponent formed is <= 0, sums of log_decay are never
// subtracted from one another: -Inf is an ordinary decay.
//
// Tolerance against the reference, for |q|, |k| about 1 and beta <= 1: 2e-5 of the largest
// magnitude of each result.
struct lte_delta_grad_args {
    const float *state;      // on entry: [ceil(value_dim/16)][key_dim][16], 64-byte aligned
    float *dstate;           // likewise; gradient of the exit state in, of the entry state out
    const float *q, *k;      // [tokens][key_dim], row stride qk_stride
    const float *v;          // [tokens][value_dim], row stride v_stride
    const float *dout;       // [tokens][value_dim], row stride dout_stride
    const float *log_decay, *beta; // [tokens], stride gate_stride
    float *dq, *dk, *dv;     // strides as q, k, v; added to; they overlap nothing
    float *dlog_decay, *dbeta; // strides as log_decay, beta; added to
    size_t qk_stride, v_stride, dout_stride, gate_stride; // in elements
    size_t tokens, key_dim, value_dim;
    float *scratch;          // lte_delta_grad_floats(), 64-byte aligned
};
typedef void lte_delta_grad_fn(const struct lte_delta_grad_args *args);

// Floats of scratch for chunks of up to `tokens`: some ten rows a token, and nothing that has the
// size of a state.
static inline size_t lte_delta_grad_floats(size_t tokens, size_t key_dim, size_t value_dim)
{
    const size_t n = (tokens + 15) / 16 * 16, keys = (key_dim + 15) / 16 * 16;
    const size_t values = (value_dim + 15) / 16 * 16;
    return n * (6 * keys + 4 * values + 4 * n + 144) + 6 * keys + 64 * values;
}

#endif
