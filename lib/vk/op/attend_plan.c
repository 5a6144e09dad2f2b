// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/vk/op/attend_plan.h"

enum {
    MOST_THREADS = 1024, LEAST_THREADS = 64,
    ITEM_BYTES = 8, TAKER_BYTES = 8, FLAGS_BYTES = 256 // as in the shader
};

static uint32_t power(uint64_t n)
{
    uint32_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// A pair of items a thread, as far as the device goes.
static uint32_t threads(const struct lte_vk_device *d, uint32_t slots, uint32_t rows)
{
    const VkPhysicalDeviceLimits *l = &d->properties.limits;
    const uint32_t wanted = power(((uint64_t)slots + rows) / 2);
    uint32_t most = MOST_THREADS;
    while (most > l->maxComputeWorkGroupInvocations || most > l->maxComputeWorkGroupSize[0])
        most /= 2;
    return least(most, wanted > LEAST_THREADS ? wanted : LEAST_THREADS);
}

static bool fits(const struct lte_vk_device *d, uint32_t slots, uint32_t room)
{
    const uint64_t bytes = (uint64_t)room * ITEM_BYTES +
                           (uint64_t)(room - slots) * TAKER_BYTES + FLAGS_BYTES;
    return bytes <= d->properties.limits.maxComputeSharedMemorySize;
}

// All of a call's tokens at once, or as many as shared memory has room for beside the slots.
struct lte_vk_plan lte_vk_plan(const struct lte_vk_device *d, uint32_t slots, uint32_t rows)
{
    struct lte_vk_plan s = {.threads = threads(d, slots, rows)};
    s.room = power((uint64_t)slots + (rows > s.threads ? rows : s.threads));
    while (!fits(d, slots, s.room) && s.room / 2 >= slots + LEAST_THREADS)
        s.room /= 2;
    s.apart = !fits(d, slots, s.room);
    if (s.apart)
        s.room = power((uint64_t)slots + s.threads);
    s.takers = s.room - slots;
    while (s.threads > s.takers)
        s.threads /= 2;
    if (s.apart)
        s.spare_bytes = (uint64_t)s.room * ITEM_BYTES + (uint64_t)s.takers * TAKER_BYTES;
    return s;
}
