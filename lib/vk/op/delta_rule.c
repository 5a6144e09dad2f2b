// SPDX-License-Identifier: BSD-2-Clause
// delta_rule on the device. Few tokens pass one by one through a workgroup's 16 columns of a head's
// state; many go in chunks, of 64 on cooperative matrices (delta_wy.c) and of 16 elsewhere: what
// depends on keys and gates alone first, then the sweep through the state.
#include "config.h"

#include "lib/vk/op/delta_wy.h"
#include "lib/vk/ops.h"
#include "simd/delta_rule.h"

enum {
    LANES = 8,       // threads that share a column, of tokens one by one
    KEYS = 512,      // values of a key, at most
    CHUNK = 16,      // tokens; what shaders/delta_block.glsl says of it:
    BLOCK = (2 * CHUNK + 2) * CHUNK + 4, // floats
    TEAM = 32,       // threads of delta_chunk that share four columns
    MOST_TEAMS = 4,
    MANY = CHUNK     // tokens
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

static uint32_t padded(size_t key_dim, uint32_t unit)
{
    return (uint32_t)(key_dim + unit - 1) / unit * unit;
}

// Teams of a workgroup of delta_chunk, as many as fit into shared memory; 0: it cannot run.
static uint32_t teams(const struct lte_vk_encoder *e, size_t key_dim)
{
    const uint32_t limit = e->device->properties.limits.maxComputeSharedMemorySize;
    const uint32_t keys = padded(key_dim, 32), rows = 2 * CHUNK * (keys + 8);
    uint32_t n = MOST_TEAMS;
    while (n && (rows + n * 4 * (keys + 2 * CHUNK + TEAM)) * sizeof(float) > limit)
        n /= 2;
    return n;
}

// Which sweep, and of how many columns.
static struct lte_vk_call sweep(const struct lte_vk_encoder *e, const struct lte_delta_params *p,
                                bool wide)
{
    const uint32_t n = teams(e, p->key_dim);
    const bool sums = lte_vk_runs(e->device, LTE_VK_delta_chunk_subgroups) &&
                      e->device->subgroups.subgroupSize >= LANES;
    return (struct lte_vk_call){
        .kernel = sums ? LTE_VK_delta_chunk_subgroups : LTE_VK_delta_chunk,
        .constant = {wide, padded(p->key_dim, 32) / 4, n * TEAM},
        .x = (p->value_dim + 4 * n - 1) / (4 * n)};
}

static void chunks(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g,
                   struct lte_delta_params *p)
{
    const bool wide = (p->key_dim | p->value_dim | p->q_column | p->k_column | p->v_column |
                       p->stride) % 4 == 0;
    const struct lte_vk_range qkv = lte_vk_value(e, op->in[0]), gates = lte_vk_value(e, op->in[1]);
    struct lte_vk_call call = sweep(e, p, wide);
    p->chunks = (uint32_t)((g->rows + CHUNK - 1) / CHUNK);
    const struct lte_vk_range blocks = lte_vk_scratch(
        e, (uint64_t)g->count * p->value_heads * p->chunks * BLOCK * sizeof(float));
    lte_vk_run(e, &(struct lte_vk_call){.kernel = LTE_VK_delta_prepare,
                                        .constant = {wide},
                                        .bind = {e->segments, qkv, gates, blocks},
                                        .push = p,
                                        .x = p->chunks,
                                        .y = p->value_heads,
                                        .z = g->count});
    call.bind[0] = e->segments;
    call.bind[1] = qkv;
    call.bind[2] = blocks;
    call.bind[3] = lte_vk_state(e, g, op);
    call.bind[4] = lte_vk_value(e, op->out);
    call.push = p;
    call.y = p->value_heads;
    call.z = g->count;
    lte_vk_run(e, &call);
}

static struct lte_delta_params params(const struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    return (struct lte_delta_params){.group = (uint32_t)(d->value_heads / d->heads),
                                     .value_heads = (uint32_t)d->value_heads,
                                     .key_dim = (uint32_t)d->key_dim,
                                     .value_dim = (uint32_t)d->value_dim,
                                     .q_column = (uint32_t)d->q_column,
                                     .k_column = (uint32_t)d->k_column,
                                     .v_column = (uint32_t)d->v_column,
                                     .stride = lte_vk_width(e, op->in[0]),
                                     .gate_stride = lte_vk_width(e, op->in[1])};
}

void lte_vk_encode_delta_rule(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    struct lte_delta_params p = params(e, op);
    if (d->key_dim > KEYS)
        lte_vk_refuse(e, "%zu values a key, at most %d", d->key_dim, KEYS);
    for (size_t i = 0; i < e->groups; i++) {
        p.segment = e->group[i].first;
        if (e->group[i].rows >= MANY && lte_vk_runs_delta_wy(e, &p))
            lte_vk_encode_delta_wy(e, op, &e->group[i], p);
        else if (e->group[i].rows >= MANY && teams(e, d->key_dim))
            chunks(e, op, &e->group[i], &p);
        else
            recurrence(e, op, &e->group[i], &p);
    }
}
