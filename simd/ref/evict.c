// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/evict.h.
#include "config.h"

#include "simd/install.h"

static size_t lowest(const float *score, size_t n)
{
    size_t low = 0;
    for (size_t s = 1; s < n; s++)
        if (score[s] < score[low])
            low = s;
    return low;
}

static size_t evict(float *score, size_t capacity, size_t used, const float *in, size_t n,
                    uint32_t *slot)
{
    for (size_t i = 0; i < n; i++) {
        slot[i] = LTE_EVICT_DROPPED;
        if (!(in[i] > 0) || !capacity)
            continue;
        if (used < capacity) {
            slot[i] = (uint32_t)used++;
        } else {
            const size_t low = lowest(score, capacity);
            if (!(in[i] > score[low]))
                continue;
            slot[i] = (uint32_t)low;
        }
        score[slot[i]] = in[i];
    }
    return used;
}

void lte_ref_evict(struct lte_kernels *k)
{
    k->evict = evict;
}
