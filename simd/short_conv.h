// SPDX-License-Identifier: BSD-2-Clause
// Causal depthwise short convolution with SiLU, carrying its tail.
#ifndef LTE_SIMD_SHORT_CONV_H
#define LTE_SIMD_SHORT_CONV_H

#include <stddef.h>

// y[t*ys + c] = silu( bias[c] + sum_{j<taps} w[j*cs + c] * x(t - (taps-1) + j, c) ),  t < n,
// c < channels,
// where x(t, c) = x[t*xs + c] for t >= 0 and x(-i, c) = tail[(taps-1-i)*cs + c]: the tail holds the
// last taps-1 inputs, oldest first, row stride cs as in w. Afterwards the tail holds the last
// taps-1 inputs seen, so any split of the tokens gives the same y to the bit. `cs` lets a caller
// hand out ranges of channels. taps >= 1 (1: no tail). bias NULL: 0. y must not overlap anything
// else (in place is not allowed); n = 0 and channels = 0 do nothing. Tolerance 1e-6 * (|bias| +
// sum_j |w x|), plus 2^-149 * (sum_j |x|) for weights below the normal range; weights and sums from
// 2^127 on in magnitude may count as infinite.
typedef void lte_short_conv_fn(float *y, size_t ys, const float *x, size_t xs, float *tail,
                               const float *w, const float *bias, size_t cs, size_t n,
                               size_t channels, size_t taps);

#endif
