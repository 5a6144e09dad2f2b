// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/index.h over the vector vocabulary of vec.h: products of a few heads by four
// keys in registers, then a pass over the products of each head.
#ifndef LTE_SIMD_BODY_INDEX_H
#define LTE_SIMD_BODY_INDEX_H

#include <float.h>

#include "simd/body/math.h"
#include "simd/index.h"

enum { INDEX_KEYS = 4, INDEX_HEADS = VREGS == 32 ? LTE_INDEX_HEADS : 2 };

static inline size_t index_row(size_t keys)
{
    return (keys + 15) / 16 * 16;
}

LTE_INLINE void index_step(V acc[INDEX_HEADS][INDEX_KEYS], const struct lte_index_args *a,
                           const float *q, const float *const *k, size_t d, const size_t heads,
                           const size_t tail)
{
    V kv[INDEX_KEYS];
    LTE_UNROLL for (size_t j = 0; j < INDEX_KEYS; j++)
        kv[j] = tail ? v_load_n(k[j] + d, tail) : v_load(k[j] + d);
    LTE_UNROLL for (size_t h = 0; h < heads; h++) {
        const float *p = q + h * a->q_stride + d;
        const V qv = tail ? v_load_n(p, tail) : v_load(p);
        LTE_UNROLL for (size_t j = 0; j < INDEX_KEYS; j++)
            acc[h][j] = v_fma(qv, kv[j], acc[h][j]);
    }
}

// Products of heads [head, head + heads) by all keys, to scratch[heads][row].
LTE_INLINE void index_products(const struct lte_index_args *a, size_t head, const size_t heads)
{
    const float *q = a->q + head * a->q_stride;
    const size_t row = index_row(a->keys);
    for (size_t c = 0; c < a->keys; c += INDEX_KEYS) {
        V acc[INDEX_HEADS][INDEX_KEYS];
        const float *k[INDEX_KEYS];
        LTE_UNROLL for (size_t j = 0; j < INDEX_KEYS; j++)
            k[j] = a->k + (c + j < a->keys ? c + j : a->keys - 1) * a->k_stride;
        LTE_UNROLL for (size_t h = 0; h < heads; h++)
            LTE_UNROLL for (size_t j = 0; j < INDEX_KEYS; j++)
                acc[h][j] = v_zero();
        size_t d = 0;
        for (; d + VL <= a->dim; d += VL)
            index_step(acc, a, q, k, d, heads, 0);
        if (d < a->dim)
            index_step(acc, a, q, k, d, heads, a->dim - d);
        LTE_UNROLL for (size_t h = 0; h < heads; h++)
            v_sum4(a->scratch + h * row + c, acc[h][0], acc[h][1], acc[h][2], acc[h][3]);
    }
}

static inline void index_add(float *y, V x, size_t n)
{
    if (n >= VL)
        v_store(y, v_add(v_load(y), x));
    else
        v_store_n(y, v_add(v_load_n(y, n), x), n);
}

// s is a row of whole vectors: products beyond the last key become -FLT_MAX, whose weight is 0.
static void index_softmax(const struct lte_index_args *a, float *s)
{
    const V scale = v_set1(a->scale);
    V max = v_set1(-FLT_MAX), sum = v_zero();
    size_t end = a->keys;
    for (size_t c = 0; c + VL <= a->keys; c += VL)
        v_store(s + c, v_mul(v_load(s + c), scale));
    for (size_t c = a->keys / VL * VL; c < a->keys; c++)
        s[c] *= a->scale;
    for (; end % VL; end++)
        s[end] = -FLT_MAX;
    for (size_t c = 0; c < end; c += VL)
        max = v_max(v_load(s + c), max);
    const V top = v_set1(v_max_all(max));
    for (size_t c = 0; c < end; c += VL) {
        const V e = v_exp(v_sub(v_load(s + c), top));
        v_store(s + c, e);
        sum = v_add(sum, e);
    }
    const V by = v_set1(1 / v_sum(sum));
    for (size_t c = 0; c < a->keys; c += VL)
        index_add(a->score + c, v_mul(v_load(s + c), by), a->keys - c);
}

static void index_weigh(const struct lte_index_args *a, const float *s, float weight)
{
    const V by = v_set1(weight);
    for (size_t c = 0; c < a->keys; c += VL) {
        const V x = v_load(s + c);
        const V y = a->rule == LTE_INDEX_RELU ? v_max(v_zero(), x) : x;
        index_add(a->score + c, v_mul(y, by), a->keys - c);
    }
}

static void index_combine(const struct lte_index_args *a, size_t head, size_t heads)
{
    for (size_t h = 0; h < heads; h++) {
        float *s = a->scratch + h * index_row(a->keys);
        if (a->rule == LTE_INDEX_SOFTMAX)
            index_softmax(a, s);
        else
            index_weigh(a, s, a->weight[head + h]);
    }
}

static void index_keys(const struct lte_index_args *a)
{
    size_t h = 0;
    for (size_t c = 0; c < a->keys; c++)
        a->score[c] = 0;
    for (; h + INDEX_HEADS <= a->heads; h += INDEX_HEADS) {
        index_products(a, h, INDEX_HEADS);
        index_combine(a, h, INDEX_HEADS);
    }
    for (; h < a->heads; h++) {
        index_products(a, h, 1);
        index_combine(a, h, 1);
    }
}

#endif
