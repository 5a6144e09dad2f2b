// SPDX-License-Identifier: BSD-2-Clause
// forget_gates and step_gates on the device: a thread a number.
#include "config.h"

#include "lib/vk/ops.h"

enum { CHANNELS = 128, HEADS = 64 }; // of a workgroup

void lte_vk_encode_forget_gates(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_forget_gates_op *g = &op->forget_gates;
    const struct lte_forget_gates_params p = {.first = lte_vk_first(e, op->in[0]),
                                              .channels = (uint32_t)g->channels,
                                              .bounded = g->lower != NULL};
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_forget_gates,
        .bind = {lte_vk_value(e, op->in[0]),
                 lte_vk_weight(e, g->lower, g->channels * sizeof *g->lower),
                 lte_vk_value(e, op->out)},
        .push = &p,
        .x = (g->channels + CHANNELS - 1) / CHANNELS,
        .y = e->rows,
        .z = 1});
}

void lte_vk_encode_step_gates(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_step_gates_op *g = &op->step_gates;
    const struct lte_step_gates_params p = {.first = lte_vk_first(e, op->in[0]),
                                            .heads = (uint32_t)g->heads,
                                            .low = g->low,
                                            .high = g->high};
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_step_gates,
        .bind = {lte_vk_value(e, op->in[0]),
                 lte_vk_weight(e, g->neg_exp_A, g->heads * sizeof *g->neg_exp_A),
                 lte_vk_weight(e, g->dt_bias, g->heads * sizeof *g->dt_bias),
                 lte_vk_value(e, op->out)},
        .push = &p,
        .x = (g->heads + HEADS - 1) / HEADS,
        .y = e->rows,
        .z = 1});
}
