// SPDX-License-Identifier: BSD-2-Clause
// Softmax cross-entropy of one row of logits.
#ifndef LTE_SIMD_CROSS_ENTROPY_H
#define LTE_SIMD_CROSS_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>

// Returns -log p[target] with p = softmax(x[0..n-1]), target < n, and unless `gradient` is NULL
// writes
//     gradient[i] = scale * (p[i] - (i == target))
// gradient may be x. *first_largest: whether x[target] is larger than all before it and no smaller
// than any after it. Safe for any finite x. Tolerance: the loss 2e-7 * (1 + |max x - x[target]|),
// the gradient 1e-6 * |scale|, for i != target 1e-6 + 1e-7 * (max x - x[i]) relative plus 1e-37.
// NaN or +Inf in x gives a NaN loss and gradient; *first_largest is then either.
typedef double lte_cross_entropy_fn(const float *x, size_t n, size_t target, float scale,
                                    float *gradient, bool *first_largest);

#endif
