// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/attend_grad.h over the vector vocabulary of vec.h and transpose(): five matrix
// products a head. Keys lie in the lanes of the vectors for scores and weights, so that masks and
// the gradient of the gate need no shuffles and the transposed keys serve all heads. Queries and
// gradients of outputs are copied once: rows of the caller's memory are often a power of two
// apart, where few of them fit in the first-level cache.
#ifndef LTE_SIMD_BODY_ATTEND_GRAD_H
#define LTE_SIMD_BODY_ATTEND_GRAD_H

#include <stdbool.h>
#include <string.h>

#include "simd/body/math.h"
#include "simd/table.h"

enum {
    GRAD_KEYS = LTE_ATTEND_GRAD_KEYS,
    GRAD_QUERIES = LTE_ATTEND_GRAD_QUERIES,
    GRAD_BLOCK = VREGS == 32 ? 8 : 4 // broadcast numbers by two vectors: a block in registers
};

struct attend_grad {
    size_t dim, wide;          // floats of a head, and rounded up to whole vectors
    size_t keys, count;
    bool partial;              // not every query sees every key
    float *kt, *vt;            // [wide][KEYS]: transposed
    float *k, *dk, *dv;        // [KEYS][wide]; k scaled
    float *q, *d_o, *dq;       // [QUERIES][wide]; q scaled
    float *p, *f;              // [QUERIES][KEYS]: scores, then weights; their gradient
    float *delta, *lse;        // [QUERIES]
    float *from, *until, *gate; // [KEYS]; queries counted from the first
};

static inline size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

// c[m][n] = sum_k a(m, k) b[k][n], where a(m, k) is a[m*a_row + k*a_col]
struct grad_product {
    float *c;
    const float *a, *b;
    size_t c_row, b_row;
    size_t m, n, depth;        // whole blocks and vectors
    bool add;                  // to what c holds
};

LTE_INLINE void grad_block(const struct grad_product *p, size_t m, size_t n, size_t a_row,
                           const size_t a_col, const size_t cols)
{
    V acc[GRAD_BLOCK][2];
    LTE_UNROLL for (size_t i = 0; i < GRAD_BLOCK; i++)
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            acc[i][c] = v_zero();
    const float *a = p->a + m * a_row, *b = p->b + n;
    for (size_t k = 0; k < p->depth; k++, a += a_col, b += p->b_row) {
        V bv[2];
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            bv[c] = v_load(b + c * VL);
        LTE_UNROLL for (size_t i = 0; i < GRAD_BLOCK; i++) {
            const V av = v_set1(a[i * a_row]);
            LTE_UNROLL for (size_t c = 0; c < cols; c++)
                acc[i][c] = v_fma(av, bv[c], acc[i][c]);
        }
    }
    LTE_UNROLL for (size_t i = 0; i < GRAD_BLOCK; i++) {
        float *to = p->c + (m + i) * p->c_row + n;
        LTE_UNROLL for (size_t c = 0; c < cols; c++)
            v_store(to + c * VL, p->add ? v_add(v_load(to + c * VL), acc[i][c]) : acc[i][c]);
    }
}

LTE_INLINE void grad_multiply(const struct grad_product *p, size_t a_row, const size_t a_col)
{
    size_t n = 0;
    for (; n + 2 * VL <= p->n; n += 2 * VL)
        for (size_t m = 0; m < p->m; m += GRAD_BLOCK)
            grad_block(p, m, n, a_row, a_col, 2);
    if (n < p->n)
        for (size_t m = 0; m < p->m; m += GRAD_BLOCK)
            grad_block(p, m, n, a_row, a_col, 1);
}

// c[query][key] = sum_d a[query][d] b[d][key]
static void grad_scores(const struct attend_grad *w, float *c, const float *a, const float *b)
{
    const struct grad_product p = {c, a, b, GRAD_KEYS, GRAD_KEYS, round_up(w->count, GRAD_BLOCK),
                                   round_up(w->keys, VL), w->dim, false};
    grad_multiply(&p, w->wide, 1);
}

// c[key][d] += sum_query a[query][key] b[query][d]
static void grad_to_keys(const struct attend_grad *w, float *c, const float *a, const float *b)
{
    const struct grad_product p = {c, a, b, w->wide, w->wide, round_up(w->keys, GRAD_BLOCK),
                                   round_up(w->dim, VL), w->count, true};
    grad_multiply(&p, 1, GRAD_KEYS);
}

// c[query][d] = sum_key a[query][key] b[key][d]
static void grad_to_queries(const struct attend_grad *w, float *c, const float *a, const float *b)
{
    const struct grad_product p = {c, a, b, w->wide, w->wide, round_up(w->count, GRAD_BLOCK),
                                   round_up(w->dim, VL), w->keys, false};
    grad_multiply(&p, GRAD_KEYS, 1);
}

static inline size_t grad_row(const struct lte_attend_grad_args *a, size_t s)
{
    return a->at ? a->at[s] : s;
}

// VL columns from d on of a row of `dim`, zeros after its end.
static inline V grad_load(const float *x, size_t d, size_t dim)
{
    return d + VL <= dim ? v_load(x + d) : v_load_n(x + d, dim - d);
}

// to[d] = from[d] * by for d < wide, zeros after `dim`
static void grad_copy(const struct attend_grad *w, float *to, const float *from, float by)
{
    for (size_t d = 0; d < w->dim; d += VL)
        v_store(to + d, v_mul(grad_load(from, d, w->dim), v_set1(by)));
}

static void grad_add_row(const struct attend_grad *w, float *to, const float *from)
{
    size_t d = 0;
    for (; d + VL <= w->dim; d += VL)
        v_store(to + d, v_add(v_load(to + d), v_load(from + d)));
    if (d < w->dim)
        v_store_n(to + d, v_add(v_load_n(to + d, w->dim - d), v_load(from + d)), w->dim - d);
}

// to[d][s] = x[row s][d]; keys that do not exist are zero.
static void grad_transpose(const struct attend_grad *w, const struct lte_attend_grad_args *a,
                           float *to, const float *x)
{
    for (size_t s = 0; s < w->keys; s += VL) {
        const float *row[VL];
        for (size_t i = 0; i < VL; i++)
            row[i] = s + i < w->keys ? x + grad_row(a, s + i) * a->k_stride : NULL;
        for (size_t d = 0; d < w->dim; d += VL) {
            V m[VL];
            LTE_UNROLL for (size_t i = 0; i < VL; i++)
                m[i] = row[i] ? grad_load(row[i], d, w->dim) : v_zero();
            transpose(m);
            LTE_UNROLL for (size_t i = 0; i < VL; i++)
                v_store(to + (d + i) * GRAD_KEYS + s, m[i]);
        }
    }
}

static void grad_see(struct attend_grad *w, const struct lte_attend_grad_args *a)
{
    const uint32_t first = (uint32_t)a->first, end = (uint32_t)(a->first + a->count);
    w->partial = false;
    for (size_t s = 0; s < a->keys; s++) {
        const uint32_t from = a->from[s] > first ? a->from[s] : first;
        const uint32_t until = a->until[s] < end ? a->until[s] : end;
        w->partial |= from != first || until != end;
        w->from[s] = (float)(from - first);
        w->until[s] = until > first ? (float)(until - first) : 0;
    }
}

static struct attend_grad grad_begin(const struct lte_attend_grad_args *a)
{
    struct attend_grad w = {.dim = a->head_dim, .wide = round_up(a->head_dim, 16),
                            .keys = a->keys, .count = a->count};
    const size_t block = GRAD_KEYS * w.wide;
    w.kt = a->scratch;
    w.vt = w.kt + block;
    w.k = w.vt + block;
    w.dk = w.k + block;
    w.dv = w.dk + block;
    w.q = w.dv + block;
    w.d_o = w.q + block;
    w.dq = w.d_o + block;
    w.p = w.dq + block;
    w.f = w.p + GRAD_QUERIES * GRAD_KEYS;
    w.delta = w.f + GRAD_QUERIES * GRAD_KEYS;
    w.lse = w.delta + GRAD_QUERIES;
    w.from = w.lse + GRAD_QUERIES;
    w.until = w.from + GRAD_KEYS;
    w.gate = w.until + GRAD_KEYS;
    grad_see(&w, a);
    grad_transpose(&w, a, w.kt, a->k);
    grad_transpose(&w, a, w.vt, a->v);
    for (size_t s = 0; s < a->keys; s++)
        grad_copy(&w, w.k + s * w.wide, a->k + grad_row(a, s) * a->k_stride, a->scale);
    memset(w.dk, 0, 2 * block * sizeof(float));
    memset(w.gate, 0, GRAD_KEYS * sizeof(float));
    return w;
}

// The queries of one head, and what their outputs and gradients of these have in common. Rows that
// fill up a block are zero.
static void grad_queries(const struct attend_grad *w, const struct lte_attend_grad_args *a,
                         size_t g)
{
    for (size_t r = 0; r < a->count; r++) {
        const size_t i = a->first + r, at = i * a->q_stride + g * a->head_dim;
        V delta = v_zero();
        grad_copy(w, w->q + r * w->wide, a->q + at, a->scale);
        for (size_t d = 0; d < w->dim; d += VL) {
            const V d_o = grad_load(a->d_o + at, d, w->dim);
            v_store(w->d_o + r * w->wide + d, d_o);
            delta = v_fma(d_o, grad_load(a->o + at, d, w->dim), delta);
        }
        w->delta[r] = v_sum(delta);
        w->lse[r] = a->lse[i * a->lse_stride + g];
    }
    for (size_t r = a->count; r % GRAD_BLOCK; r++) {
        memset(w->q + r * w->wide, 0, w->wide * sizeof(float));
        memset(w->d_o + r * w->wide, 0, w->wide * sizeof(float));
    }
}

// From scores p and products f = do . v to weights and their gradient, for VL keys from s on.
LTE_INLINE void grad_weights_of(const struct attend_grad *w, size_t s, const bool partial)
{
    const V from = v_sub(v_load(w->from + s), v_set1(0.5f));
    const V until = v_sub(v_load(w->until + s), v_set1(0.5f));
    V gate = v_load(w->gate + s), query = v_zero();
    float *p = w->p + s, *f = w->f + s;
    for (size_t r = 0; r < w->count; r++, p += GRAD_KEYS, f += GRAD_KEYS) {
        const V product = v_load(f);
        V weight = v_exp(v_sub(v_load(p), v_set1(w->lse[r])));
        V e = v_mul(weight, product), slope = v_mul(weight, v_sub(product, v_set1(w->delta[r])));
        if (partial) {
            const V seen = v_gt_select(query, from, until, v_set1(-1.0f));
            weight = v_gt_select(seen, query, weight, v_zero());
            e = v_gt_select(seen, query, e, v_zero());
            slope = v_gt_select(seen, query, slope, v_zero());
            query = v_add(query, v_set1(1.0f));
        }
        v_store(p, weight);
        v_store(f, slope);
        gate = v_add(gate, e);
    }
    v_store(w->gate + s, gate);
}

static void grad_weights(const struct attend_grad *w)
{
    for (size_t s = 0; s < w->keys; s += VL) {
        if (w->partial)
            grad_weights_of(w, s, true);
        else
            grad_weights_of(w, s, false);
    }
}

static void grad_head(const struct attend_grad *w, const struct lte_attend_grad_args *a, size_t g)
{
    grad_queries(w, a, g);
    grad_scores(w, w->p, w->q, w->kt);
    grad_scores(w, w->f, w->d_o, w->vt);
    grad_weights(w);
    grad_to_keys(w, w->dv, w->p, w->d_o);
    grad_to_keys(w, w->dk, w->f, w->q);
    grad_to_queries(w, w->dq, w->f, w->k);
    for (size_t r = 0; r < a->count; r++)
        grad_add_row(w, a->dq + (a->first + r) * a->q_stride + g * a->head_dim,
                     w->dq + r * w->wide);
}

static void attend_grad(const struct lte_attend_grad_args *a)
{
    const struct attend_grad w = grad_begin(a);
    for (size_t g = 0; g < a->group; g++)
        grad_head(&w, a, g);
    for (size_t s = 0; s < a->keys; s++) {
        const size_t row = grad_row(a, s);
        grad_add_row(&w, a->dk + row * a->k_stride, w.dk + s * w.wide);
        grad_add_row(&w, a->dv + row * a->k_stride, w.dv + s * w.wide);
        if (a->dgate)
            a->dgate[row * a->gate_stride] += w.gate[s];
    }
}

#endif
