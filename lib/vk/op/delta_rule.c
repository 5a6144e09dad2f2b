// SPDX-License-Identifier: BSD-2-Clause
// delta_rule and diag_rule on the device: a workgroup a block of 16 columns of a head's state.
#include "config.h"

#include "lib/vk/ops.h"
#include "simd/delta_rule.h"

enum { LANES = 8, KEYS = 512 }; // threads that share a column; keys at most

static void recurrence(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g,
                       enum lte_vk_kernel kernel, const struct lte_delta_params *p)
{
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = kernel,
        .constant = {(p->key_dim + LANES - 1) / LANES},
        .bind = {e->segments, lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]),
                 lte_vk_state(e, g, op), lte_vk_value(e, op->out)},
        .push = p,
        .x = (p->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS,
        .y = p->value_heads,
        .z = g->count});
}

static void groups(struct lte_vk_encoder *e, const struct lte_op *op, enum lte_vk_kernel kernel,
                   struct lte_delta_params *p)
{
    p->stride = lte_vk_width(e, op->in[0]);
    p->gate_stride = lte_vk_width(e, op->in[1]);
    if (p->key_dim > KEYS)
        lte_vk_refuse(e, "%u values a key, at most %d", (unsigned)p->key_dim, KEYS);
    for (size_t i = 0; i < e->groups; i++) {
        p->segment = e->group[i].first;
        recurrence(e, op, &e->group[i], kernel, p);
    }
}

void lte_vk_encode_delta_rule(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    struct lte_delta_params p = {.group = (uint32_t)(d->value_heads / d->heads),
                                 .value_heads = (uint32_t)d->value_heads,
                                 .key_dim = (uint32_t)d->key_dim,
                                 .value_dim = (uint32_t)d->value_dim,
                                 .q_column = (uint32_t)d->q_column,
                                 .k_column = (uint32_t)d->k_column,
                                 .v_column = (uint32_t)d->v_column,
                                 .decays = 1,
                                 .erase = 1};
    groups(e, op, LTE_VK_delta_rule, &p);
}

void lte_vk_encode_diag_rule(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    struct lte_delta_params p = {.group = (uint32_t)(d->value_heads / d->heads),
                                 .value_heads = (uint32_t)d->value_heads,
                                 .key_dim = (uint32_t)d->key_dim,
                                 .value_dim = (uint32_t)d->value_dim,
                                 .q_column = (uint32_t)d->q_column,
                                 .k_column = (uint32_t)d->k_column,
                                 .v_column = (uint32_t)d->v_column,
                                 .decays = (uint32_t)d->key_dim,
                                 .erase = d->erase};
    groups(e, op, LTE_VK_diag_rule, &p);
}
