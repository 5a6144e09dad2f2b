// SPDX-License-Identifier: BSD-2-Clause
// attend on the device: a single token's in two shaders. What comes in many tokens at once is in
// attend_prompt.c.
#include "config.h"

#include <math.h>

#include "lib/kv.h"
#include "lib/op/loop.h"
#include "lib/vk/op/attend.h"
#include "lib/vk/op/attend_tiles.h"
#include "lib/vk/ops.h"

enum {
    THREADS = 128,
    STEP_HEADS = 8, STEP_QUADS = 256, // of queries of a workgroup of attend_step, at most
    STEP_LOADS = 4,                   // quads of a tile's keys that a thread loads
    STEP_GROUPS = 1024                // workgroups, about
};

// Offsets in the state.
static void place(struct lte_vk_attend *a)
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

static void round_kept(struct lte_vk_attend *a)
{
    const size_t width = a->p.heads * a->p.head_dim;
    if (a->kv.type == LTE_DTYPE_F32)
        return;
    lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_attend_round,
                                           .constant = {a->kv.type},
                                           .bind = {a->e->segments, a->k, a->v},
                                           .push = &a->p,
                                           .beside = a->beside,
                                           .x = (width / 2 + THREADS - 1) / THREADS,
                                           .y = a->group->rows,
                                           .z = a->group->count});
}

// Whether the score of the token that leaves the window has come with one before this one.
static bool scored_before(const struct lte_vk_attend *a)
{
    return !a->p.retains || a->p.ring > a->p.delay;
}

// attend_step has vectors of four.
static bool steps(const struct lte_vk_attend *a)
{
    return a->p.rows == 1 && a->p.head_dim % 4 == 0;
}

// A single token: shares of the keys, each with a look at what leaves; then all that is left.
static void step(struct lte_vk_attend *a)
{
    struct lte_attend_params *p = &a->p;
    const uint32_t quads = p->head_dim / 4;
    uint32_t heads = STEP_QUADS / quads, tile = THREADS;
    heads = heads < STEP_HEADS ? heads : STEP_HEADS;
    heads = heads < p->group ? heads : p->group;
    while (tile * quads > STEP_LOADS * THREADS)
        tile /= 2;
    const uint32_t y = p->heads * ((p->group + heads - 1) / heads);
    const uint64_t tiles = ((uint64_t)p->slots + p->ring + 1 + tile - 1) / tile;
    p->splits = STEP_GROUPS / y < LTE_ATTEND_SPLITS ? STEP_GROUPS / y : LTE_ATTEND_SPLITS;
    p->splits = tiles < p->splits ? (uint32_t)tiles : p->splits ? p->splits : 1;
    a->shares = lte_vk_scratch(a->e, (uint64_t)a->group->count * p->heads * p->group * p->splits *
                                         (p->head_dim + 2) * sizeof(float));
    a->plan = lte_vk_scratch(a->e, a->group->count * p->heads * 4 * sizeof(uint32_t));
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_step,
        .constant = {p->head_dim, heads, tile, a->kv.type},
        .bind = {a->e->segments, a->state, a->q, a->k, a->v,
                 scored_before(a) ? lte_vk_none() : a->score, a->shares, a->plan},
        .push = p,
        .beside = a->beside,
        .x = p->splits,
        .y = y,
        .z = a->group->count});
}

static void finish(struct lte_vk_attend *a)
{
    struct lte_attend_params *p = &a->p;
    p->stores = a->stores;
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_finish,
        .constant = {p->head_dim, a->kv.type},
        .bind = {a->e->segments, a->shares, a->out, a->k, a->v, a->score, a->state, a->plan},
        .push = p,
        .beside = a->beside,
        .x = p->group + (a->stores || p->retains),
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
static bool stores(struct lte_vk_attend *a, const struct lte_vk_group *g)
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

static struct lte_vk_attend prepare(struct lte_vk_encoder *e, const struct lte_op *op,
                             const struct lte_vk_group *g)
{
    const struct lte_attend_op *o = &op->attend;
    struct lte_vk_attend a = {
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
        .spare = lte_vk_none(),
        .split = lte_vk_none(),
        .back = lte_vk_none(),
        .shares = lte_vk_none(),
        .out = lte_vk_value(e, op->out)};
    place(&a);
    if (a.kv.type != LTE_DTYPE_F32 && o->head_dim % 2)
        lte_vk_refuse(e, "16-bit keys of %zu numbers, which is odd", o->head_dim);
    a.stores = stores(&a, g);
    return a;
}

void lte_vk_attend_all(struct lte_vk_encoder *e, struct lte_vk_attend *a,
                       void (*part)(struct lte_vk_attend *))
{
    const size_t before = e->calls;
    for (size_t i = 0; i < e->groups; i++) {
        a[i].beside = e->calls > before;
        part(&a[i]);
    }
}

// All groups'; whether a single token of each comes.
static bool prepare_all(struct lte_vk_encoder *e, const struct lte_op *op, struct lte_vk_attend *a)
{
    bool single = true;
    for (size_t i = 0; i < e->groups; i++) {
        a[i] = prepare(e, op, &e->group[i]);
        single = single && steps(&a[i]);
    }
    return single;
}

void lte_vk_encode_attend(struct lte_vk_encoder *e, const struct lte_op *op)
{
    struct lte_vk_attend a[LTE_VK_SEGMENTS];
    if (op->attend.head_dim > LTE_VK_HEAD_DIM)
        lte_vk_refuse(e, "heads of %zu numbers, at most %d", op->attend.head_dim, LTE_VK_HEAD_DIM);
    const bool single = prepare_all(e, op, a);
    lte_vk_attend_all(e, a, round_kept);
    if (single) {
        lte_vk_attend_all(e, a, step);
        lte_vk_attend_all(e, a, finish);
        return;
    }
    lte_vk_attend_prompt(e, a);
}

bool lte_vk_fuses_attend(const struct lte_vk_encoder *e, const struct lte_op *op)
{
    struct lte_vk_attend a[LTE_VK_SEGMENTS];
    struct lte_vk_encoder dry = *e; // what prepare() asks for is not asked for here
    bool fuses = op->attend.head_dim <= LTE_VK_HEAD_DIM && prepare_all(&dry, op, a);
    for (size_t i = 0; fuses && i < e->groups; i++)
        fuses = scored_before(&a[i]) && a[i].kv.type == LTE_DTYPE_F32;
    return fuses;
}

// Of a single token the score is for later: it is found out beside attention.
void lte_vk_encode_fused_attend(struct lte_vk_encoder *e, const struct lte_op *op,
                                const struct lte_fusion *f)
{
    const struct lte_op *score = &e->graph->op[f->first];
    struct lte_vk_attend a[LTE_VK_SEGMENTS];
    prepare_all(e, op, a);
    lte_vk_attend_all(e, a, step);
    lte_vk_ops[score->kind](e, score);
    lte_vk_attend_all(e, a, finish);
}
