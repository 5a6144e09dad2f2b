// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the causal depthwise short convolution with SiLU over a whole sequence.
#ifndef LTE_SIMD_SHORT_CONV_BACK_H
#define LTE_SIMD_SHORT_CONV_BACK_H

#include <stddef.h>

// The gradient of y[t] = silu(z[t]), z[t] = bias + sum_{j<taps} w[j] * x[t - (taps-1) + j] for an
// empty history (x is 0 before t = 0), t < n. z is computed anew; with dz = dy * silu'(z):
//     dx[t] += sum_j w[j] * dz[t + (taps-1) - j]     dw[j] += sum_t dz[t] * x[t - (taps-1) + j]
//     dbias  += sum_t dz[t]
// Rows of x, dx and dy are s floats apart, those of w and dw cs. dw NULL: not wanted; dbias NULL:
// likewise; bias NULL: 0. dx, dw and dbias must not overlap anything else; n = 0 and channels = 0
// do nothing; taps >= 1. Any split of the channels gives the same bits. Tolerance 1e-6 of the sums
// of absolute values.
typedef void lte_short_conv_back_fn(float *dx, float *dw, float *dbias, const float *dy,
                                    const float *x, size_t s, const float *w, const float *bias,
                                    size_t cs, size_t n, size_t channels,
                                    size_t taps);

#endif
