// SPDX-License-Identifier: BSD-2-Clause
// How attend_plan.comp is laid out: its threads, how many tokens it works on at a time, and where
// it has them.
#ifndef LTE_LIB_VK_OP_ATTEND_PLAN_H
#define LTE_LIB_VK_OP_ATTEND_PLAN_H

#include "lib/vk/device.h"

struct lte_vk_plan {
    uint32_t threads;
    uint32_t room, takers;   // slots and tokens together, and tokens
    bool apart;              // in a buffer, not in shared memory
    uint64_t spare_bytes;    // of that, for a head; grows with the rows
};

// For a buffer of `slots` and calls of `rows` tokens.
struct lte_vk_plan lte_vk_plan(const struct lte_vk_device *device, uint32_t slots, uint32_t rows);

#endif
