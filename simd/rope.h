// SPDX-License-Identifier: BSD-2-Clause
// Rotary position embedding: half-split (NeoX) pairs, and interleaved (Meta) ones.
#ifndef LTE_SIMD_ROPE_H
#define LTE_SIMD_ROPE_H

#include <stddef.h>

// For each of `heads` vectors x + h*stride of 2*half elements, i < half:
//     y[i]      = x[i]*cos[i] - x[i+half]*sin[i]
//     y[i+half] = x[i+half]*cos[i] + x[i]*sin[i]
// y has the same stride and may be x. Tolerance 4e-7 * (|x[i]| + |x[i+half]|).
// rope_pairs does the same with x[2i] for x[i] and x[2i+1] for x[i+half].
typedef void lte_rope_fn(float *y, const float *x, size_t heads, size_t stride, const float *cos,
                         const float *sin, size_t half);

#endif
