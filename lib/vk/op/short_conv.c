// SPDX-License-Identifier: BSD-2-Clause
// short_conv on the device: a thread a channel of a few tokens.
#include "config.h"

#include "lib/vk/ops.h"

enum { TAPS = 33, CHANNELS = 128 }; // at most; of a workgroup

static void group(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g)
{
    const struct lte_short_conv_op *c = &op->short_conv;
    const struct lte_short_conv_params p = {
        .segment = g->first, .channels = (uint32_t)c->channels, .biased = c->bias != NULL};
    const size_t tokens = c->taps > 8 ? TAPS - 1 : 8;
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_short_conv,
        .constant = {(uint32_t)c->taps, (uint32_t)tokens},
        .bind = {e->segments, lte_vk_value(e, op->in[0]),
                 lte_vk_weight(e, c->weight, c->taps * c->channels * sizeof *c->weight),
                 lte_vk_state(e, g, op), lte_vk_value(e, op->out),
                 lte_vk_weight(e, c->bias, c->channels * sizeof *c->bias)},
        .push = &p,
        .beside = g != e->group,
        .x = (c->channels + CHANNELS - 1) / CHANNELS,
        .y = (g->rows + tokens - 1) / tokens,
        .z = g->count});
}

void lte_vk_encode_short_conv(struct lte_vk_encoder *e, const struct lte_op *op)
{
    if (op->short_conv.taps > TAPS)
        lte_vk_refuse(e, "%zu taps, at most %d", op->short_conv.taps, TAPS);
    for (size_t i = 0; i < e->groups; i++)
        group(e, op, &e->group[i]);
}
