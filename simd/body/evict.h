// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/evict.h over the vector vocabulary of vec.h.
//
// The smallest score is found once and again after each replacement; a token that does not enter
// costs one comparison.
#ifndef LTE_SIMD_BODY_EVICT_H
#define LTE_SIMD_BODY_EVICT_H

// Slots searched as a whole before the lowest of them is looked up one by one.
enum { EVICT_BLOCK = 4 * VL };

static inline size_t evict_lowest(const float *score, size_t n)
{
    size_t block = 0, s = 0;
    float low = score[0];
    for (; s + EVICT_BLOCK <= n; s += EVICT_BLOCK) {
        const V a = v_min(v_load(score + s), v_load(score + s + VL));
        const V b = v_min(v_load(score + s + 2 * VL), v_load(score + s + 3 * VL));
        const float least = v_min_all(v_min(a, b));
        block = least < low ? s : block;
        low = least < low ? least : low;
    }
    for (; s < n; s++) {
        block = score[s] < low ? s : block;
        low = score[s] < low ? score[s] : low;
    }
    while (score[block] != low)
        block++;
    return block;
}

static size_t evict(float *score, size_t capacity, size_t used, const float *in, size_t n,
                    uint32_t *slot)
{
    size_t low = 0;
    int known = 0; // whether low is the slot with the smallest score
    for (size_t i = 0; i < n; i++) {
        slot[i] = LTE_EVICT_DROPPED;
        if (!(in[i] > 0) || !capacity)
            continue;
        size_t at = used;
        if (used < capacity) {
            used++;
        } else {
            if (!known)
                low = evict_lowest(score, capacity);
            known = 1;
            if (!(in[i] > score[low]))
                continue;
            at = low;
            known = 0;
        }
        score[at] = in[i];
        slot[i] = (uint32_t)at;
    }
    return used;
}

#endif
