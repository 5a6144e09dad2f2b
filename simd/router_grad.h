// SPDX-License-Identifier: BSD-2-Clause
// The gradient of the retention scorer's convolutions (simd/router.h), for one head.
//
// That of the input is a convolution itself: lte_router_conv_fn over dz with the taps in reverse
// order, in and out exchanged and no bias. What is new are the sums over tokens.
#ifndef LTE_SIMD_ROUTER_GRAD_H
#define LTE_SIMD_ROUTER_GRAD_H

#include <stddef.h>

// The convolution's weights and bias from n tokens of its input x [n], rows at a distance of xs,
// and the gradient dz of its output before the activation, rows at a distance of zs. With span =
// (taps-1) * dilation, dz has n + span rows: those that read the tokens, from `span - left` before
// the first to `left` behind the last (zeros where the sequence has none); the forward pass reads
// input row t + j*dilation - left for its output row t.
//     dw[(j*in + c)*out + o] += sum_t x[t*xs + c] * dz[(t + (taps-1-j)*dilation)*zs + o]
//     db[o]                  += sum_t dz[(t + span - left)*zs + o],   t < n, left <= span
// Every sum is formed in a fixed order. Nothing overlaps. n may be 0. Tolerance against the
// reference (double): 4e-7 * sqrt(n + 1) * (|dw| + sum|x||dz|) + n * 2^-149, likewise db. NaN
// reaches the sums it belongs to.
typedef void lte_router_weight_grad_fn(float *dw, float *db, const float *x, size_t xs,
                                       const float *dz, size_t zs, size_t n, size_t in, size_t out,
                                       size_t taps, size_t dilation, size_t left);

// y = silu(z) and slope = silu'(z) = s + y (1 - s) with s = sigmoid(z), for n numbers; nothing
// overlaps. Tolerance: y 6e-7 relative plus 1e-35, slope 4e-7 * (1 + |z|). NaN gives NaN.
typedef void lte_silu_slope_fn(float *y, float *slope, const float *z, size_t n);

#endif
