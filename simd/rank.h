// SPDX-License-Identifier: BSD-2-Clause
// Scores against thresholds: what a search for the largest few is made of.
#ifndef LTE_SIMD_RANK_H
#define LTE_SIMD_RANK_H

#include <stddef.h>
#include <stdint.h>

enum { LTE_RANK_THRESHOLDS = 3 };

// count[j] = how many of x[n] are > threshold[j]. A NaN is greater than nothing, nothing than a
// NaN.
typedef void lte_count_above_fn(const float *x, size_t n, const float *threshold, size_t *count);
// Indices i of x[n], rising, to at[k]: those with x[i] > threshold, and of those with x[i] > least
// besides, the first `spare`. There are k of them, or the first k are given. least <= threshold; n
// < 2^32.
typedef void lte_above_fn(const float *x, size_t n, float threshold, float least, size_t spare,
                          uint32_t *at, size_t k);

#endif
