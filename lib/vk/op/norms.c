// SPDX-License-Identifier: BSD-2-Clause
// rmsnorm, l2norm, layernorm and gated_norm on the device: a workgroup a vector.
#include "config.h"

#include "lib/vk/ops.h"

// Columns that no vector covers stay as they are only in place.
static void covers(struct lte_vk_encoder *e, const struct lte_op *op)
{
    if (op->out != op->in[0] && op->norm.vectors * op->norm.width < lte_vk_width(e, op->in[0]))
        lte_vk_refuse(e, "columns that no vector covers, not in place");
}

// Those of all vectors, where each has its own.
static struct lte_vk_range weights(struct lte_vk_encoder *e, const struct lte_norm_op *n)
{
    return lte_vk_weight(e, n->weight, (n->own ? n->vectors : 1) * n->width * sizeof *n->weight);
}

void lte_vk_encode_rmsnorm(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_norm_op *n = &op->norm;
    covers(e, op);
    const struct lte_rmsnorm_params p = {.first = lte_vk_first(e, op->in[0]),
                                         .width = (uint32_t)n->width,
                                         .column = (uint32_t)n->column,
                                         .x_stride = lte_vk_width(e, op->in[0]),
                                         .y_stride = lte_vk_width(e, op->out),
                                         .weighted = n->weight != NULL,
                                         .own = n->own ? (uint32_t)n->width : 0,
                                         .eps = n->eps};
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_rmsnorm,
        .bind = {lte_vk_value(e, op->in[0]), weights(e, n), lte_vk_value(e, op->out)},
        .push = &p,
        .x = n->vectors,
        .y = e->rows,
        .z = 1});
}

void lte_vk_encode_l2norm(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_norm_op *n = &op->norm;
    const struct lte_l2norm_params p = {.first = lte_vk_first(e, op->in[0]),
                                        .width = (uint32_t)n->width,
                                        .column = (uint32_t)n->column,
                                        .x_stride = lte_vk_width(e, op->in[0]),
                                        .y_stride = lte_vk_width(e, op->out),
                                        .scaled = (uint32_t)n->scaled,
                                        .eps = n->eps,
                                        .scale = n->scale};
    covers(e, op);
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_l2norm,
        .bind = {lte_vk_value(e, op->in[0]), lte_vk_value(e, op->out)},
        .push = &p,
        .x = n->vectors,
        .y = e->rows,
        .z = 1});
}

void lte_vk_encode_layernorm(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_norm_op *n = &op->norm;
    const struct lte_layernorm_params p = {.first = lte_vk_first(e, op->in[0]),
                                           .width = (uint32_t)n->width,
                                           .column = (uint32_t)n->column,
                                           .stride = lte_vk_width(e, op->in[0]),
                                           .eps = n->eps};
    if (op->out != op->in[0])
        lte_vk_refuse(e, "not in place");
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_layernorm,
        .bind = {lte_vk_value(e, op->out), lte_vk_weight(e, n->weight, n->width * sizeof *n->weight),
                 lte_vk_weight(e, n->bias, n->width * sizeof *n->bias)},
        .push = &p,
        .x = n->vectors,
        .y = e->rows,
        .z = 1});
}

void lte_vk_encode_gated_norm(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_norm_op *n = &op->norm;
    const struct lte_gated_norm_params p = {.first = lte_vk_first(e, op->in[0]),
                                            .width = (uint32_t)n->width,
                                            .column = (uint32_t)n->column,
                                            .x_stride = lte_vk_width(e, op->in[0]),
                                            .gate_stride = lte_vk_width(e, op->in[1]),
                                            .y_stride = lte_vk_width(e, op->out),
                                            .own = n->own ? (uint32_t)n->width : 0,
                                            .eps = n->eps};
    covers(e, op);
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_gated_norm,
        .bind = {lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]), weights(e, n),
                 lte_vk_value(e, op->out)},
        .push = &p,
        .x = n->vectors,
        .y = e->rows,
        .z = 1});
}
