// SPDX-License-Identifier: BSD-2-Clause
// Gradients of activations and of the norms of one vector. All are added to what is there.
#ifndef LTE_SIMD_BACKWARD_H
#define LTE_SIMD_BACKWARD_H

#include <stddef.h>

// For all: dx, da, db, dgate and dw must not overlap anything else; n = 0 does nothing; NaN gives
// NaN. Tolerance 1e-6 of the largest of |dy| times what it is multiplied with, for |x| up to 1e17.

// dx[i] += dy[i] * silu'(x[i]) with silu'(x) = s*(1 + x*(1 - s)), s = sigmoid(x): 0 at -Inf, 1 at
// Inf.
typedef void lte_silu_back_fn(float *dx, const float *dy, const float *x, size_t n);
// da[i] += dy[i] * b[i] * silu'(a[i]), db[i] += dy[i] * silu(a[i])
typedef void lte_swiglu_back_fn(float *da, float *db, const float *dy, const float *a,
                                const float *b, size_t n);

// With r = 1 / sqrt(mean(x^2) + eps) and g = w * dy:
// dx[i] += r * (g[i] - x[i] * r^2 * mean(g * x)), dw[i] += dy[i] * x[i] * r.
// w NULL means all ones; dw NULL: not wanted.
typedef void lte_rmsnorm_back_fn(float *dx, float *dw, const float *dy, const float *x,
                                 const float *w, size_t n, float eps);
// With r = 1 / sqrt(sum(x^2) + eps), 0 for a zero vector and eps 0:
// dx[i] += scale * r * (dy[i] - x[i] * r^2 * sum(dy * x)).
typedef void lte_l2norm_back_fn(float *dx, const float *dy, const float *x, size_t n, float eps,
                                float scale);
// That of rmsnorm for dy * silu(gate), and dgate[i] += dy[i] * x[i] * r * w[i] * silu'(gate[i]).
// dw NULL: not wanted.
typedef void lte_gated_norm_back_fn(float *dx, float *dgate, float *dw, const float *dy,
                                    const float *x, const float *gate, const float *w, size_t n,
                                    float eps);

#endif
