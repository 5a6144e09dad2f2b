// SPDX-License-Identifier: BSD-2-Clause
// Elementwise functions.
#ifndef LTE_SIMD_ACTIVATION_H
#define LTE_SIMD_ACTIVATION_H

#include <stddef.h>

// y[i] = f(x[i]); y may be x. Tolerance: 4e-7 relative plus 1e-37 absolute; with *: 5e-7, 4e-37.
//   vexp      exp(x): 0 below -104, +Inf above 88.73 (results under 2^-125 may be flushed to 0)
//   sigmoid*  1/(1+exp(-x)), in [0,1] for every x
//   silu*     x*sigmoid(x), without overflow for any finite x; -Inf gives -0
//   softplus  log(1+exp(x)), x itself for x > 20, exp(x) for very negative x (to 4e-7 relative)
// NaN gives NaN.
typedef void lte_map_fn(float *y, const float *x, size_t n);

// y[i] = f(a[i], b[i]); y may be a or b.
//   swiglu*   silu(a)*b        add    a+b (exact rounding)
typedef void lte_map2_fn(float *y, const float *a, const float *b, size_t n);

#endif
