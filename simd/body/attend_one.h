// SPDX-License-Identifier: BSD-2-Clause
// Attention of a single query (decoding): bound by how fast keys and values arrive or, with
// several heads a group, by the multiply-adds. A key is read once for all heads of the group,
// straight from its storage type, and needs no mask.
//
// Loads from L1 are as scarce as multiply-adds: blocks of heads by keys, and of heads by columns,
// take as many sums as the registers hold. What comes next is asked for in the order of memory, as
// one stream that hardware prefetchers can follow, some kilobytes ahead: from the keys of a tile on
// to its values and on to the next keys. It comes into L1, so that no line passes L2 twice.
#ifndef LTE_SIMD_BODY_ATTEND_ONE_H
#define LTE_SIMD_BODY_ATTEND_ONE_H

#include <float.h>
#include <math.h>

#include "simd/body/attend_four.h"
#include "simd/body/attend_load.h"
#include "simd/body/attend_tile.h"
#include "simd/body/math.h"

enum {
    ONE_HEADS = 4,    // of a block; 2 and 1 for the rest of the group
    ONE_KEYS = 24,    // pass one block of heads after the other: whole blocks of 4 and 8
    ONE_MOST = 8,     // keys or columns of a block
    ONE_BYTES = 8192, // of values, pass one block of columns after the other
    AHEAD = 4096      // bytes of keys
};

struct one {
    size_t heads, dim, row;  // row: floats of a head in q and o
    float *q;                // of each block of heads the query, scaled for powers of 2:
                             // [row / VL][heads][VL], of four heads as four_query() has it
    float *o;                // [heads][row]: the sums so far
    float *s;                // of each block of heads, [keys][heads]: scores, then weights
    float *max, *rise, *sum; // of each block, VL lanes of heads in turn: of the scores, of the
                             // maximum in this tile, of the weights
    bool apart;              // pairs of vectors of q and o
};

// Adds `n` vectors of products, or the `tail` last ones, to the sums of each head and key.
LTE_INLINE void one_scores_step(V acc[][ONE_MOST], const float *q, const char *const *row,
                                size_t at, const size_t heads, const size_t keys, const size_t n,
                                size_t tail, load_some_fn *load, const size_t size)
{
    V qv[2], kv[ONE_MOST][2];
    LTE_UNROLL for (size_t i = 0; i < n && heads == 1; i++)
        qv[i] = v_keep(v_load(q + i * VL));
    LTE_UNROLL for (size_t j = 0; j < keys; j++) {
        if (tail)
            load_pair_n(kv[j], row[j] + at, tail, size, load);
        else
            load(kv[j], row[j] + at, n);
        LTE_UNROLL for (size_t i = 0; i < n && heads == 1; i++)
            acc[0][j] = v_fma(qv[i], kv[j][i], acc[0][j]);
    }
    LTE_UNROLL for (size_t i = 0; i < n && heads > 1; i++)
        LTE_UNROLL for (size_t h = 0; h < heads; h++) {
            const V qh = v_load(q + (i * heads + h) * VL);
            LTE_UNROLL for (size_t j = 0; j < keys; j++)
                acc[h][j] = v_fma(qh, kv[j][i], acc[h][j]);
        }
}

// The sums of `keys` keys, four at a time, to s[key][head].
LTE_INLINE void one_scores_sum(float *s, V acc[][ONE_MOST], const size_t heads, const size_t keys)
{
    LTE_UNROLL for (size_t j = 0; j < keys; j += 4 / heads, s += 4) {
        if (heads == 2)
            v_sum4(s, acc[0][j], acc[1][j], acc[0][j + 1], acc[1][j + 1]);
        else
            v_sum4(s, acc[0][j], acc[0][j + 1], acc[0][j + 2], acc[0][j + 3]);
    }
}

// `next`: what to ask for, as many bytes as the keys have, or NULL. Rows are contiguous in most
// caches; where they are not, what is asked for is of no use, and no harm.
LTE_INLINE void one_scores_block(const struct one *p, const struct tile *t, size_t key, size_t head,
                                 const size_t heads, const size_t keys, const char *next,
                                 load_some_fn *load, const size_t size)
{
    V acc[ONE_HEADS][ONE_MOST];
    const char *row[ONE_MOST]; // in registers: the compiler cannot know that s is not k
    LTE_UNROLL for (size_t h = 0; h < heads; h++)
        LTE_UNROLL for (size_t j = 0; j < keys; j++)
            acc[h][j] = v_zero();
    LTE_UNROLL for (size_t j = 0; j < keys; j++)
        row[j] = t->k[key + j];
    const float *q = p->q + head * p->row;
    const size_t whole = p->dim / PAIR * PAIR, n = loads_apart(load) ? 2 : 1;
    for (size_t d = 0; d < whole; d += PAIR) {
        if (next)
            LTE_UNROLL for (size_t at = 0; at < keys * PAIR * size; at += LINE)
                v_prefetch(next + d * keys * size + at);
        LTE_UNROLL for (size_t i = 0; i < PAIR; i += n * VL)
            one_scores_step(acc, q + (d + i) * heads, row, (d + i) * size, heads, keys, n, 0, load,
                            size);
    }
    if (whole < p->dim)
        one_scores_step(acc, q + whole * heads, row, whole * size, heads, keys, 2, p->dim - whole,
                        load, size);
    one_scores_sum(p->s + head * LONG_TILE + key * heads, acc, heads, keys);
}

LTE_INLINE void one_scores_four(const struct one *p, const struct tile *t, size_t key, size_t head,
                                const char *next, load_some_fn *load, const size_t size)
{
    const size_t end = t->keys - key < ONE_KEYS ? t->keys : key + ONE_KEYS;
    for (; key < end; key += FOUR_KEYS) {
        four_scores(p->s + head * LONG_TILE + key * 4, p->q + head * p->row, p->row, t->k + key,
                    p->dim, next, load, size);
        next = next ? next + FOUR_KEYS * p->dim * size : NULL;
    }
}

LTE_INLINE void one_scores_heads(const struct one *p, const struct tile *t, size_t key, size_t head,
                                 const size_t heads, const size_t keys, const char *next,
                                 load_some_fn *load, const size_t size)
{
    const size_t end = t->keys - key < ONE_KEYS ? t->keys : key + ONE_KEYS;
    for (; key < end; key += keys) {
        one_scores_block(p, t, key, head, heads, keys, next, load, size);
        next = next ? next + keys * p->dim * size : NULL;
    }
}

// Scores of whole blocks of keys: some beyond the last one are written.
LTE_INLINE void one_scores(const struct one *p, const struct tile *t, load_some_fn *load,
                           const size_t size)
{
    const size_t ahead = AHEAD / (p->dim * size) + 1;
    for (size_t key = 0; key < t->keys; key += ONE_KEYS) {
        const size_t to = key + ahead;
        const char *next = to < t->keys ? t->k[to] : t->v[0] + (to - t->keys) * t->v_step;
        size_t h = 0;
        for (; h + 4 <= p->heads; h += 4, next = NULL) // what is asked for once is enough
            one_scores_four(p, t, key, h, next, load, size);
        if (h + 2 <= p->heads) {
            one_scores_heads(p, t, key, h, 2, 4, next, load, size);
            h += 2, next = NULL;
        }
        if (h < p->heads)
            one_scores_heads(p, t, key, h, 1, 8, next, load, size);
    }
}

// Each lane becomes the maximum, or the sum, of those that lie a multiple of `heads` from it.
LTE_INLINE V max_of_lanes(V a, const size_t heads)
{
    LTE_UNROLL for (size_t by = heads; by < VL; by *= 2)
        a = v_max(a, v_swap(a, by));
    return a;
}

LTE_INLINE V sum_of_lanes(V a, const size_t heads)
{
    LTE_UNROLL for (size_t by = heads; by < VL; by *= 2)
        a = v_add(a, v_swap(a, by));
    return a;
}

// Scores of a block of heads to weights against the new maximum. Lanes beyond the last key weigh 0.
// `next`: what to ask for meanwhile, the values that follow those asked for with the keys.
LTE_INLINE void one_weights(const struct one *p, size_t head, const size_t heads, size_t keys,
                            const char *next)
{
    float *s = p->s + head * LONG_TILE;
    size_t end = keys * heads;
    for (; end % VL; end++)
        s[end] = -INFINITY;
    const V before = v_load(p->max + head * VL);
    V top = before, other = before, sum = v_zero();
    size_t at = 0;
    for (; at + VL < end; at += 2 * VL) {
        top = v_max(v_load(s + at), top);
        other = v_max(v_load(s + at + VL), other);
    }
    if (at < end)
        top = v_max(v_load(s + at), top);
    top = max_of_lanes(v_max(top, other), heads);
    for (size_t i = 0; i < end; i += VL) {
        const V e = v_exp2(v_sub(v_load(s + i), top));
        v_prefetch(next + i / VL * LINE);
        v_store(s + i, e);
        sum = v_add(sum, e);
    }
    const V rise = v_exp2(v_sub(before, top));
    v_store(p->max + head * VL, top);
    v_store(p->rise + head * VL, rise);
    v_store(p->sum + head * VL,
            v_fma(v_load(p->sum + head * VL), rise, sum_of_lanes(sum, heads)));
}

static void one_weights_all(const struct one *p, size_t keys, const char *next)
{
    size_t h = 0;
    for (; h + 4 <= p->heads; h += 4)
        one_weights(p, h, 4, keys, next);
    if (h + 2 <= p->heads) {
        one_weights(p, h, 2, keys, next);
        h += 2;
    }
    if (h < p->heads)
        one_weights(p, h, 1, keys, next);
}

// Adds a key's values, by its weights w, to the sums of each head and column.
LTE_INLINE void one_values_step(V acc[][ONE_MOST], const char *v, const float *w,
                                const size_t heads, const size_t cols, size_t tail,
                                load_some_fn *load, const size_t size)
{
    const size_t some = heads == 1 ? 2 : cols; // columns in registers at a time
    LTE_UNROLL for (size_t from = 0; from < cols; from += some) {
        V vv[ONE_MOST];
        if (tail)
            load_pair_n(vv, v, tail, size, load);
        else
            load(vv, v + from * VL * size, some);
        LTE_UNROLL for (size_t h = 0; h < heads; h++) {
            const V weight = v_set1(w[h]);
            LTE_UNROLL for (size_t c = 0; c < some; c++)
                acc[h][from + c] = v_fma(weight, vv[c], acc[h][from + c]);
        }
    }
}

// Values [key, end) in columns from d on. `next`: as many bytes to ask for, or NULL.
LTE_INLINE void one_values_block(const struct one *p, const struct tile *t, size_t key, size_t end,
                                 size_t d, size_t head, const size_t heads, const size_t cols,
                                 const size_t tail, const char *next, load_some_fn *load,
                                 const size_t size)
{
    // A single head with few columns takes keys in turn, or each sum waits for the one before.
    const size_t turns = heads == 1 && cols <= 4 ? 2 : 1;
    const float *s = p->s + head * LONG_TILE, *rise = p->rise + head * VL;
    float *o = p->o + head * p->row + d;
    V acc[ONE_HEADS][ONE_MOST];
    LTE_UNROLL for (size_t h = 0; h < heads; h++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            acc[h][c] = v_mul(v_set1(key ? 1 : rise[h]), v_load(o + h * p->row + c * VL));
    LTE_UNROLL for (size_t c = 0; c < cols && turns == 2; c++)
        acc[1][c] = v_zero();
    for (; key + turns <= end; key += turns) {
        if (next) {
            LTE_UNROLL for (size_t at = 0; at < turns * cols * VL * size; at += LINE)
                v_prefetch(next + at);
            next += turns * cols * VL * size;
        }
        LTE_UNROLL for (size_t i = 0; i < turns; i++)
            one_values_step(acc + i, t->v[key + i] + d * size, s + (key + i) * heads, heads, cols,
                            tail, load, size);
    }
    if (key < end)
        one_values_step(acc, t->v[key] + d * size, s + key * heads, heads, cols, tail, load, size);
    LTE_UNROLL for (size_t c = 0; c < cols && turns == 2; c++)
        acc[0][c] = v_add(acc[0][c], acc[1][c]);
    LTE_UNROLL for (size_t h = 0; h < heads; h++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            v_store(o + h * p->row + c * VL, acc[h][c]);
}

LTE_INLINE void one_values_heads(const struct one *p, const struct tile *t, size_t key, size_t end,
                                 size_t head, const size_t heads, const size_t wide,
                                 const char *next, load_some_fn *load, const size_t size)
{
    size_t left = p->dim / VL, d = 0;
    // Four are two by two if three would leave one alone.
    for (; left >= wide && !(wide == 3 && left == 4); left -= wide, d += wide * VL) {
        one_values_block(p, t, key, end, d, head, heads, wide, 0, next, load, size);
        next = next ? next + (end - key) * wide * VL * size : NULL;
    }
    if (wide == 8 && left >= 4) {
        one_values_block(p, t, key, end, d, head, heads, 4, 0, next, load, size);
        left -= 4, d += 4 * VL;
    }
    for (; left >= 2; left -= 2, d += PAIR) {
        one_values_block(p, t, key, end, d, head, heads, 2, 0, next, load, size);
        next = next ? next + (end - key) * PAIR * size : NULL;
    }
    if (d < p->dim)
        one_values_block(p, t, key, end, d, head, heads, 2, p->dim - d, NULL, load, size);
}

LTE_INLINE void one_values(const struct one *p, const struct tile *t, load_some_fn *load,
                           const size_t size)
{
    const size_t four = VREGS == 32 ? 4 : loads_apart(load) ? 2 : 3; // columns that 4 heads take
    const size_t some = ONE_BYTES / (p->dim * size) / 2 * 2 + 2;
    for (size_t key = 0; key < t->keys; key += some) {
        const size_t to = key + some, end = to < t->keys ? to : t->keys;
        const char *next = to < t->keys ? t->v[to] : t->k[0] + to * t->k_step;
        size_t h = 0;
        for (; h + 4 <= p->heads; h += 4, next = NULL)
            one_values_heads(p, t, key, end, h, 4, four, next, load, size);
        if (h + 2 <= p->heads) {
            one_values_heads(p, t, key, end, h, 2, 4, next, load, size);
            h += 2, next = NULL;
        }
        if (h < p->heads)
            one_values_heads(p, t, key, end, h, 1, 8, next, load, size);
    }
}

LTE_INLINE void one_tile_as(const struct one *p, struct tile *t, load_some_fn *load,
                            const size_t size)
{
    tile_round_up(t, ONE_KEYS);
    one_scores(p, t, load, size);
    one_weights_all(p, t->keys, t->v[0] + AHEAD);
    one_values(p, t, load, size);
}

static void one_tile(const struct one *p, struct tile *t, enum lte_dtype type)
{
    if (type == LTE_DTYPE_BF16)
        one_tile_as(p, t, load_apart_bf16, 2);
    else if (type == LTE_DTYPE_F16)
        one_tile_as(p, t, load_some_f16, 2);
    else if (p->apart)
        one_tile_as(p, t, load_apart_f32, 4);
    else
        one_tile_as(p, t, load_some_f32, 4);
}

// Heads of the block that head h is in, and its first one: blocks of four, then of two and one.
static inline size_t one_block_heads(size_t heads, size_t h)
{
    const size_t four = heads / 4 * 4;
    return h < four ? 4 : h < four + (heads & 2) ? 2 : 1;
}

static inline size_t one_block(size_t heads, size_t h)
{
    return h / one_block_heads(heads, h) * one_block_heads(heads, h);
}

static void one_query(const struct one *p, size_t h, const float *q, float scale)
{
    const size_t heads = one_block_heads(p->heads, h), block = one_block(p->heads, h);
    float *to = p->q + block * p->row, *row = p->o; // o is not used yet
    scaled_row(row, q, scale, p->dim);
    memset(row + p->dim, 0, (p->row - p->dim) * sizeof *row);
    for (size_t d = 0; d < p->row && p->apart; d += PAIR) {
        V two[2];
        load_apart_f32(two, (const char *)(row + d), 2);
        v_store(row + d, two[0]);
        v_store(row + d + VL, two[1]);
    }
    if (heads == 4)
        four_query(to, h - block, row, p->row);
    for (size_t d = 0; d < p->row && heads < 4; d += VL)
        v_store(to + d * heads + (h - block) * VL, v_load(row + d));
}

static struct one one_begin(const struct lte_attend_args *a, enum lte_dtype kv_type)
{
    struct one p = {.heads = a->group, .dim = a->head_dim, .apart = kv_type == LTE_DTYPE_BF16};
    p.row = (p.dim / PAIR + 2) * PAIR; // the last columns are taken as a pair, from any vector on
    p.q = a->scratch;
    p.o = p.q + p.heads * p.row;
    p.s = p.o + p.heads * p.row;
    p.max = p.s + p.heads * LONG_TILE;
    p.rise = p.max + p.heads * VL;
    p.sum = p.rise + p.heads * VL;
    for (size_t h = 0; h < p.heads; h++)
        one_query(&p, h, a->q + a->first * a->q_stride + h * p.dim, a->scale * LOG2_E);
    memset(p.o, 0, p.heads * p.row * sizeof *p.o);
    for (size_t i = 0; i < p.heads * VL; i++) {
        p.max[i] = -FLT_MAX; // not -Inf: what a head that sees nothing subtracts must be finite
        p.sum[i] = 0;
    }
    return p;
}

// o[0..n) = x * by, x being a row of pairs of vectors that are apart.
static void one_row_together(float *o, const float *x, float by, size_t n)
{
    const V f = v_set1(by);
    size_t d = 0;
    for (; d + PAIR <= n; d += PAIR) {
        V a, b;
        v_zip(v_mul(v_load(x + d), f), v_mul(v_load(x + d + VL), f), &a, &b);
        v_store(o + d, a);
        v_store(o + d + VL, b);
    }
    for (; d < n; d++)
        o[d] = x[apart(d)] * by;
}

static void one_end(const struct lte_attend_args *a, const struct one *p)
{
    float *o = a->o + a->first * a->o_stride;
    for (size_t h = 0; h < p->heads; h++, o += p->dim) {
        const size_t block = one_block(p->heads, h);
        const size_t lane = block * VL + h - block;
        const float sum = p->sum[lane], by = sum == 0 ? 0 : 1 / sum;
        const float *row = p->o + h * p->row;
        if (a->lse)
            a->lse[a->first * a->lse_stride + h] = log_sum(p->max[lane] * LN_2, sum);
        if (p->apart)
            one_row_together(o, row, by, p->dim);
        else
            scaled_row(o, row, by, p->dim);
    }
}

static void attend_one(const struct lte_attend_args *a, enum lte_dtype kv_type)
{
    const struct one p = one_begin(a, kv_type);
    struct tile t;
    for (size_t i = 0; i < a->spans; i++) {
        const enum lte_dtype type = a->span[i].f32 ? LTE_DTYPE_F32 : kv_type;
        for (size_t s = 0; s < a->span[i].keys;) {
            s = tile_fill(&t, a, &a->span[i], s, type == LTE_DTYPE_F32 ? 4 : 2, LONG_TILE);
            if (t.keys)
                one_tile(&p, &t, type);
        }
    }
    one_end(a, &p);
}

#endif
