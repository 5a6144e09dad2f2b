// SPDX-License-Identifier: BSD-2-Clause
// attend on the device: who sees what (as lib/kv_plan.c), softmax over what is seen, and storing
// (as lib/kv.c), each a shader of its own.
#include "config.h"

#include <math.h>

#include "lib/kv.h"
#include "lib/op/loop.h"
#include "lib/vk/op/attend_tiles.h"
#include "lib/vk/ops.h"

enum { SLOTS = 32, THREADS = 128 };

struct attend {
    struct lte_vk_encoder *e;
    const struct lte_op *op;
    const struct lte_vk_group *group;
    struct lte_kv kv;
    struct lte_attend_params p;
    struct lte_vk_range state, q, k, v, score, plan, out;
};

// Offsets in the state.
static void place(struct attend *a)
{
    struct lte_kv *kv = &a->kv;
    lte_kv_carve(&a->op->attend, a->group->params, lte_vk_nowhere(), kv);
    a->p.ring = (uint32_t)kv->ring;
    a->p.ring_k = lte_vk_words(kv->ring_k);
    a->p.ring_v = lte_vk_words(kv->ring_v);
    a->p.slots_k = lte_vk_words(kv->buffer_k);
    a->p.slots_v = lte_vk_words(kv->buffer_v);
    a->p.ring_score = lte_vk_words(kv->ring_score);
    a->p.slots_score = lte_vk_words(kv->buffer_score);
    a->p.slots_position = lte_vk_words(kv->buffer_position);
    a->p.slots_used = lte_vk_words(kv->buffer_used);
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

static void join(const struct attend *a, struct lte_vk_range shares)
{
    lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_attend_join,
                                           .bind = {a->e->segments, shares, a->out},
                                           .push = &a->p,
                                           .x = (size_t)a->p.heads * a->p.group,
                                           .y = a->p.rows,
                                           .z = a->group->count});
}

static void attend(struct attend *a)
{
    struct lte_attend_params *p = &a->p;
    const uint64_t keys = (uint64_t)p->slots + p->ring + p->rows;
    const struct lte_vk_tiles t =
        lte_vk_tiles(&(struct lte_vk_tiling){.heads = p->heads,
                                             .group = p->group,
                                             .head_dim = p->head_dim,
                                             .rows = p->rows,
                                             .queries = p->rows,
                                             .segments = a->group->count,
                                             .keys = keys});
    p->splits = t.splits;
    const struct lte_vk_range shares = lte_vk_scratch(a->e, t.shares_bytes);
    const struct lte_vk_range to = p->splits > 1 ? shares : a->out;
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend,
        .constant = {p->head_dim, t.queries * t.heads, t.heads, t.keys, a->kv.type, p->splits > 1},
        .bind = {a->e->segments, a->state, a->q, a->k, a->v, a->plan, to},
        .push = p,
        .x = t.x,
        .y = t.y,
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

// The op in whose slot keys and values lie: with share_loops the last loop's, which alone stores
// what comes in many tokens at once.
static const struct lte_op *keeper(const struct lte_op *op, const struct lte_vk_group *g)
{
    return g->params->share_loops ? op + op->attend.ahead : op;
}

// A single token is kept as it was in the loop after which it left: every loop stores it that it
// reaches.
static bool stores(struct attend *a, const struct lte_vk_group *g)
{
    const struct lte_attend_op *o = &a->op->attend;
    if (!g->params->share_loops || !o->leaves || g->rows > 1)
        return keeper(a->op, g) == a->op;
    a->score = lte_vk_value(a->e, a->op->in[3]);
    a->p.loops = (uint32_t)o->loop;
    a->p.logits = lte_vk_width(a->e, a->op->in[3]);
    a->p.threshold = lte_loop_threshold(g->params, o->threshold);
    a->p.leaves = isfinite(a->p.threshold);
    return true;
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
        .state = lte_vk_state(e, g, keeper(op, g)),
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
    if (stores(&a, g))
        store(&a);
}

void lte_vk_encode_attend(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_attend_op *o = &op->attend;
    if (o->head_dim > LTE_VK_HEAD_DIM)
        lte_vk_refuse(e, "heads of %zu numbers, at most %d", o->head_dim, LTE_VK_HEAD_DIM);
    for (size_t i = 0; i < e->groups; i++)
        group(e, op, &e->group[i]);
}
