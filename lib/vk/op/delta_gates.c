// SPDX-License-Identifier: BSD-2-Clause
// delta_gates on the device: a thread a number.
#include "config.h"

#include "lib/vk/ops.h"

enum { COLUMNS = 128 }; // of a workgroup

void lte_vk_encode_delta_gates(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_delta_gates_op *g = &op->delta_gates;
    const size_t decays = g->heads * g->channels;
    const struct lte_delta_gates_params p = {.first = lte_vk_first(e, op->in[0]),
                                             .heads = (uint32_t)g->heads,
                                             .channels = (uint32_t)g->channels,
                                             .decays = g->neg_exp_A != NULL,
                                             .columns = (uint32_t)(decays + g->heads),
                                             .beta_scale = g->beta_scale,
                                             .lower_bound = g->lower_bound};
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_delta_gates,
        .bind = {lte_vk_value(e, op->in[0]),
                 lte_vk_weight(e, g->neg_exp_A, g->heads * sizeof *g->neg_exp_A),
                 lte_vk_weight(e, g->neg_exp_A ? g->dt_bias : NULL, decays * sizeof *g->dt_bias),
                 lte_vk_value(e, op->out)},
        .push = &p,
        .x = (decays + g->heads + COLUMNS - 1) / COLUMNS,
        .y = e->rows,
        .z = 1});
}
