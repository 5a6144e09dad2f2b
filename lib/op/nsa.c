// SPDX-License-Identifier: BSD-2-Clause
// nsa: native sparse attention over a cache of every token. Keys and values of a call are written
// first, so that everything a query looks at lies in one place, and a block's mean the moment its
// last token is there; nothing is ever overwritten.
#include "config.h"

#include "lib/op/nsa.h"

#include "lib/grad/grad.h"
#include "lib/session.h"
#include "lib/sparse/nsa.h"

size_t lte_nsa_carve(const struct lte_nsa_op *op, const struct lte_session_params *params,
                     void *state, struct lte_nsa_cache *cache)
{
    const struct lte_nsa_cache c = {.type = params->kv_dtype,
                            .tokens = (size_t)params->max_tokens,
                            .blocks = (size_t)(params->max_tokens / op->block)};
    const size_t width = op->key_heads * op->head_dim;
    const size_t entries = lte_align(c.tokens * width * lte_dtype_size(c.type));
    const size_t means = lte_align(c.blocks * width * sizeof(float));
    if (state) {
        unsigned char *p = state;
        *cache = c;
        cache->k = p;
        cache->v = p + entries;
        cache->pool_k = (float *)(void *)(p + 2 * entries);
        cache->pool_v = (float *)(void *)(p + 2 * entries + means);
    }
    return 2 * entries + 2 * means;
}

struct nsa {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *q, *k, *v, *gate;
    float *o;
};

static struct lte_nsa_cache cache_of(const struct nsa *a, const struct lte_segment *g)
{
    struct lte_nsa_cache c;
    lte_nsa_carve(&a->op->nsa, &g->session->params, lte_exec_state(a->exec, a->op, g->session), &c);
    return c;
}

static struct lte_nsa_keys keys_of(const struct lte_nsa_op *op, const struct lte_nsa_cache *c, size_t head)
{
    const size_t entries = head * c->tokens * op->head_dim * lte_dtype_size(c->type);
    const size_t means = head * c->blocks * op->head_dim;
    return (struct lte_nsa_keys){.k = c->k + entries,
                                 .v = c->v + entries,
                                 .stride = op->head_dim,
                                 .type = c->type,
                                 .pool_k = c->pool_k + means,
                                 .pool_v = c->pool_v + means};
}

static void append_head(const struct nsa *a, const struct lte_segment *g, size_t head,
                        float *scratch)
{
    const struct lte_nsa_op *op = &a->op->nsa;
    const struct lte_kernels *kernels = a->exec->kernels;
    const struct lte_nsa_cache c = cache_of(a, g);
    const size_t dim = op->head_dim, size = lte_dtype_size(c.type);
    const size_t at = (head * c.tokens + (size_t)g->position) * dim * size;
    for (size_t r = 0; r < g->rows; r++) {
        const size_t from = ((g->row + r) * op->key_heads + head) * dim;
        kernels->narrow[c.type](c.k + at + r * dim * size, a->k + from, dim);
        kernels->narrow[c.type](c.v + at + r * dim * size, a->v + from, dim);
    }
    const uint64_t first = g->position / op->block, end = (g->position + g->rows) / op->block;
    const struct lte_nsa_keys keys = keys_of(op, &c, head);
    const size_t means = head * c.blocks * dim;
    lte_nsa_pool(op, kernels, keys.k, dim, c.type, first, end, c.pool_k + means, scratch);
    lte_nsa_pool(op, kernels, keys.v, dim, c.type, first, end, c.pool_v + means, scratch);
}

// Queries [first, first + count) of a segment, for the query heads of one key head.
static void queries(const struct nsa *a, const struct lte_segment *g, size_t head, size_t first,
                    size_t count, unsigned char *scratch)
{
    const struct lte_nsa_op *op = &a->op->nsa;
    const struct lte_nsa_cache c = cache_of(a, g);
    const struct lte_nsa_keys keys = keys_of(op, &c, head);
    const size_t group = op->heads / op->key_heads, width = group * op->head_dim;
    const size_t row = (g->row + first) * op->heads + head * group;
    float *o = (float *)(void *)scratch;
    const size_t branch = LTE_ATTEND_QUERIES * width;
    const struct lte_nsa_queries q = {.q = a->q + row * op->head_dim,
                                      .q_stride = op->heads * op->head_dim,
                                      .position = g->position + first,
                                      .count = count,
                                      .o = {o, o + branch, o + 2 * branch},
                                      .o_stride = width};
    lte_nsa_attend(op, a->exec->kernels, &keys, &q,
                   scratch + lte_align(LTE_NSA_BRANCHES * branch * sizeof(float)));
    for (size_t i = 0; i < count; i++) {
        const float *const from[LTE_NSA_BRANCHES] = {q.o[0] + i * width, q.o[1] + i * width,
                                                     q.o[2] + i * width};
        const size_t at = row + i * op->heads;
        lte_nsa_mix(op, a->exec->kernels, a->gate + at * LTE_NSA_BRANCHES, from,
                    a->o + at * op->head_dim);
    }
}

// A segment of one token: append and attend are one item.
static void single(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const size_t key_heads = a->op->nsa.key_heads;
    const struct lte_segment *g = &a->exec->segment[item / key_heads];
    unsigned char *scratch = lte_exec_scratch(a->exec, thread);
    append_head(a, g, item % key_heads, (float *)(void *)scratch);
    queries(a, g, item % key_heads, 0, 1, scratch);
}

static void append_item(void *arg, size_t head, unsigned thread)
{
    const struct nsa *a = arg;
    append_head(a, a->exec->segment, head, lte_exec_scratch(a->exec, thread));
}

static void queries_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_segment *g = a->exec->segment;
    const size_t heads = a->op->nsa.key_heads;
    const size_t first = item / heads * LTE_ATTEND_QUERIES, left = g->rows - first;
    queries(a, g, item % heads, first, left < LTE_ATTEND_QUERIES ? left : LTE_ATTEND_QUERIES,
            lte_exec_scratch(a->exec, thread));
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    struct nsa a = {.exec = x,
                          .op = op,
                          .q = lte_exec_value(x, op->in[0]),
                          .k = lte_exec_value(x, op->in[1]),
                          .v = lte_exec_value(x, op->in[2]),
                          .gate = lte_exec_value(x, op->in[3]),
                          .o = lte_exec_value(x, op->out)};
    const size_t heads = op->nsa.key_heads;
    if (x->segment[0].rows == 1) { // a step of one or more sessions
        lte_exec_for(x, x->segments * heads, single, &a);
        return;
    }
    const size_t blocks = (x->segment[0].rows + LTE_ATTEND_QUERIES - 1) / LTE_ATTEND_QUERIES;
    lte_exec_for(x, heads, append_item, &a);
    lte_exec_for(x, blocks * heads, queries_item, &a);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_nsa_op *o = &op->nsa;
    const size_t kv = o->key_heads * o->head_dim;
    const bool fits = o->heads % o->key_heads == 0 && in_width[0] == o->heads * o->head_dim &&
                      in_width[1] == kv && in_width[2] == kv &&
                      in_width[3] == o->heads * LTE_NSA_BRANCHES;
    return fits ? in_width[0] : 0;
}

static size_t state(const struct lte_op *op, const struct lte_session_params *params, bool *grows)
{
    *grows = true;
    return lte_nsa_carve(&op->nsa, params, NULL, NULL);
}

static void blank(const struct lte_op *op, const struct lte_session_params *params, uint64_t position,
                  void *state_)
{
    const struct lte_nsa_op *o = &op->nsa;
    const size_t reached = (size_t)position, complete = reached / o->block;
    struct lte_nsa_cache c;
    lte_nsa_carve(o, params, state_, &c);
    lte_op_blank(c.k, o->key_heads, c.tokens, reached, o->head_dim * lte_dtype_size(c.type));
    lte_op_blank(c.v, o->key_heads, c.tokens, reached, o->head_dim * lte_dtype_size(c.type));
    lte_op_blank(c.pool_k, o->key_heads, c.blocks, complete, o->head_dim * sizeof *c.pool_k);
    lte_op_blank(c.pool_v, o->key_heads, c.blocks, complete, o->head_dim * sizeof *c.pool_v);
}

static void scratch(const struct lte_op *op, const struct lte_session_params *params,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_nsa_op *o = &op->nsa;
    const size_t width = o->heads / o->key_heads * o->head_dim;
    (void)kernels;
    *shared = 0;
    *each = lte_align(LTE_NSA_BRANCHES * LTE_ATTEND_QUERIES * width * sizeof(float)) +
            lte_align(lte_nsa_scratch(o, params->max_tokens));
}

// Importances, and three attentions: means, selected tokens, window.
static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    const struct lte_nsa_op *o = &op->nsa;
    const double tokens = (double)position + 1, dim = (double)o->head_dim;
    const double means = tokens / (double)o->block, all = (double)(o->top * o->block);
    const double picked = (tokens < all ? tokens : all) +
                          (tokens < (double)o->window ? tokens : (double)o->window);
    cost->flops += dim * (double)(o->heads * rows) * (6 * means + 4 * picked);
    cost->state_bytes += 2 * dim * (double)o->key_heads *
                         (means * sizeof(float) +
                          picked * (double)lte_dtype_size(params->kv_dtype));
}

const struct lte_op_row lte_op_nsa = {.name = "nsa",
                                      .width = width,
                                      .state = state,
                                      .reset = lte_op_keep_state,
                                      .scratch = scratch,
                                      .blank = blank,
                                      .compute = compute,
                                      .cost = cost,
                                      .gradient = &lte_grad_nsa};
