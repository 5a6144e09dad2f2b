// SPDX-License-Identifier: BSD-2-Clause
// One dilated convolution of the retention scorer (learnable token eviction), for one head.
#ifndef LTE_SIMD_ROUTER_H
#define LTE_SIMD_ROUTER_H

#include <stddef.h>

// y[t*ys + o] = act( b[o] + sum_{j<taps} sum_{c<in} w[(j*in + c)*out + o] * x[(t + j*dilation)*xs +
// c] ) for t < n, o < out: x has n + (taps-1)*dilation rows, the first of them the oldest. The
// weights are repacked to [taps][in][out] when the model is loaded. act: 0 none, 1 SiLU. y must not
// overlap x. The sum of one (t, o) is formed in the same order whatever n is. Tolerance against the
// reference (double): 4e-7 * sqrt(taps*in) * sum|w||x|-scale, 1e-6 relative after SiLU.
typedef void lte_router_conv_fn(float *y, size_t ys, const float *x, size_t xs, size_t n,
                                const float *w, const float *b, size_t in, size_t out, size_t taps,
                                size_t dilation, int act);

#endif
