// SPDX-License-Identifier: BSD-2-Clause
// Attention of several queries (prefill): two matrix products a tile. A row is one head of one
// query; rows lie in the lanes of the vectors for the scores and the softmax, so that masks, maxima
// and sums need no shuffles, and in blocks of broadcast weights for the values.
#ifndef LTE_SIMD_BODY_ATTEND_MANY_H
#define LTE_SIMD_BODY_ATTEND_MANY_H

#include <float.h>
#include <math.h>

#include "simd/body/attend_tile.h"
#include "simd/body/math.h"

// Broadcast numbers by two vectors: a block of either product, in VREGS registers.
enum { MANY_BLOCK = VREGS == 32 ? 8 : 4 };

struct many {
    size_t rows, dim, wide;           // rows padded to whole blocks; floats of a padded head
    size_t queries;
    float *q;                         // [dim][rows], scaled
    float *s;                         // [TILE][rows]: scores, then weights
    float *o;                         // [rows][wide]: the sums so far
    float *max, *rise, *sum, *query;  // [rows]; query: the row's, counted from the first
    float *k, *v;                     // [TILE][wide]: 16-bit keys and values widened
};

LTE_INLINE void many_scores_block(const struct many *p, const char *const *k, size_t key, size_t r,
                                  const size_t cols)
{
    V acc[MANY_BLOCK][2];
    LTE_UNROLL for (size_t m = 0; m < MANY_BLOCK; m++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            acc[m][c] = v_zero();
    const float *q = p->q + r;
    for (size_t d = 0; d < p->dim; d++, q += p->rows) {
        V qv[2];
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            qv[c] = v_load(q + c * VL);
        LTE_UNROLL for (size_t m = 0; m < MANY_BLOCK; m++) {
            const V kv = v_set1(((const float *)(const void *)k[key + m])[d]);
            LTE_UNROLL for (size_t c = 0; c < cols; c++)
                acc[m][c] = v_fma(kv, qv[c], acc[m][c]);
        }
    }
    LTE_UNROLL for (size_t m = 0; m < MANY_BLOCK; m++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            v_store(p->s + (key + m) * p->rows + r + c * VL, acc[m][c]);
}

// The columns of q stay in the first-level cache while the keys go by.
static void many_scores(const struct many *p, const struct tile *t)
{
    size_t r = 0;
    for (; r + 2 * VL <= p->rows; r += 2 * VL)
        for (size_t key = 0; key < t->keys; key += MANY_BLOCK)
            many_scores_block(p, t->k, key, r, 2);
    for (; r < p->rows; r += VL)
        for (size_t key = 0; key < t->keys; key += MANY_BLOCK)
            many_scores_block(p, t->k, key, r, 1);
}

// Scores of VL rows at s to -Inf where the row's query does not see the key.
static inline void many_mask(const struct many *p, const struct tile *t, size_t r)
{
    const V hidden = v_set1(-INFINITY), query = v_load(p->query + r);
    for (size_t key = 0; key < t->keys; key++) {
        if (t->until[key] - t->from[key] == (float)p->queries)
            continue;
        float *s = p->s + key * p->rows + r;
        const V begun = v_gt_select(query, v_set1(t->from[key] - 0.5f), v_load(s), hidden);
        v_store(s, v_gt_select(v_set1(t->until[key] - 0.5f), query, begun, hidden));
    }
}

// Scores of VL rows to weights against the new maximum.
static void many_weights(const struct many *p, const struct tile *t, size_t r)
{
    if (t->partial)
        many_mask(p, t, r);
    const V before = v_load(p->max + r);
    float *s = p->s + r;
    V max = before;
    for (size_t key = 0; key < t->keys; key++)
        max = v_max(v_load(s + key * p->rows), max);
    const V rise = v_exp(v_sub(before, max));
    V sum = v_zero();
    for (size_t key = 0; key < t->keys; key++, s += p->rows) {
        const V e = v_exp(v_sub(v_load(s), max));
        v_store(s, e);
        sum = v_add(sum, e);
    }
    v_store(p->max + r, max);
    v_store(p->rise + r, rise);
    v_store(p->sum + r, v_fma(v_load(p->sum + r), rise, sum));
}

LTE_INLINE void many_values_block(const struct many *p, const struct tile *t, size_t r, size_t d,
                                  const size_t cols, const size_t tail)
{
    V acc[MANY_BLOCK][2];
    LTE_UNROLL for (size_t m = 0; m < MANY_BLOCK; m++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            acc[m][c] = v_zero();
    const float *s = p->s + r;
    for (size_t key = 0; key < t->keys; key++, s += p->rows) {
        const char *v = t->v[key] + d * sizeof(float);
        V vv[2];
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            vv[c] = tail ? load_n(v, tail, sizeof(float), load_f32)
                         : load_f32(v + c * VL * sizeof(float));
        LTE_UNROLL for (size_t m = 0; m < MANY_BLOCK; m++) {
            const V w = v_set1(s[m]);
            LTE_UNROLL for (size_t c = 0; c < cols; c++)
                acc[m][c] = v_fma(w, vv[c], acc[m][c]);
        }
    }
    LTE_UNROLL for (size_t m = 0; m < MANY_BLOCK; m++) {
        float *o = p->o + (r + m) * p->wide + d;
        const V rise = v_set1(p->rise[r + m]);
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            v_store(o + c * VL, v_fma(v_load(o + c * VL), rise, acc[m][c]));
    }
}

static void many_values(const struct many *p, const struct tile *t)
{
    size_t d = 0;
    for (; d + 2 * VL <= p->dim; d += 2 * VL)
        for (size_t r = 0; r < p->rows; r += MANY_BLOCK)
            many_values_block(p, t, r, d, 2, 0);
    for (; d + VL <= p->dim; d += VL)
        for (size_t r = 0; r < p->rows; r += MANY_BLOCK)
            many_values_block(p, t, r, d, 1, 0);
    if (d < p->dim)
        for (size_t r = 0; r < p->rows; r += MANY_BLOCK)
            many_values_block(p, t, r, d, 1, p->dim - d);
}

LTE_INLINE void many_widen_as(const struct many *p, struct tile *t, load_fn *load)
{
    for (size_t key = 0; key < t->keys; key++) {
        float *k = p->k + key * p->wide, *v = p->v + key * p->wide;
        size_t d = 0;
        for (; d + VL <= p->dim; d += VL) {
            v_store(k + d, load(t->k[key] + 2 * d));
            v_store(v + d, load(t->v[key] + 2 * d));
        }
        if (d < p->dim) {
            v_store(k + d, load_n(t->k[key] + 2 * d, p->dim - d, 2, load));
            v_store(v + d, load_n(t->v[key] + 2 * d, p->dim - d, 2, load));
        }
        t->k[key] = (const char *)k;
        t->v[key] = (const char *)v;
    }
}

static void many_widen(const struct many *p, struct tile *t, enum lte_dtype type)
{
    if (type == LTE_DTYPE_BF16)
        many_widen_as(p, t, load_bf16);
    else if (type == LTE_DTYPE_F16)
        many_widen_as(p, t, load_f16);
}

// Where row r lies in the memory of the caller, in elements.
static inline size_t many_row(const struct lte_attend_args *a, size_t stride, size_t r)
{
    return (a->first + r / a->group) * stride + r % a->group * a->head_dim;
}

// Lays the queries out by columns; padding rows are zero and belong to a query that sees nothing.
static struct many many_begin(const struct lte_attend_args *a)
{
    const size_t rows = a->count * a->group, unit = VL < MANY_BLOCK ? MANY_BLOCK : VL;
    struct many p = {.rows = (rows + unit - 1) / unit * unit, .dim = a->head_dim,
                     .wide = padded(a->head_dim), .queries = a->count};
    p.q = a->scratch;
    p.s = p.q + p.rows * p.dim;
    p.o = p.s + p.rows * TILE;
    p.max = p.o + p.rows * p.wide;
    p.rise = p.max + p.rows;
    p.sum = p.rise + p.rows;
    p.query = p.sum + p.rows;
    p.k = p.query + p.rows;
    p.v = p.k + TILE * p.wide;
    memset(p.q, 0, p.rows * p.dim * sizeof(float));
    memset(p.o, 0, p.rows * p.wide * sizeof(float));
    for (size_t r = 0; r < p.rows; r++) {
        p.max[r] = -FLT_MAX; // not -Inf: what a row that sees nothing subtracts must be finite
        p.sum[r] = 0;
        p.query[r] = (float)(r / a->group);
    }
    for (size_t r = 0; r < rows; r++) {
        const float *q = a->q + many_row(a, a->q_stride, r);
        for (size_t d = 0; d < p.dim; d++)
            p.q[d * p.rows + r] = q[d] * a->scale;
    }
    return p;
}

static void many_tile(const struct many *p, struct tile *t, enum lte_dtype type)
{
    many_widen(p, t, type);
    tile_round_up(t, MANY_BLOCK);
    many_scores(p, t);
    for (size_t r = 0; r < p->rows; r += VL)
        many_weights(p, t, r);
    many_values(p, t);
}

static void attend_many(const struct lte_attend_args *a, enum lte_dtype kv_type)
{
    const struct many p = many_begin(a);
    struct tile t;
    for (size_t i = 0; i < a->spans; i++) {
        const enum lte_dtype type = a->span[i].f32 ? LTE_DTYPE_F32 : kv_type;
        for (size_t s = 0; s < a->span[i].keys;) {
            s = tile_fill(&t, a, &a->span[i], s, type == LTE_DTYPE_F32 ? 4 : 2, TILE);
            if (t.keys)
                many_tile(&p, &t, type);
        }
    }
    for (size_t r = 0; r < a->count * a->group; r++) {
        float *o = a->o + many_row(a, a->o_stride, r);
        scaled_row(o, p.o + r * p.wide, p.sum[r] == 0 ? 0 : 1 / p.sum[r], p.dim);
        if (a->lse)
            a->lse[(a->first + r / a->group) * a->lse_stride + r % a->group] =
                log_sum(p.max[r], p.sum[r]);
    }
}

#endif
