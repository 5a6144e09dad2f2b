// SPDX-License-Identifier: BSD-2-Clause
// The index of a row's largest logit, found on the device: a greedy step reads back one integer.
#include "config.h"

#include "lib/vk/ops.h"

enum { THREADS = 256, MOST_PARTS = 64 };

void lte_vk_encode_greedy(struct lte_vk_encoder *e, uint32_t ids)
{
    const uint32_t blocks = (ids + THREADS - 1) / THREADS;
    const struct lte_pick_params p = {.width = ids,
                                      .stride = (uint32_t)e->graph->vocabulary,
                                      .parts = blocks < MOST_PARTS ? blocks : MOST_PARTS};
    e->scratch_used = 0;
    const struct lte_vk_range found = lte_vk_scratch(e, e->rows * p.parts * 2 * sizeof(uint32_t));
    struct lte_vk_call call = {.kernel = LTE_VK_pick,
                               .bind = {e->logits, found, e->best},
                               .push = &p,
                               .x = p.parts,
                               .y = e->rows,
                               .z = 1};
    lte_vk_run(e, &call);
    call.constant[0] = 1;
    call.x = 1;
    lte_vk_run(e, &call);
}
