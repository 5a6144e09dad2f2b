// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/rank.h over the vector vocabulary of vec.h.
#ifndef LTE_SIMD_BODY_RANK_H
#define LTE_SIMD_BODY_RANK_H

#include "simd/body/inline.h"
#include "simd/rank.h"

enum {
    RANK_LANES = 2,     // sums a threshold, so that they need not wait for each other
    RANK_BLOCK = 1 << 20 // a lane counts up to 2^24 exactly
};

static void rank_count_block(const float *x, size_t n, const float *threshold, size_t *count)
{
    const V one = v_set1(1), zero = v_zero();
    V t[LTE_RANK_THRESHOLDS], sum[RANK_LANES][LTE_RANK_THRESHOLDS];
    size_t i = 0;
    LTE_UNROLL for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++) {
        t[j] = v_set1(threshold[j]);
        LTE_UNROLL for (size_t l = 0; l < RANK_LANES; l++)
            sum[l][j] = zero;
    }
    for (; i + RANK_LANES * VL <= n; i += RANK_LANES * VL)
        LTE_UNROLL for (size_t l = 0; l < RANK_LANES; l++) {
            const V v = v_load(x + i + l * VL);
            LTE_UNROLL for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++)
                sum[l][j] = v_add(sum[l][j], v_gt_select(v, t[j], one, zero));
        }
    for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++) {
        count[j] += (size_t)v_sum(v_add(sum[0][j], sum[1][j]));
        for (size_t s = i; s < n; s++)
            count[j] += x[s] > threshold[j];
    }
}

static void rank_count_above(const float *x, size_t n, const float *threshold, size_t *count)
{
    for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++)
        count[j] = 0;
    for (size_t i = 0; i < n; i += RANK_BLOCK)
        rank_count_block(x + i, n - i < RANK_BLOCK ? n - i : RANK_BLOCK, threshold, count);
}

static void rank_above(const float *x, size_t n, float threshold, float least, size_t spare, uint32_t *at,
                       size_t k)
{
    const V high = v_set1(threshold), low = v_set1(least);
    size_t used = 0, i = 0;
    for (; i + VL <= n && used < k; i += VL) {
        const V v = v_load(x + i);
        unsigned bits = v_gt_bits(v, spare ? low : high);
        if (!bits)
            continue;
        for (const unsigned sure = v_gt_bits(v, high); bits && used < k; bits &= bits - 1) {
            const unsigned lane = (unsigned)__builtin_ctz(bits);
            const size_t is_above = sure >> lane & 1, is_spare = !is_above && spare;
            at[used] = (uint32_t)i + lane; // written again if not taken
            spare -= is_spare;
            used += is_above | is_spare;
        }
    }
    for (; i < n && used < k; i++) {
        const size_t is_above = x[i] > threshold, is_spare = !is_above && spare && x[i] > least;
        at[used] = (uint32_t)i;
        spare -= is_spare;
        used += is_above | is_spare;
    }
}

static void rank_install(struct lte_kernels *k)
{
    k->count_above = rank_count_above;
    k->above = rank_above;
}

#endif
