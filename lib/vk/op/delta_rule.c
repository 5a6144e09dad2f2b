// SPDX-License-Identifier: BSD-2-Clause
// delta_rule on the device: a workgroup a block of 16 columns of a head's state. The rule of many
// tokens goes in chunks of four: what depends on keys and gates alone first, then the sweep through
// the state.
#include "config.h"

#include "lib/vk/ops.h"
#include "simd/delta_rule.h"

enum {
    LANES = 8,         // threads that share a column
    STEP_LANES = 16,   // in delta_step
    KEYS = 512,        // values of a key, at most
    CHUNK_KEYS = 384,  // and in chunks, whose keys lie in shared memory
    CHUNK = 4,
    BLOCK = 40,        // floats of shaders/delta_block.glsl
    MANY = 2 * CHUNK   // tokens
};

static void recurrence(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g,
                       const struct lte_delta_params *p)
{
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_delta_rule,
        .constant = {(p->key_dim + LANES - 1) / LANES},
        .bind = {e->segments, lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]),
                 lte_vk_state(e, g, op), lte_vk_value(e, op->out)},
        .push = p,
        .beside = g != e->group,
        .x = (p->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS,
        .y = p->value_heads,
        .z = g->count});
}

static void chunks(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g,
                   struct lte_delta_params *p)
{
    const bool subgroups = lte_vk_runs(e->device, LTE_VK_delta_chunk_subgroups) &&
                           e->device->subgroups.subgroupSize >= LANES;
    p->chunks = (uint32_t)((g->rows + CHUNK - 1) / CHUNK);
    const struct lte_vk_range blocks = lte_vk_scratch(
        e, (uint64_t)g->count * p->value_heads * p->chunks * BLOCK * sizeof(float));
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_delta_prepare,
        .bind = {e->segments, lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]), blocks},
        .push = p,
        .x = p->chunks,
        .y = p->value_heads,
        .z = g->count});
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = subgroups ? LTE_VK_delta_chunk_subgroups : LTE_VK_delta_chunk,
        .constant = {(p->key_dim + LANES - 1) / LANES},
        .bind = {e->segments, lte_vk_value(e, op->in[0]), blocks, lte_vk_state(e, g, op),
                 lte_vk_value(e, op->out)},
        .push = p,
        .x = (p->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS,
        .y = p->value_heads,
        .z = g->count});
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
                                 .stride = lte_vk_width(e, op->in[0]),
                                 .gate_stride = lte_vk_width(e, op->in[1])};
    if (d->key_dim > KEYS)
        lte_vk_refuse(e, "%zu values a key, at most %d", d->key_dim, KEYS);
    for (size_t i = 0; i < e->groups; i++) {
        p.segment = e->group[i].first;
        if (e->group[i].rows >= MANY && d->key_dim <= CHUNK_KEYS)
            chunks(e, op, &e->group[i], &p);
        else
            recurrence(e, op, &e->group[i], &p);
    }
}

// Of many tokens other shaders read what is normed, too.
bool lte_vk_fuses_delta_rule(const struct lte_vk_encoder *e, const struct lte_op *op)
{
    bool single = op->delta_rule.key_dim <= KEYS;
    for (size_t i = 0; i < e->groups; i++)
        single = single && e->group[i].rows == 1;
    return single;
}

void lte_vk_encode_fused_delta_rule(struct lte_vk_encoder *e, const struct lte_op *op,
                                    const struct lte_fusion *f)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    const struct lte_op *norm = &e->graph->op[f->first];
    const struct lte_delta_gates_op *gates = &norm[1].delta_gates;
    struct lte_delta_step_params p = {.group = (uint32_t)(d->value_heads / d->heads),
                                      .value_heads = (uint32_t)d->value_heads,
                                      .key_dim = (uint32_t)d->key_dim,
                                      .value_dim = (uint32_t)d->value_dim,
                                      .q_column = (uint32_t)d->q_column,
                                      .k_column = (uint32_t)d->k_column,
                                      .v_column = (uint32_t)d->v_column,
                                      .stride = lte_vk_width(e, op->in[0]),
                                      .gate_stride = lte_vk_width(e, op->in[1]),
                                      .decays = gates->neg_exp_A != NULL,
                                      .beta_scale = gates->beta_scale,
                                      .lower_bound = gates->lower_bound,
                                      .eps = norm->norm.eps,
                                      .scale = norm->norm.scale};
    const size_t heads = d->value_heads * sizeof(float);
    for (size_t i = 0; i < e->groups; i++) {
        p.segment = e->group[i].first;
        lte_vk_run(e, &(struct lte_vk_call){
            .kernel = LTE_VK_delta_step,
            .constant = {(p.key_dim + STEP_LANES - 1) / STEP_LANES},
            .bind = {e->segments, lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]),
                     lte_vk_state(e, &e->group[i], op), lte_vk_value(e, op->out),
                     lte_vk_weight(e, gates->neg_exp_A, heads),
                     lte_vk_weight(e, gates->neg_exp_A ? gates->dt_bias : NULL, heads)},
            .push = &p,
            .beside = i > 0, // sessions have states and rows of their own
            .x = (p.value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS,
            .y = p.value_heads,
            .z = e->group[i].count});
    }
}
