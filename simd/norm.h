// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of one vector.
#ifndef LTE_SIMD_NORM_H
#define LTE_SIMD_NORM_H

#include <stddef.h>

// All: y may be x; n = 0 does nothing; tolerance 1e-6 relative to max|y| for
// |x| up to 1e17: kernels may sum the squares in float.
// rmsnorm: y[i] = x[i] * w[i] / sqrt(mean(x^2) + eps); w NULL means all ones.
typedef void lte_rmsnorm_fn(float *y, const float *x, const float *w, size_t n, float eps);
// l2norm: y[i] = x[i] * scale / sqrt(sum(x^2) + eps); a zero vector gives zero.
typedef void lte_l2norm_fn(float *y, const float *x, size_t n, float eps, float scale);
// gated_norm: y[i] = x[i] * w[i] / sqrt(mean(x^2) + eps) * silu(gate[i]); y may be x or gate.
typedef void lte_gated_norm_fn(float *y, const float *x, const float *gate, const float *w, size_t n,
                               float eps);

#endif
