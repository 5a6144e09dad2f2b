// SPDX-License-Identifier: BSD-2-Clause
// Attention of a single query (decoding): bound by how fast keys and values arrive, so each is read
// once for all heads of the group, straight from its storage type, and no key needs a mask. Hardware
// prefetchers lose the thread when keys and values take turns, so each row is asked for about a tile
// before it is read: values while scores are formed, the next keys while values are summed. It comes
// into the second-level cache: the first has no room for a tile of either.
#ifndef LTE_SIMD_BODY_ATTEND_ONE_H
#define LTE_SIMD_BODY_ATTEND_ONE_H

#include <float.h>
#include <math.h>

#include "simd/body/attend_tile.h"
#include "simd/body/math.h"

// Keys and heads whose products are formed together, in VREGS registers.
enum { ONE_KEYS = 4, ONE_HEADS = VREGS == 32 ? 4 : 2 };

enum { LINE = 64 }; // bytes a prefetch brings

struct one {
    size_t heads, dim, row;   // row: floats from one head to the next in q and o
    float *q, *o;             // [heads][row]: the scaled query; the sums so far
    float *s;                 // [heads][TILE]: scores, then weights
    float *max, *rise, *sum;  // [heads]: of the scores, of the maximum in this tile, of the weights
};

// Adds VL products, or the `tail` last ones, to the sums of each head and key.
LTE_INLINE void one_scores_step(V acc[ONE_HEADS][ONE_KEYS], const float *q, size_t q_row,
                                const char *const *row, size_t d, const size_t heads,
                                size_t tail, load_fn *load, const size_t size)
{
    V kv[ONE_KEYS];
    LTE_UNROLL for (size_t j = 0; j < ONE_KEYS; j++)
        kv[j] = tail ? load_n(row[j] + d * size, tail, size, load) : load(row[j] + d * size);
    LTE_UNROLL for (size_t h = 0; h < heads; h++) {
        const V qv = v_load(q + h * q_row);
        LTE_UNROLL for (size_t j = 0; j < ONE_KEYS; j++)
            acc[h][j] = v_fma(qv, kv[j], acc[h][j]);
    }
}

LTE_INLINE void one_scores_block(const struct one *p, const struct tile *t, size_t key, size_t head,
                                 const size_t heads, load_fn *load, const size_t size)
{
    V acc[ONE_HEADS][ONE_KEYS];
    const char *row[ONE_KEYS]; // in registers: the compiler cannot know that s is not k
    LTE_UNROLL for (size_t h = 0; h < heads; h++)
        LTE_UNROLL for (size_t j = 0; j < ONE_KEYS; j++)
            acc[h][j] = v_zero();
    LTE_UNROLL for (size_t j = 0; j < ONE_KEYS; j++)
        row[j] = t->k[key + j];
    const float *q = p->q + head * p->row;
    const char *next = t->v[key]; // right where all keys of the span are seen
    const size_t whole = p->dim / VL * VL, line = LINE / size, step = t->v_step;
    size_t d = 0;
    for (; d + line <= whole; d += line) {
        LTE_UNROLL for (size_t j = 0; j < ONE_KEYS; j++)
            v_prefetch_l2(next + j * step + d * size);
        LTE_UNROLL for (size_t i = 0; i < line; i += VL)
            one_scores_step(acc, q + d + i, p->row, row, d + i, heads, 0, load, size);
    }
    for (; d < whole; d += VL)
        one_scores_step(acc, q + d, p->row, row, d, heads, 0, load, size);
    if (whole < p->dim)
        one_scores_step(acc, q + whole, p->row, row, whole, heads, p->dim - whole, load, size);
    LTE_UNROLL for (size_t h = 0; h < heads; h++)
        v_sum4(p->s + (head + h) * TILE + key, acc[h][0], acc[h][1], acc[h][2], acc[h][3]);
}

// Scores of whole blocks of keys: some beyond the last one are written.
LTE_INLINE void one_scores(const struct one *p, const struct tile *t, load_fn *load,
                           const size_t size)
{
    for (size_t key = 0; key < t->keys; key += ONE_KEYS) {
        size_t h = 0;
        for (; h + ONE_HEADS <= p->heads; h += ONE_HEADS)
            one_scores_block(p, t, key, h, ONE_HEADS, load, size);
        for (; h < p->heads; h++)
            one_scores_block(p, t, key, h, 1, load, size);
    }
}

// Scores of one head to weights against the new maximum. Masked lanes of the last vector weigh 0.
static void one_weights(struct one *p, size_t h, size_t keys)
{
    float *s = p->s + h * TILE;
    V max = v_set1(p->max[h]), sum = v_zero();
    size_t end = keys;
    for (; end % VL; end++)
        s[end] = -INFINITY;
    for (size_t j = 0; j < end; j += VL)
        max = v_max(v_load(s + j), max);
    const float top = v_max_all(max);
    for (size_t j = 0; j < end; j += VL) {
        const V e = v_exp(v_sub(v_load(s + j), v_set1(top)));
        v_store(s + j, e);
        sum = v_add(sum, e);
    }
    p->rise[h] = v_first(v_exp(v_set1(p->max[h] - top)));
    p->sum[h] = p->sum[h] * p->rise[h] + v_sum(sum);
    p->max[h] = top;
}

LTE_INLINE void one_values_block(const struct one *p, const struct tile *t, size_t d, size_t head,
                                 const size_t heads, const size_t cols, const size_t tail,
                                 load_fn *load, const size_t size)
{
    V acc[ONE_HEADS][8];
    LTE_UNROLL for (size_t h = 0; h < heads; h++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            acc[h][c] = v_zero();
    const float *s = p->s + head * TILE;
    const char *next = t->k[0] + TILE * t->k_step + d * size;
    for (size_t key = 0; key < t->keys; key++, s++, next += t->k_step) {
        const char *v = t->v[key] + d * size;
        LTE_UNROLL for (size_t line = 0; line < cols * VL * size; line += LINE)
            v_prefetch_l2(next + line);
        V vv[8];
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            vv[c] = tail ? load_n(v, tail, size, load) : load(v + c * VL * size);
        LTE_UNROLL for (size_t h = 0; h < heads; h++) {
            const V w = v_set1(s[h * TILE]);
            LTE_UNROLL for (size_t c = 0; c < cols; c++)
                acc[h][c] = v_fma(w, vv[c], acc[h][c]);
        }
    }
    LTE_UNROLL for (size_t h = 0; h < heads; h++) {
        float *o = p->o + (head + h) * p->row + d;
        const V rise = v_set1(p->rise[head + h]);
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            v_store(o + c * VL, v_fma(v_load(o + c * VL), rise, acc[h][c]));
    }
}

LTE_INLINE void one_values_columns(const struct one *p, const struct tile *t, size_t d,
                                   const size_t cols, const size_t tail, load_fn *load,
                                   const size_t size)
{
    size_t h = 0;
    for (; h + ONE_HEADS <= p->heads; h += ONE_HEADS)
        one_values_block(p, t, d, h, ONE_HEADS, cols, tail, load, size);
    for (; h < p->heads; h++)
        one_values_block(p, t, d, h, 1, cols, tail, load, size);
}

LTE_INLINE void one_values(const struct one *p, const struct tile *t, load_fn *load,
                           const size_t size)
{
    size_t d = 0;
    if (p->heads == 1) // more sums at a time, or each waits for the one before
        for (; d + 8 * VL <= p->dim; d += 8 * VL)
            one_values_block(p, t, d, 0, 1, 8, 0, load, size);
    for (; d + 4 * VL <= p->dim; d += 4 * VL)
        one_values_columns(p, t, d, 4, 0, load, size);
    if (d + 2 * VL <= p->dim) {
        one_values_columns(p, t, d, 2, 0, load, size);
        d += 2 * VL;
    }
    if (d + VL <= p->dim) {
        one_values_columns(p, t, d, 1, 0, load, size);
        d += VL;
    }
    if (d < p->dim)
        one_values_columns(p, t, d, 1, p->dim - d, load, size);
}

LTE_INLINE void one_tile_as(struct one *p, struct tile *t, load_fn *load, const size_t size)
{
    tile_round_up(t, ONE_KEYS);
    one_scores(p, t, load, size);
    for (size_t h = 0; h < p->heads; h++)
        one_weights(p, h, t->keys);
    one_values(p, t, load, size);
}

static void one_tile(struct one *p, struct tile *t, enum lte_dtype type)
{
    if (type == LTE_DTYPE_F32)
        one_tile_as(p, t, load_f32, 4);
    else if (type == LTE_DTYPE_BF16)
        one_tile_as(p, t, load_bf16, 2);
    else
        one_tile_as(p, t, load_f16, 2);
}

static struct one one_begin(const struct lte_attend_args *a)
{
    struct one p = {.heads = a->group, .dim = a->head_dim, .row = padded(a->head_dim)};
    p.q = a->scratch;
    p.o = p.q + p.heads * p.row;
    p.s = p.o + p.heads * p.row;
    p.max = p.s + p.heads * TILE;
    p.rise = p.max + p.heads;
    p.sum = p.rise + p.heads;
    memset(p.q, 0, 2 * p.heads * p.row * sizeof(float));
    const float *q = a->q + a->first * a->q_stride;
    for (size_t h = 0; h < p.heads; h++) {
        scaled_row(p.q + h * p.row, q + h * p.dim, a->scale, p.dim);
        p.max[h] = -FLT_MAX; // not -Inf: what a head that sees nothing subtracts must be finite
        p.sum[h] = 0;
    }
    return p;
}

static void attend_one(const struct lte_attend_args *a, enum lte_dtype kv_type)
{
    struct one p = one_begin(a);
    struct tile t;
    for (size_t i = 0; i < a->spans; i++) {
        const enum lte_dtype type = a->span[i].f32 ? LTE_DTYPE_F32 : kv_type;
        for (size_t s = 0; s < a->span[i].keys;) {
            s = tile_fill(&t, a, &a->span[i], s, type == LTE_DTYPE_F32 ? 4 : 2);
            if (t.keys)
                one_tile(&p, &t, type);
        }
    }
    float *o = a->o + a->first * a->o_stride;
    for (size_t h = 0; h < p.heads; h++) {
        scaled_row(o + h * p.dim, p.o + h * p.row, p.sum[h] == 0 ? 0 : 1 / p.sum[h], p.dim);
        if (a->lse)
            a->lse[a->first * a->lse_stride + h] = log_sum(p.max[h], p.sum[h]);
    }
}

#endif
