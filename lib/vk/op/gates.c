// SPDX-License-Identifier: BSD-2-Clause
// split, sdpa_gate and loop_gate on the device.
#include "config.h"

#include "lib/vk/ops.h"

enum { THREADS = 128 };

static void run(struct lte_vk_encoder *e, const struct lte_op *op, uint32_t function,
                struct lte_gate_params p, lte_value x, lte_value z, struct lte_vk_range weight)
{
    p.first = lte_vk_first(e, op->out);
    p.y_stride = lte_vk_width(e, op->out);
    p.z_stride = lte_vk_width(e, z);
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_gate,
        .constant = {function},
        .bind = {x == LTE_NO_VALUE ? lte_vk_none() : lte_vk_value(e, x), lte_vk_value(e, z), weight,
                 lte_vk_value(e, op->out)},
        .push = &p,
        .x = (p.y_stride + THREADS - 1) / THREADS,
        .y = e->rows,
        .z = 1});
}

void lte_vk_encode_split(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_split_op *s = &op->split;
    run(e, op, LTE_GATE_SPLIT,
        (struct lte_gate_params){.width = (uint32_t)s->width,
                                 .stride = (uint32_t)s->stride,
                                 .column = (uint32_t)s->column},
        LTE_NO_VALUE, op->in[0], lte_vk_none());
}

void lte_vk_encode_sdpa_gate(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_sdpa_gate_op *g = &op->sdpa_gate;
    run(e, op, LTE_GATE_SDPA,
        (struct lte_gate_params){.width = (uint32_t)g->width,
                                 .stride = (uint32_t)g->stride,
                                 .column = (uint32_t)g->column,
                                 .one = g->one},
        op->in[0], op->in[1], lte_vk_none());
}

void lte_vk_encode_loop_gate(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_loop_gate_op *g = &op->loop_gate;
    run(e, op, LTE_GATE_LOOP,
        (struct lte_gate_params){.width = (uint32_t)g->width, .one = g->one}, op->in[0], op->in[1],
        lte_vk_weight(e, g->weight, (g->one ? 1 : g->width) * sizeof *g->weight));
}
