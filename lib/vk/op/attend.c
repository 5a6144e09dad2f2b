// SPDX-License-Identifier: BSD-2-Clause
// attend on the device: who sees what (as lib/kv_plan.c), softmax over what is seen, and storing (as
// lib/kv.c), each a shader of its own.
#include "config.h"

#include <math.h>

#include "lib/kv.h"
#include "lib/vk/ops.h"

enum {
    DIM = 512,         // numbers of a head at most
    FLOATS = 7680,     // shared memory of a workgroup,
    ROW_FLOATS = 2560, // and of it for its rows
    ROWS = 16, TILE = 32,
    SLOTS = 32, THREADS = 128,
    WORKGROUPS = 256   // shares of the keys are made until there are so many
};

struct attend {
    struct lte_vk_encoder *e;
    const struct lte_op *op;
    const struct lte_vk_group *group;
    struct lte_kv kv;
    struct lte_attend_params p;
    struct lte_vk_range state, q, k, v, score, plan, out;
};

static uint32_t words(const void *entry)
{
    return entry ? (uint32_t)(((uintptr_t)entry - LTE_VK_ALIGN) / sizeof(uint32_t)) : 0;
}

// Offsets in the state, from where its parts would be if it lay at a small address.
static void place(struct attend *a)
{
    struct lte_kv *kv = &a->kv;
    lte_kv_carve(&a->op->attend, a->group->params, (void *)(uintptr_t)LTE_VK_ALIGN, kv);
    a->p.ring = (uint32_t)kv->ring;
    a->p.ring_k = words(kv->ring_k);
    a->p.ring_v = words(kv->ring_v);
    a->p.slots_k = words(kv->buffer_k);
    a->p.slots_v = words(kv->buffer_v);
    a->p.ring_score = words(kv->ring_score);
    a->p.slots_score = words(kv->buffer_score);
    a->p.slots_position = words(kv->buffer_position);
    a->p.slots_used = words(kv->buffer_used);
}

static void round_kept(const struct attend *a)
{
    const size_t width = a->p.heads * a->p.head_dim;
    if (a->kv.type == LTE_DTYPE_F32)
        return;
    lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_attend_round,
                                           .constant = {a->kv.type},
                                           .bind = {a->e->segments, a->k, a->v},
                                           .push = &a->p,
                                           .x = (width / 2 + THREADS - 1) / THREADS,
                                           .y = a->group->rows,
                                           .z = a->group->count});
}

static void plan(struct attend *a)
{
    const struct lte_attend_params *p = &a->p;
    const size_t head = 2 * (size_t)p->slots + p->ring + p->rows + 2;
    if (!p->retains)
        return;
    a->plan = lte_vk_scratch(a->e, a->group->count * p->heads * head * sizeof(uint32_t));
    lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_attend_plan,
                                           .bind = {a->e->segments, a->score, a->state, a->plan},
                                           .push = p,
                                           .x = 1,
                                           .y = p->heads,
                                           .z = a->group->count});
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// Shares of the keys, so that a few queries keep the whole device busy: of two tiles at least.
static uint32_t splits(const struct attend *a, size_t workgroups, uint32_t tile)
{
    const size_t keys = (size_t)a->p.slots + a->p.ring + a->p.rows;
    const size_t most = keys / (2 * tile) + 1, wanted = WORKGROUPS / workgroups;
    return (uint32_t)(wanted < 1 ? 1 : wanted < most ? wanted : most);
}

// Results of shares that there may be, rows times splits: it grows with the rows, as scratch has to, while
// splits fall. splits <= WORKGROUPS / (rows / queries * y) makes the second bound.
static uint64_t most_shares(const struct attend *a, uint32_t tile, uint32_t queries, size_t y)
{
    const uint64_t keys = (uint64_t)a->p.slots + a->p.ring + a->p.rows;
    const uint64_t by_keys = a->p.rows * (keys / (2 * tile) + 1);
    const uint64_t by_groups = (uint64_t)WORKGROUPS * queries / y;
    return by_keys < by_groups ? by_keys : by_groups;
}

static void join(const struct attend *a, struct lte_vk_range shares)
{
    lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_attend_join,
                                           .bind = {a->e->segments, shares, a->out},
                                           .push = &a->p,
                                           .x = (size_t)a->p.heads * a->p.group,
                                           .y = a->p.rows,
                                           .z = a->group->count});
}

// Keys of a tile: as many as leave room for the rows and for the scores.
static uint32_t tile_keys(uint32_t dim, uint32_t rows)
{
    const uint32_t padded = (dim + 3) / 4 * 4, scores = (rows + 3) / 4 * 4;
    uint32_t keys = TILE;
    while (rows * padded + keys * (padded + 1 + scores) > FLOATS)
        keys /= 2;
    return keys;
}

static void attend(struct attend *a)
{
    struct lte_attend_params *p = &a->p;
    const uint32_t most = least(ROWS, ROW_FLOATS / p->head_dim), heads = least(p->group, most);
    const uint32_t queries = least(most / heads, p->rows), parts = (p->group + heads - 1) / heads;
    const uint32_t tile = tile_keys(p->head_dim, queries * heads);
    const size_t blocks = (p->rows + queries - 1) / queries, y = (size_t)p->heads * parts;
    p->splits = splits(a, blocks * y * a->group->count, tile);
    const uint64_t share = (uint64_t)p->heads * p->group * (p->head_dim + 2) * sizeof(float);
    const struct lte_vk_range shares =
        lte_vk_scratch(a->e, a->group->count * most_shares(a, tile, queries, y) * share);
    const struct lte_vk_range to = p->splits > 1 ? shares : a->out;
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend,
        .constant = {p->head_dim, queries * heads, heads, tile, a->kv.type},
        .bind = {a->e->segments, a->state, a->q, a->k, a->v, a->plan, to},
        .push = p,
        .x = blocks * p->splits,
        .y = y,
        .z = a->group->count});
    if (p->splits > 1)
        join(a, to);
}

static void store(const struct attend *a)
{
    const struct lte_attend_params *p = &a->p;
    if (p->retains && p->rows > 1)
        lte_vk_run(a->e, &(struct lte_vk_call){
            .kernel = LTE_VK_attend_keep,
            .constant = {a->kv.type},
            .bind = {a->e->segments, a->k, a->v, a->plan, a->state},
            .push = p,
            .x = (p->slots + SLOTS - 1) / SLOTS,
            .y = p->heads,
            .z = a->group->count});
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_store,
        .constant = {a->kv.type},
        .bind = {a->e->segments, a->k, a->v, a->score, a->state, a->plan},
        .push = p,
        .x = p->rows,
        .y = p->heads,
        .z = a->group->count});
}

static void group(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g)
{
    const struct lte_attend_op *o = &op->attend;
    struct attend a = {
        .e = e,
        .op = op,
        .group = g,
        .p = {.segment = g->first,
              .heads = (uint32_t)o->key_heads,
              .group = (uint32_t)(o->heads / o->key_heads),
              .head_dim = (uint32_t)o->head_dim,
              .rows = (uint32_t)g->rows,
              .slots = (uint32_t)o->buffer,
              .sinks = (uint32_t)o->sinks,
              .delay = (uint32_t)o->delay,
              .retains = o->retains,
              .scale = (float)(1.0 / sqrt((double)o->head_dim))},
        .state = lte_vk_state(e, g, op),
        .q = lte_vk_value(e, op->in[0]),
        .k = lte_vk_value(e, op->in[1]),
        .v = lte_vk_value(e, op->in[2]),
        .score = o->retains ? lte_vk_value(e, op->in[3]) : lte_vk_none(),
        .plan = lte_vk_none(),
        .out = lte_vk_value(e, op->out)};
    place(&a);
    if (a.kv.type != LTE_DTYPE_F32 && o->head_dim % 2)
        lte_vk_refuse(e, "16-bit keys of %zu numbers, which is odd", o->head_dim);
    round_kept(&a);
    plan(&a);
    attend(&a);
    store(&a);
}

void lte_vk_encode_attend(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_attend_op *o = &op->attend;
    if (o->head_dim > DIM)
        lte_vk_refuse(e, "heads of %zu numbers, at most %d", o->head_dim, DIM);
    for (size_t i = 0; i < e->groups && e->status == LTE_OK; i++) {
        if (e->group[i].params->share_loops && (o->ahead || o->leaves))
            lte_vk_refuse(e, "loops that share their keys and values");
        group(e, op, &e->group[i]);
    }
}
