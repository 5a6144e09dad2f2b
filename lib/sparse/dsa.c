// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/sparse/dsa.h"

#include <math.h>

enum { TILE = 64 }; // keys that are widened, and stay in the cache for all heads and queries of a run

void lte_dsa_head_weights(const struct lte_dsa_op *op, const float *index, float *weight)
{
    const bool mean = op->rule == LTE_INDEX_DOT;
    const double heads = (double)op->index_heads, dim = (double)op->index_dim;
    const float scale = (float)(mean ? 1 / heads : 1 / sqrt(heads * dim));
    const float *w = index + lte_dsa_weight_column(op);
    for (size_t h = 0; h < op->index_heads; h++)
        weight[h] = mean ? scale : w[h] * scale;
}

// A mean of products is one product with the mean query.
static void mean_query(const struct lte_dsa_op *op, const struct lte_kernels *k, const float *index,
                       float *mean)
{
    const size_t dim = op->index_dim;
    for (size_t d = 0; d < dim; d++)
        mean[d] = index[d];
    for (size_t h = 1; h < op->index_heads; h++)
        k->add(mean, mean, index + h * dim, dim);
}

struct room {
    float *tile, *weight, *mean, *index;
    size_t bytes;
};

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

static struct room carve(const struct lte_dsa_op *op, void *scratch)
{
    const size_t tile = TILE * padded(op->index_dim), weight = LTE_DSA_RUN * padded(op->index_heads);
    const size_t mean = LTE_DSA_RUN * padded(op->index_dim), index = lte_index_scratch(TILE);
    struct room r = {.bytes = (tile + weight + mean + index) * sizeof(float)};
    if (scratch) {
        r.tile = scratch;
        r.weight = r.tile + tile;
        r.mean = r.weight + weight;
        r.index = r.mean + mean;
    }
    return r;
}

size_t lte_dsa_score_scratch(const struct lte_dsa_op *op)
{
    return carve(op, NULL).bytes;
}

struct scorer {
    const struct lte_dsa_op *op;
    const struct lte_kernels *kernels;
    const struct lte_dsa_index_keys *keys;
    struct room room;
};

// What kernels read of a query, but for the keys.
static struct lte_index_args begin(const struct scorer *s, const struct lte_dsa_query *query, size_t i)
{
    const struct lte_dsa_op *op = s->op;
    float *weight = s->room.weight + i * padded(op->index_heads);
    float *mean = s->room.mean + i * padded(op->index_dim);
    const bool one = op->rule == LTE_INDEX_DOT;
    lte_dsa_head_weights(op, query->index, weight);
    if (one)
        mean_query(op, s->kernels, query->index, mean);
    return (struct lte_index_args){.rule = op->rule,
                                   .q = one ? mean : query->index,
                                   .weight = weight,
                                   .q_stride = op->index_dim,
                                   .heads = one ? 1 : op->index_heads,
                                   .dim = op->index_dim,
                                   .scratch = s->room.index};
}

// Keys [first, first + n) in fp32; the distance between them goes to *stride.
static const float *tile(const struct scorer *s, uint64_t first, size_t n, size_t *stride)
{
    const struct lte_dsa_index_keys *k = s->keys;
    const size_t size = lte_dtype_size(k->type), dim = s->op->index_dim;
    const unsigned char *from = (const unsigned char *)k->keys + (size_t)first * k->stride * size;
    if (k->type == LTE_DTYPE_F32) {
        *stride = k->stride;
        return (const float *)(const void *)from;
    }
    *stride = padded(dim);
    for (size_t i = 0; i < n; i++)
        s->kernels->widen[k->type](s->room.tile + i * *stride, from + i * k->stride * size, dim);
    return s->room.tile;
}

void lte_dsa_score(const struct lte_dsa_op *op, const struct lte_kernels *kernels,
                   const struct lte_dsa_index_keys *keys, uint64_t first, uint64_t end,
                   const struct lte_dsa_query *query, size_t count, void *scratch)
{
    const struct scorer s = {op, kernels, keys, carve(op, scratch)};
    struct lte_index_args args[LTE_DSA_RUN];
    for (size_t i = 0; i < count; i++)
        args[i] = begin(&s, &query[i], i);
    for (uint64_t at = first; at < end; at += TILE) {
        const size_t n = end - at < TILE ? (size_t)(end - at) : TILE;
        size_t stride;
        const float *k = tile(&s, at, n, &stride);
        for (size_t i = 0; i < count; i++) {
            if (query[i].position < at)
                continue;
            const uint64_t seen = query[i].position + 1 - at;
            args[i].k = k;
            args[i].k_stride = stride;
            args[i].keys = seen < n ? (size_t)seen : n;
            args[i].score = query[i].score + at;
            kernels->index(&args[i]);
        }
    }
}

struct lte_selector lte_dsa_selector(const struct lte_dsa_op *op)
{
    return (struct lte_selector){.pool = 1,
                                 .top = op->top,
                                 .first = op->first,
                                 .last = op->last,
                                 .rule = op->rule,
                                 .heads = op->index_heads,
                                 .dim = op->index_dim};
}

void lte_dsa_attend(const struct lte_dsa_op *op, const struct lte_kernels *kernels,
                    const struct lte_dsa_keys *keys, const struct lte_dsa_rows *rows, float *scratch)
{
    const struct lte_kv_span span = {.k = keys->k,
                                     .v = keys->v,
                                     .k_stride = keys->stride,
                                     .v_stride = keys->stride,
                                     .from = keys->from,
                                     .until = keys->until,
                                     .keys = keys->keys,
                                     .at = keys->at};
    kernels->attend[keys->type](&(struct lte_attend_args){
        .q = rows->q,
        .o = rows->o,
        .q_stride = rows->stride,
        .o_stride = rows->stride,
        .first = rows->first,
        .count = rows->count,
        .group = op->heads / op->key_heads,
        .head_dim = op->head_dim,
        .scale = (float)(1.0 / sqrt((double)op->head_dim)),
        .span = &span,
        .spans = 1,
        .lse = rows->lse,
        .lse_stride = rows->lse_stride,
        .scratch = scratch,
    });
}
