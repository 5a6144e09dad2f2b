// SPDX-License-Identifier: BSD-2-Clause
// dsa on the device: this call's keys, values and index keys into the cache, the scores that the
// indexer gives every earlier token, the tokens that a query gets, and attention over these. Of
// many rows at once, those that see everything before them go through together.
#include "config.h"

#include <math.h>

#include "lib/op/dsa.h"
#include "lib/sparse/dsa.h"
#include "lib/vk/op/sparse.h"
#include "lib/vk/ops.h"

enum {
    QUERIES = 4,     // that are scored together
    TILE = 64,       // index keys of a workgroup's round,
    TILES = 1024     // and such rounds side by side, at most
};

struct dsa {
    struct lte_vk_encoder *e;
    const struct lte_op *op;
    const struct lte_vk_group *group;
    struct lte_dsa_cache cache;
    struct lte_vk_selection selection;
    struct lte_vk_range state;
};

static void store(const struct dsa *a)
{
    const struct lte_dsa_op *o = &a->op->dsa;
    const struct lte_dsa_cache *c = &a->cache;
    lte_vk_store_entries(a->e, a->group, a->state, a->op,
                         &(struct lte_vk_entries){o->key_heads, o->head_dim, c->tokens, c->k, c->v,
                                                  c->type});
    lte_vk_cache_store(a->e, a->group, a->state,
                       &(struct lte_vk_store){.value = a->op->in[3],
                                              .column = lte_dsa_key_column(o),
                                              .heads = 1,
                                              .dim = o->index_dim,
                                              .tokens = c->tokens,
                                              .place = lte_vk_words(c->index),
                                              .type = c->type,
                                              .beside = true});
}

static void score(const void *arg, uint32_t first, uint32_t count)
{
    const struct dsa *a = arg;
    const struct lte_dsa_op *o = &a->op->dsa;
    const struct lte_vk_selection *s = &a->selection;
    const bool mean = o->rule == LTE_INDEX_DOT;
    const double heads = (double)o->index_heads, dim = (double)o->index_dim;
    const uint32_t together = a->group->rows > 1 ? QUERIES : 1;
    const size_t tiles = (a->cache.tokens + TILE - 1) / TILE;
    const double scale = mean ? 1 / heads : 1 / sqrt(heads * dim);
    const struct lte_dsa_score_params p = {.segment = a->group->first,
                                           .first = first,
                                           .count = count,
                                           .heads = (uint32_t)o->index_heads,
                                           .dim = (uint32_t)o->index_dim,
                                           .mean = mean,
                                           .width = (uint32_t)lte_dsa_index_width(o),
                                           .top = (uint32_t)s->selector.top,
                                           .keys = lte_vk_words(a->cache.index),
                                           .stride = s->stride,
                                           .scale = (float)scale};
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_dsa_score,
        .constant = {together, a->cache.type},
        .bind = {a->e->segments, a->state, lte_vk_value(a->e, a->op->in[3]), s->score},
        .push = &p,
        .x = tiles < TILES ? tiles : TILES,
        .y = (count + together - 1) / together,
        .z = a->group->count});
}

static void choose(struct dsa *a)
{
    const struct lte_selector s = lte_dsa_selector(&a->op->dsa);
    a->selection = lte_vk_selection(a->e, a->group, &s, 1, a->cache.tokens);
    lte_vk_select(a->e, a->group, &a->selection, score, a);
}

static struct lte_vk_tiles tiles(const struct dsa *a, const struct lte_sparse_attend_params *p,
                                 uint32_t queries, uint32_t splits)
{
    return lte_vk_tiles(a->e->device, &(struct lte_vk_tiling){.heads = p->heads,
                                                              .group = p->group,
                                                              .head_dim = p->head_dim,
                                                              .rows = p->rows,
                                                              .queries = queries,
                                                              .segments = a->group->count,
                                                              .keys = p->top,
                                                              .splits = splits});
}

static void join(const struct dsa *a, struct lte_vk_range shares,
                 const struct lte_sparse_attend_params *s)
{
    const struct lte_attend_params p = {.segment = s->segment,
                                        .heads = s->heads,
                                        .group = s->group,
                                        .head_dim = s->head_dim,
                                        .rows = s->rows,
                                        .splits = s->splits};
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_attend_join,
        .bind = {a->e->segments, shares, lte_vk_value(a->e, a->op->out)},
        .push = &p,
        .x = a->op->dsa.heads,
        .y = a->group->rows,
        .z = a->group->count});
}

static void attend(const struct dsa *a)
{
    const struct lte_dsa_op *o = &a->op->dsa;
    struct lte_sparse_attend_params p = {.segment = a->group->first,
                                         .heads = (uint32_t)o->key_heads,
                                         .group = (uint32_t)(o->heads / o->key_heads),
                                         .head_dim = (uint32_t)o->head_dim,
                                         .rows = (uint32_t)a->group->rows,
                                         .scale = (float)(1.0 / sqrt((double)o->head_dim)),
                                         .k = lte_vk_words(a->cache.k),
                                         .v = lte_vk_words(a->cache.v),
                                         .entries = (uint32_t)a->cache.tokens,
                                         .window = (uint32_t)a->cache.tokens,
                                         .pool = 1,
                                         .top = (uint32_t)a->selection.selector.top,
                                         .lists = 1,
                                         .end = (uint32_t)a->selection.selector.top};
    const struct lte_vk_tiles chosen = tiles(a, &p, 1, 0);
    const struct lte_vk_tiles early = tiles(a, &p, p.rows, chosen.splits);
    p.splits = chosen.splits;
    p.together = early.queries > 1 ? early.queries : 0;
    const struct lte_vk_range shares = lte_vk_scratch(a->e, chosen.shares_bytes);
    struct lte_vk_sparse s = {.op = a->op,
                              .state = a->state,
                              .chosen = a->selection.chosen,
                              .to = p.splits > 1 ? shares : lte_vk_value(a->e, a->op->out),
                              .type = a->cache.type,
                              .range = LTE_SPARSE_CHOSEN,
                              .apart = p.splits > 1};
    lte_vk_sparse_attend(a->e, a->group, &s, &chosen, &p);
    s.range = LTE_SPARSE_RECENT;
    s.beside = true;
    if (p.together)
        lte_vk_sparse_attend(a->e, a->group, &s, &early, &p);
    if (s.apart)
        join(a, shares, &p);
}

void lte_vk_encode_dsa(struct lte_vk_encoder *e, const struct lte_op *op)
{
    for (size_t i = 0; i < e->groups; i++) {
        struct dsa a = {.e = e, .op = op, .group = &e->group[i]};
        lte_dsa_carve(&op->dsa, a.group->params, lte_vk_nowhere(), &a.cache);
        lte_vk_sparse_fits(e, op->dsa.head_dim, op->dsa.index_dim, a.cache.type);
        a.state = lte_vk_state(e, a.group, op);
        store(&a);
        choose(&a);
        attend(&a);
    }
}
