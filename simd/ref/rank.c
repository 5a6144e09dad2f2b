// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/rank.h.
#include "config.h"

#include "simd/install.h"

static void count_above(const float *x, size_t n, const float *threshold, size_t *count)
{
    for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++) {
        count[j] = 0;
        for (size_t i = 0; i < n; i++)
            count[j] += x[i] > threshold[j];
    }
}

static void above(const float *x, size_t n, float threshold, float least, size_t spare, uint32_t *at,
                  size_t k)
{
    size_t used = 0;
    for (size_t i = 0; i < n && used < k; i++) {
        const size_t is_above = x[i] > threshold, is_spare = !is_above && spare && x[i] > least;
        at[used] = (uint32_t)i; // written again if not taken
        spare -= is_spare;
        used += is_above | is_spare;
    }
}

void lte_ref_rank(struct lte_kernels *k)
{
    k->count_above = count_above;
    k->above = above;
}
