// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of vectors, several at a time.
#ifndef LTE_SIMD_NORM_H
#define LTE_SIMD_NORM_H

#include <stddef.h>

// All: `rows` vectors x of n values each, row r at x + r*xs; its result goes to y + r*ys and
// depends on nothing but its own row, to the bit: neither on its place nor on how many are given at
// once. Rows of one array must not overlap. y may be x, with ys = xs; rows = 0 and n = 0 do
// nothing.
// A zero vector gives zero, with eps 0 too. Tolerance 1e-6 relative to the largest |y| of the row
// for |x| up to 1e17: kernels may sum the squares in float.
//
// rmsnorm: y[i] = x[i] * w[i] / sqrt(mean(x^2) + eps); row r has weights of its own at w + r*ws, or
// ws is 0; w NULL means all ones.
typedef void lte_rmsnorm_fn(float *y, size_t ys, const float *x, size_t xs, const float *w,
                            size_t ws, size_t rows, size_t n, float eps);
// l2norm: y[i] = x[i] * scale / sqrt(sum(x^2) + eps)
typedef void lte_l2norm_fn(float *y, size_t ys, const float *x, size_t xs, size_t rows, size_t n,
                           float eps, float scale);
// gated_norm: that of rmsnorm times silu(gate[i]), row r of the gate at gate + r*gs; y may be gate
// too, with ys = gs; w is not NULL.
typedef void lte_gated_norm_fn(float *y, size_t ys, const float *x, size_t xs, const float *gate,
                               size_t gs, const float *w, size_t ws, size_t rows, size_t n,
                               float eps);

#endif
