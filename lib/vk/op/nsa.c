// SPDX-License-Identifier: BSD-2-Clause
// nsa on the device: this call's keys and values into the cache, the means of the blocks that are
// complete with them, how much every query wants every block, the blocks that it gets, and three
// attentions, whose shares are joined and mixed in one go.
#include "config.h"

#include <math.h>

#include "lib/op/nsa.h"
#include "lib/sparse/nsa.h"
#include "lib/vk/op/sparse.h"
#include "lib/vk/ops.h"

struct nsa {
    struct lte_vk_encoder *e;
    const struct lte_op *op;
    const struct lte_vk_group *group;
    struct lte_nsa_cache cache;
    struct lte_vk_selection selection;
    struct lte_vk_range state;
};

static void store(const struct nsa *a)
{
    const struct lte_nsa_op *o = &a->op->nsa;
    const struct lte_nsa_cache *c = &a->cache;
    lte_vk_store_entries(a->e, a->group, a->state, a->op,
                         &(struct lte_vk_entries){o->key_heads, o->head_dim, c->tokens, c->k, c->v,
                                                  c->type});
}

static void pool(const struct nsa *a)
{
    const struct lte_nsa_op *o = &a->op->nsa;
    const struct lte_nsa_cache *c = &a->cache;
    const struct lte_nsa_pool_params p = {.segment = a->group->first,
                                          .head_dim = (uint32_t)o->head_dim,
                                          .block = (uint32_t)o->block,
                                          .tokens = (uint32_t)c->tokens,
                                          .blocks = (uint32_t)c->blocks,
                                          .k = lte_vk_words(c->k),
                                          .v = lte_vk_words(c->v),
                                          .pool_k = lte_vk_words(c->pool_k),
                                          .pool_v = lte_vk_words(c->pool_v)};
    lte_vk_run(a->e, &(struct lte_vk_call){.kernel = LTE_VK_nsa_pool,
                                           .constant = {c->type},
                                           .bind = {a->e->segments, a->state},
                                           .push = &p,
                                           .x = (a->group->rows + o->block - 1) / o->block,
                                           .y = o->key_heads,
                                           .z = a->group->count});
}

static void score(const void *arg, uint32_t first, uint32_t count)
{
    const struct nsa *a = arg;
    const struct lte_nsa_op *o = &a->op->nsa;
    const struct lte_vk_selection *s = &a->selection;
    const struct lte_nsa_score_params p = {.segment = a->group->first,
                                           .first = first,
                                           .group = (uint32_t)(o->heads / o->key_heads),
                                           .head_dim = (uint32_t)o->head_dim,
                                           .block = (uint32_t)o->block,
                                           .top = (uint32_t)s->selector.top,
                                           .blocks = (uint32_t)a->cache.blocks,
                                           .pool_k = lte_vk_words(a->cache.pool_k),
                                           .stride = s->stride,
                                           .scale = s->selector.scale};
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_nsa_score,
        .bind = {a->e->segments, a->state, lte_vk_value(a->e, a->op->in[0]), s->score},
        .push = &p,
        .x = count,
        .y = o->key_heads,
        .z = a->group->count});
}

static void choose(struct nsa *a)
{
    const struct lte_selector s = lte_nsa_selector(&a->op->nsa);
    const uint32_t heads = (uint32_t)a->op->nsa.key_heads;
    a->selection = lte_vk_selection(a->e, a->group, &s, heads, a->cache.tokens);
    lte_vk_select(a->e, a->group, &a->selection, score, a);
}

// One of the three; its shares.
static struct lte_vk_range branch(const struct nsa *a, enum lte_nsa_branch branch, uint32_t *splits)
{
    const struct lte_nsa_op *o = &a->op->nsa;
    const struct lte_nsa_cache *c = &a->cache;
    const bool pooled = branch == LTE_NSA_POOLED, chosen = branch == LTE_NSA_SELECTED;
    const uint64_t window = o->window < c->tokens ? o->window : c->tokens;
    const size_t top = a->selection.selector.top;
    struct lte_sparse_attend_params p = {.segment = a->group->first,
                                         .heads = (uint32_t)o->key_heads,
                                         .group = (uint32_t)(o->heads / o->key_heads),
                                         .head_dim = (uint32_t)o->head_dim,
                                         .rows = (uint32_t)a->group->rows,
                                         .scale = (float)(1.0 / sqrt((double)o->head_dim)),
                                         .k = pooled ? lte_vk_words(c->pool_k) : lte_vk_words(c->k),
                                         .v = pooled ? lte_vk_words(c->pool_v) : lte_vk_words(c->v),
                                         .entries = (uint32_t)(pooled ? c->blocks : c->tokens),
                                         .window = (uint32_t)window,
                                         .pool = (uint32_t)o->block,
                                         .top = (uint32_t)top,
                                         .lists = (uint32_t)o->key_heads};
    const struct lte_vk_tiles t = lte_vk_tiles(a->e->device, &(struct lte_vk_tiling){
        .heads = p.heads,
        .group = p.group,
        .head_dim = p.head_dim,
        .rows = p.rows,
        .queries = chosen ? 1 : p.rows,
        .segments = a->group->count,
        .keys = pooled ? c->blocks : chosen ? top * o->block : window});
    const struct lte_vk_sparse s = {.op = a->op,
                                    .state = a->state,
                                    .chosen = chosen ? a->selection.chosen : lte_vk_none(),
                                    .to = lte_vk_scratch(a->e, t.shares_bytes),
                                    .type = pooled ? LTE_DTYPE_F32 : c->type,
                                    .range = pooled   ? LTE_SPARSE_POOLED
                                             : chosen ? LTE_SPARSE_CHOSEN
                                                      : LTE_SPARSE_RECENT,
                                    .apart = true};
    p.splits = *splits = t.splits;
    lte_vk_sparse_attend(a->e, a->group, &s, &t, &p);
    return s.to;
}

static void attend(const struct nsa *a)
{
    const struct lte_nsa_op *o = &a->op->nsa;
    struct lte_nsa_join_params p = {.segment = a->group->first,
                                    .heads = (uint32_t)o->heads,
                                    .head_dim = (uint32_t)o->head_dim,
                                    .rows = (uint32_t)a->group->rows};
    struct lte_vk_range shares[LTE_NSA_BRANCHES];
    for (unsigned b = 0; b < LTE_NSA_BRANCHES; b++)
        shares[b] = branch(a, (enum lte_nsa_branch)b, &p.splits[b]);
    lte_vk_run(a->e, &(struct lte_vk_call){
        .kernel = LTE_VK_nsa_join,
        .bind = {a->e->segments, shares[LTE_NSA_POOLED], shares[LTE_NSA_SELECTED],
                 shares[LTE_NSA_WINDOW], lte_vk_value(a->e, a->op->in[3]),
                 lte_vk_value(a->e, a->op->out)},
        .push = &p,
        .x = o->heads,
        .y = a->group->rows,
        .z = a->group->count});
}

void lte_vk_encode_nsa(struct lte_vk_encoder *e, const struct lte_op *op)
{
    for (size_t i = 0; i < e->groups; i++) {
        struct nsa a = {.e = e, .op = op, .group = &e->group[i]};
        lte_nsa_carve(&op->nsa, a.group->params, lte_vk_nowhere(), &a.cache);
        lte_vk_sparse_fits(e, op->nsa.head_dim, 0, a.cache.type);
        a.state = lte_vk_state(e, a.group, op);
        store(&a);
        pool(&a);
        choose(&a);
        attend(&a);
    }
}
