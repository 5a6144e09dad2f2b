// SPDX-License-Identifier: BSD-2-Clause
// attend of many tokens on the device: who sees what (as lib/kv_plan.c), softmax over what is seen,
// and storing (as lib/kv.c), each a shader of its own.
#include "config.h"

#include "lib/vk/op/attend.h"
#include "lib/vk/op/attend_plan.h"
#include "lib/vk/op/attend_tiles.h"

enum { SLOTS = 8, THREADS = 128 }; // as in the shaders

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void enter(struct lte_vk_attend *a)
{
    const struct lte_attend_params *p = &a->p;
    const size_t head = 2 * ((size_t)p->slots + p->rows) + p->ring + 2;
    if (!p->retains)
        return;
    a->plan = lte_vk_scratch(a->e, a->group->count * p->heads * head * sizeof(uint32_t));
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_enter,
        .bind = {a->e->segments, a->score, a->state, a->plan},
        .push = p,
        .beside = a->beside,
        .x = (most(most(p->slots, p->ring), p->rows) + THREADS - 1) / THREADS,
        .y = p->heads,
        .z = a->group->count});
}

static void plan(struct lte_vk_attend *a)
{
    const struct lte_attend_params *p = &a->p;
    const struct lte_vk_plan s = lte_vk_plan(a->e->device, p->slots, p->rows);
    if (!p->retains)
        return;
    a->spare = lte_vk_scratch(a->e, a->group->count * p->heads * s.spare_bytes);
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_plan,
        .constant = {s.threads, s.room, s.takers, s.apart},
        .bind = {a->e->segments, a->state, a->plan, s.apart ? a->spare : lte_vk_none()},
        .push = p,
        .beside = a->beside || a->split.buffer, // split reads of both what this leaves alone
        .x = 1,
        .y = p->heads,
        .z = a->group->count});
}

static void join(struct lte_vk_attend *a)
{
    if (a->p.splits > 1)
        lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_attend_join,
                                               .bind = {a->e->segments, a->shares, a->out},
                                               .push = &a->p,
                                               .beside = a->beside,
                                               .x = (size_t)a->p.heads * a->p.group,
                                               .y = a->p.rows,
                                               .z = a->group->count});
}

// Tiles of attend_cooperative or of attend; whether they are the former's.
static bool tiles(const struct lte_vk_attend *a, struct lte_vk_tiles *t)
{
    const struct lte_attend_params *p = &a->p;
    const struct lte_vk_tiling tiling = {.heads = p->heads,
                                         .group = p->group,
                                         .head_dim = p->head_dim,
                                         .rows = p->rows,
                                         .queries = p->rows,
                                         .segments = a->group->count,
                                         .keys = (uint64_t)p->slots + p->ring + p->rows};
    const bool cooperative = lte_vk_cooperative_tiles(a->e->device, &tiling, t);
    if (!cooperative)
        *t = lte_vk_tiles(a->e->device, &tiling);
    return cooperative;
}

static void split(struct lte_vk_attend *a)
{
    const struct lte_attend_params *p = &a->p;
    struct lte_vk_tiles t;
    if (!tiles(a, &t))
        return;
    const size_t keys = (size_t)p->slots + p->ring + p->rows, each = THREADS / (p->head_dim / 8);
    a->split = lte_vk_scratch(a->e, t.split_keys * p->head_dim * LTE_VK_SPLIT_BYTES);
    a->back = lte_vk_scratch(a->e, t.split_keys * 2 * sizeof(float));
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_split,
        .constant = {p->head_dim, a->kv.type},
        .bind = {a->e->segments, a->state, a->k, a->v, a->plan, a->split, a->back},
        .push = p,
        .beside = a->beside,
        .x = (keys + each - 1) / each,
        .y = p->heads,
        .z = a->group->count});
}

static void attend(struct lte_vk_attend *a)
{
    struct lte_attend_params *p = &a->p;
    const struct lte_vk_device *d = a->e->device;
    struct lte_vk_tiles t;
    const bool cooperative = tiles(a, &t);
    p->splits = t.splits;
    a->shares = lte_vk_scratch(a->e, t.shares_bytes);
    const struct lte_vk_range out = p->splits > 1 ? a->shares : a->out;
    struct lte_vk_call call = {
        .kernel = LTE_VK_attend,
        .constant = {p->head_dim, t.queries * t.heads, t.heads, t.keys, a->kv.type, p->splits > 1},
        .bind = {a->e->segments, a->state, a->q, a->k, a->v, a->plan, out},
        .push = p,
        .beside = a->beside,
        .x = t.x,
        .y = t.y,
        .z = a->group->count};
    if (cooperative)
        call = (struct lte_vk_call){
            .kernel = LTE_VK_attend_cooperative,
            .constant = {p->head_dim, t.heads, p->splits > 1,
                         t.subgroups * d->subgroups.subgroupSize, d->matrix[0], d->matrix[1],
                         d->matrix[2], t.subgroups, t.keys},
            .bind = {a->e->segments, a->q, a->split, a->back, a->plan, out},
            .push = p,
            .beside = a->beside,
            .x = t.x,
            .y = t.y,
            .z = a->group->count};
    lte_vk_run(a->e, &call);
}

static void keep(struct lte_vk_attend *a)
{
    const struct lte_attend_params *p = &a->p;
    if (a->stores && p->retains && p->rows > 1)
        lte_vk_run(a->e, &(struct lte_vk_call){
            .kernel = LTE_VK_attend_keep,
            .constant = {a->kv.type},
            .bind = {a->e->segments, a->k, a->v, a->plan, a->state},
            .push = p,
            .beside = a->beside,
            .x = (p->slots + SLOTS - 1) / SLOTS,
            .y = p->heads,
            .z = a->group->count});
}

static void store(struct lte_vk_attend *a)
{
    const struct lte_attend_params *p = &a->p;
    if (a->stores)
        lte_vk_run(a->e, &(struct lte_vk_call){
            .kernel = LTE_VK_attend_store,
            .constant = {a->kv.type},
            .bind = {a->e->segments, a->k, a->v, a->score, a->state, a->plan},
            .push = p,
            .beside = a->beside,
            .x = p->rows < p->ring ? p->rows : p->ring,
            .y = p->heads,
            .z = a->group->count});
}

void lte_vk_attend_prompt(struct lte_vk_encoder *e, struct lte_vk_attend *a)
{
    lte_vk_attend_all(e, a, enter);
    lte_vk_attend_all(e, a, split);
    lte_vk_attend_all(e, a, plan);
    lte_vk_attend_all(e, a, attend);
    lte_vk_attend_all(e, a, join);
    lte_vk_attend_all(e, a, keep);
    lte_vk_attend_all(e, a, store);
}
