// SPDX-License-Identifier: BSD-2-Clause
// The largest of some scores.
#ifndef LTE_LIB_SPARSE_TOP_K_H
#define LTE_LIB_SPARSE_TOP_K_H

#include <stdbool.h>

#include "simd/table.h"

// Indices of the min(k, n) largest of score[n], rising, to chosen[]; of equal scores the lower
// index is taken. Returns how many. +Inf is the largest number, -0 equals 0, and a NaN is less than
// any number. Time is proportional to n, whatever k is. n < 2^32.
size_t lte_top_k(const struct lte_kernels *kernels, const float *score, size_t n, size_t k,
                 uint32_t *chosen);

#endif
