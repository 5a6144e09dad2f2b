// SPDX-License-Identifier: BSD-2-Clause
// loop_exit on the device. It chooses rows and never stops a step: a recorded one runs to its end.
#include "config.h"

#include "lib/op/loop.h"
#include "lib/vk/ops.h"

void lte_vk_encode_loop_exit(struct lte_vk_encoder *e, const struct lte_op *op)
{
    for (size_t g = 0; g < e->groups; g++) {
        const struct lte_vk_group *group = &e->group[g];
        const struct lte_loop_exit_params p = {
            .segment = group->first,
            .width = lte_vk_width(e, op->out),
            .logits = lte_vk_width(e, op->in[1]),
            .loops = (uint32_t)op->loop_exit.loop,
            .weighted = group->params->exit_weighted != 0,
            .threshold = lte_loop_threshold(group->params, op->loop_exit.threshold)};
        lte_vk_run(e, &(struct lte_vk_call){
            .kernel = LTE_VK_loop_exit,
            .bind = {e->segments, lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]),
                     lte_vk_value(e, op->in[2]), lte_vk_value(e, op->out)},
            .push = &p,
            .x = 1,
            .y = group->rows,
            .z = group->count});
    }
}
