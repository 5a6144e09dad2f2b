// SPDX-License-Identifier: BSD-2-Clause
// delta_rule and diag_rule on the device: a workgroup a block of 16 columns of a head's state. The delta
// rule of many tokens goes in chunks of four: what depends on keys and gates alone first, then the sweep
// through the state.
#include "config.h"

#include "lib/vk/ops.h"
#include "simd/delta_rule.h"

enum {
    LANES = 8,         // threads that share a column
    KEYS = 512,        // values of a key, at most
    CHUNK_KEYS = 384,  // and in chunks, whose keys lie in shared memory
    CHUNK = 4,
    BLOCK = 40,        // floats of shaders/delta_block.glsl
    MANY = 2 * CHUNK   // tokens
};

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

static void groups(struct lte_vk_encoder *e, const struct lte_op *op, enum lte_vk_kernel kernel,
                   struct lte_delta_params *p)
{
    p->stride = lte_vk_width(e, op->in[0]);
    p->gate_stride = lte_vk_width(e, op->in[1]);
    if (p->key_dim > KEYS)
        lte_vk_refuse(e, "%u values a key, at most %d", (unsigned)p->key_dim, KEYS);
    for (size_t i = 0; i < e->groups; i++) {
        p->segment = e->group[i].first;
        if (kernel == LTE_VK_delta_rule && e->group[i].rows >= MANY && p->key_dim <= CHUNK_KEYS)
            chunks(e, op, &e->group[i], p);
        else
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

// The shader reads what Kimi Delta Attention lays out: q, k and v of in[0], of in[1] a decay for every
// channel and behind them, where it erases, the betas.
static bool is_laid_out(const struct lte_diag_rule_op *d)
{
    const bool plain = d->step == LTE_RULE_ADDS;
    const bool erases = d->step == LTE_RULE_ERASES && d->beta.in == 1 &&
                        d->beta.heads == d->heads && d->beta.column == d->heads * d->key_dim;
    return (plain || erases) && !d->fixed && d->decays == d->key_dim && !d->q.in && !d->k.in &&
           !d->v.in && d->q.heads == d->k.heads && d->v.heads == d->heads && d->decay.in == 1 &&
           d->decay.heads == d->heads && !d->decay.column;
}

void lte_vk_encode_diag_rule(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    struct lte_delta_params p = {.group = (uint32_t)(d->heads / d->q.heads),
                                 .value_heads = (uint32_t)d->heads,
                                 .key_dim = (uint32_t)d->key_dim,
                                 .value_dim = (uint32_t)d->value_dim,
                                 .q_column = (uint32_t)d->q.column,
                                 .k_column = (uint32_t)d->k.column,
                                 .v_column = (uint32_t)d->v.column,
                                 .decays = (uint32_t)d->key_dim,
                                 .erase = d->step == LTE_RULE_ERASES};
    if (!is_laid_out(d))
        lte_vk_refuse(e, "a layout other than that of Kimi Delta Attention");
    else
        groups(e, op, LTE_VK_diag_rule, &p);
}
