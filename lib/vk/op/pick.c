// SPDX-License-Identifier: BSD-2-Clause
// The index of a row's largest logit, found on the device: a greedy step reads back one integer.
#include "config.h"

#include "lib/vk/ops.h"

enum { THREADS = 256, MOST_PARTS = 64 };

void lte_vk_encode_pick(struct lte_vk_encoder *e, struct lte_vk_range logits,
                        struct lte_vk_range out, uint32_t rows, uint32_t vocabulary)
{
    const uint32_t blocks = (vocabulary + THREADS - 1) / THREADS;
    const struct lte_pick_params p = {.width = vocabulary,
                                      .parts = blocks < MOST_PARTS ? blocks : MOST_PARTS};
    struct lte_vk_call call = {
        .kernel = LTE_VK_pick,
        .bind = {logits, lte_vk_scratch(e, (uint64_t)rows * p.parts * 2 * sizeof(uint32_t)), out},
        .push = &p,
        .x = p.parts,
        .y = rows,
        .z = 1};
    lte_vk_run(e, &call);
    call.constant[0] = 1;
    call.x = 1;
    lte_vk_run(e, &call);
}
