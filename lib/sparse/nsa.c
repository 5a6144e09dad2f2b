// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/sparse/nsa.h"

#include <math.h>
#include <string.h>

struct lte_selector lte_nsa_selector(const struct lte_nsa_op *op)
{
    return (struct lte_selector){.pool = op->block,
                                 .top = op->top,
                                 .first = 1,
                                 .last = 2,
                                 .rule = LTE_INDEX_SOFTMAX,
                                 .heads = op->heads / op->key_heads,
                                 .dim = op->head_dim,
                                 .scale = (float)(1.0 / sqrt((double)op->head_dim))};
}

struct room {
    float *attend, *select;
    uint32_t *from, *until; // [keys of a branch]
    uint32_t *at;           // [selected tokens]
    uint32_t *unit;         // [selected blocks]
    size_t bytes;
};

static size_t at_most(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static struct room carve(const struct lte_nsa_op *op, uint64_t tokens, void *scratch)
{
    const struct lte_selector s = lte_nsa_selector(op);
    const size_t units = at_most(op->top, tokens / op->block + 1);
    const size_t selected = at_most(tokens, (uint64_t)units * op->block);
    const size_t window = at_most(tokens, (uint64_t)op->window + LTE_ATTEND_QUERIES);
    const size_t blocks = (size_t)(tokens / op->block);
    size_t keys = selected > window ? selected : window;
    keys = keys > blocks ? keys : blocks;
    const size_t size[] = {lte_attend_scratch(s.heads, s.dim), lte_select_scratch(&s, tokens), keys,
                           keys, selected, units};
    size_t offset[6], at = 0;
    for (size_t i = 0; i < 6; i++) {
        offset[i] = at;
        at += (size[i] + 15) / 16 * 16; // floats and words are four bytes
    }
    struct room r = {.bytes = at * sizeof(float)};
    if (scratch) {
        float *f = scratch;
        uint32_t *u = scratch;
        r.attend = f + offset[0];
        r.select = f + offset[1];
        r.from = u + offset[2];
        r.until = u + offset[3];
        r.at = u + offset[4];
        r.unit = u + offset[5];
    }
    return r;
}

size_t lte_nsa_scratch(const struct lte_nsa_op *op, uint64_t tokens)
{
    return carve(op, tokens, NULL).bytes;
}

struct call {
    const struct lte_nsa_op *op;
    const struct lte_kernels *kernels;
    const struct lte_nsa_keys *keys;
    const struct lte_nsa_queries *queries;
    struct room room;
    uint64_t end; // position after the last query
};

static void attend(const struct call *c, enum lte_nsa_branch branch, size_t first, size_t count,
                   const struct lte_kv_span *span)
{
    const struct lte_nsa_queries *q = c->queries;
    float *lse = q->lse[branch];
    c->kernels->attend[c->keys->type](&(struct lte_attend_args){
        .q = q->q + first * q->q_stride,
        .o = q->o[branch] + first * q->o_stride,
        .q_stride = q->q_stride,
        .o_stride = q->o_stride,
        .count = count,
        .group = c->op->heads / c->op->key_heads,
        .head_dim = c->op->head_dim,
        .scale = (float)(1.0 / sqrt((double)c->op->head_dim)),
        .span = span,
        .spans = 1,
        .lse = lse ? lse + first * q->lse_stride : NULL,
        .lse_stride = q->lse_stride,
        .scratch = c->room.attend,
    });
}

static struct lte_kv_span span_from(const struct call *c, uint64_t first, size_t keys)
{
    const size_t at = (size_t)first * c->keys->stride * lte_dtype_size(c->keys->type);
    return (struct lte_kv_span){.k = (const char *)c->keys->k + at,
                                .v = (const char *)c->keys->v + at,
                                .k_stride = c->keys->stride,
                                .v_stride = c->keys->stride,
                                .from = c->room.from,
                                .until = c->room.until,
                                .keys = keys};
}

// The first query that sees a key which appears at `position`.
static uint32_t seen_from(const struct call *c, uint64_t position)
{
    return position > c->queries->position ? (uint32_t)(position - c->queries->position) : 0;
}

// A block is there in time for the query of its own last token.
static void pooled(const struct call *c)
{
    const size_t blocks = (size_t)(c->end / c->op->block);
    for (size_t b = 0; b < blocks; b++) {
        c->room.from[b] = seen_from(c, (b + 1) * (uint64_t)c->op->block - 1);
        c->room.until[b] = UINT32_MAX;
    }
    attend(c, LTE_NSA_POOLED, 0, c->queries->count,
           &(struct lte_kv_span){.k = c->keys->pool_k,
                                 .v = c->keys->pool_v,
                                 .k_stride = c->op->head_dim,
                                 .v_stride = c->op->head_dim,
                                 .from = c->room.from,
                                 .until = c->room.until,
                                 .keys = blocks,
                                 .f32 = 1});
}

static void window(const struct call *c)
{
    const uint64_t position = c->queries->position, w = c->op->window;
    const uint64_t first = position + 1 > w ? position + 1 - w : 0;
    const size_t keys = (size_t)(c->end - first);
    for (size_t s = 0; s < keys; s++) {
        const uint64_t until = first + s + w - position;
        c->room.from[s] = seen_from(c, first + s);
        c->room.until[s] = until < UINT32_MAX ? (uint32_t)until : UINT32_MAX;
    }
    const struct lte_kv_span span = span_from(c, first, keys);
    attend(c, LTE_NSA_WINDOW, 0, c->queries->count, &span);
}

static void keep_units(const struct call *c, size_t i, size_t units)
{
    const struct lte_nsa_queries *q = c->queries;
    if (!q->unit)
        return;
    uint32_t *to = q->unit + i * q->unit_stride;
    for (size_t n = 0; n < q->units; n++)
        to[n] = n < units ? c->room.unit[n] : UINT32_MAX;
}

// Every query has its own blocks.
static void selected(const struct call *c)
{
    const struct lte_selector s = lte_nsa_selector(c->op);
    const struct lte_nsa_queries *q = c->queries;
    size_t ranges = 0;
    for (size_t i = 0; i < q->count; i++) {
        const uint64_t position = q->position + i;
        const struct lte_select_query query = {.position = position,
                                               .q = q->q + i * q->q_stride,
                                               .q_stride = c->op->head_dim,
                                               .key = c->keys->pool_k,
                                               .key_stride = c->op->head_dim};
        const size_t units = lte_select(&s, c->kernels, &query, c->room.select, c->room.unit);
        const size_t tokens = lte_select_tokens(&s, c->room.unit, units, position, c->room.at);
        for (; ranges < tokens; ranges++) {
            c->room.from[ranges] = 0;
            c->room.until[ranges] = UINT32_MAX;
        }
        struct lte_kv_span span = span_from(c, 0, tokens);
        span.at = c->room.at;
        attend(c, LTE_NSA_SELECTED, i, 1, &span);
        keep_units(c, i, units);
    }
}

void lte_nsa_attend(const struct lte_nsa_op *op, const struct lte_kernels *kernels,
                    const struct lte_nsa_keys *keys, const struct lte_nsa_queries *queries,
                    void *scratch)
{
    const uint64_t end = queries->position + queries->count;
    const struct call c = {op, kernels, keys, queries, carve(op, end, scratch), end};
    pooled(&c);
    window(&c);
    selected(&c);
}

void lte_nsa_pool(const struct lte_nsa_op *op, const struct lte_kernels *kernels, const void *rows,
                  size_t stride, enum lte_dtype type, uint64_t first, uint64_t end, float *pool,
                  float *row)
{
    const size_t dim = op->head_dim, step = stride * lte_dtype_size(type);
    for (uint64_t b = first; b < end; b++) {
        const char *from = (const char *)rows + (size_t)(b * op->block) * step;
        float *mean = pool + (size_t)b * dim;
        memset(mean, 0, dim * sizeof *mean);
        for (size_t i = 0; i < op->block; i++, from += step) {
            kernels->widen[type](row, from, dim);
            kernels->add(mean, mean, row, dim);
        }
        for (size_t d = 0; d < dim; d++)
            mean[d] /= (float)op->block;
    }
}

void lte_nsa_mix(const struct lte_nsa_op *op, const struct lte_kernels *kernels, const float *gate,
                 const float *const o[LTE_NSA_BRANCHES], float *out)
{
    const size_t group = op->heads / op->key_heads, dim = op->head_dim;
    for (size_t h = 0; h < group; h++) {
        float open[LTE_NSA_BRANCHES];
        kernels->sigmoid(open, gate + h * LTE_NSA_BRANCHES, LTE_NSA_BRANCHES);
        for (size_t d = h * dim; d < (h + 1) * dim; d++)
            out[d] = open[LTE_NSA_POOLED] * o[LTE_NSA_POOLED][d] +
                     open[LTE_NSA_SELECTED] * o[LTE_NSA_SELECTED][d] +
                     open[LTE_NSA_WINDOW] * o[LTE_NSA_WINDOW][d];
    }
}
