// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the linear step with per-channel decay over the vector vocabulary of vec.h and
// transpose(), in the recurrent form: 16 columns of the state at a time, forwards keeping the state
// after every token, then backwards.
//
// What a token adds to dq, dk and dlog_decay is a sum over the columns for each channel. VL
// channels are taken together: their products lie in VL vectors, which are turned and added, so
// that a sum costs as much as a load. An element of the state takes 3 multiply-adds forwards and 8
// backwards, and is read and written twice; 16 columns with all their tokens stay in the
// second-level cache.
#ifndef LTE_SIMD_BODY_DIAG_GRAD_H
#define LTE_SIMD_BODY_DIAG_GRAD_H

#include <stdbool.h>
#include <string.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/diag_grad.h"

enum { COLUMNS = LTE_DELTA_COLUMNS, N = COLUMNS / VL };

// 16 columns of the state.
struct block {
    const struct lte_diag_grad_args *a;
    size_t column, width;           // width: columns in use
    size_t keys;                    // key_dim padded: row stride of decay
    float *state;                   // [tokens + 1][key_dim][16]
    float *grad;                    // [key_dim][16]: of the state
    float *decay;                   // [tokens][keys]
    float *error, *delta;           // [tokens][16]: e and d
};

LTE_INLINE V load_some(const float *p, size_t left)
{
    return left >= VL ? v_load(p) : left ? v_load_n(p, left) : v_zero();
}

LTE_INLINE void add_some(float *p, V x, size_t left)
{
    if (left >= VL)
        v_store(p, v_add(v_load(p), x));
    else if (left)
        v_store_n(p, v_add(v_load_n(p, left), x), left);
}

// Row t of a [tokens][value_dim] matrix: this block's columns.
LTE_INLINE void load_columns(V y[N], const struct block *b, const float *row)
{
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        const size_t left = b->width > n * VL ? b->width - n * VL : 0;
        y[n] = load_some(row + b->column + (left ? n * VL : 0), left);
    }
}

// Lane r of the result is the sum of m[r].
LTE_INLINE V sums(V m[VL])
{
    transpose(m);
    LTE_UNROLL for (size_t half = VL / 2; half; half /= 2)
        LTE_UNROLL for (size_t i = 0; i < half; i++)
            m[i] = v_add(m[i], m[i + half]);
    return m[0];
}

// ---- forwards ----

static void decays(const struct block *b)
{
    const struct lte_diag_grad_args *a = b->a;
    for (size_t t = 0; t < a->tokens; t++)
        for (size_t x = 0; x < a->key_dim; x += VL) {
            const float *g = a->log_decay + t * a->decay_stride + x * a->decay_step;
            const V row = a->decay_step ? load_some(g, a->key_dim - x) : v_set1(*g);
            v_store(b->decay + t * b->keys + x, v_exp(row));
        }
}

// B^T k, with B left where the next state will be.
LTE_INLINE void decay_state(const struct block *b, size_t t, V seen[N])
{
    const size_t rows = b->a->key_dim;
    const float *old = b->state + t * rows * COLUMNS, *k = b->a->k + t * b->a->k_stride;
    float *next = b->state + (t + 1) * rows * COLUMNS;
    const float *decay = b->decay + t * b->keys;
    V odd[N];
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        seen[n] = odd[n] = v_zero();
    for (size_t x = 0; x < rows; x++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const V s = v_mul(v_set1(decay[x]), v_load(old + x * COLUMNS + n * VL));
            v_store(next + x * COLUMNS + n * VL, s);
            if (x & 1)
                odd[n] = v_fma(v_set1(k[x]), s, odd[n]);
            else
                seen[n] = v_fma(v_set1(k[x]), s, seen[n]);
        }
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        seen[n] = v_add(seen[n], odd[n]);
}

LTE_INLINE void forward_token(const struct block *b, size_t t, const bool erase)
{
    const struct lte_diag_grad_args *a = b->a;
    const float *k = a->k + t * a->k_stride;
    float *next = b->state + (t + 1) * a->key_dim * COLUMNS;
    V seen[N], d[N];
    decay_state(b, t, seen);
    load_columns(d, b, a->v + t * a->v_stride);
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        if (erase)
            d[n] = v_sub(d[n], seen[n]);
        if (a->beta) {
            v_store(b->error + t * COLUMNS + n * VL, d[n]);
            d[n] = v_mul(v_set1(a->beta[t * a->beta_stride]), d[n]);
        }
        v_store(b->delta + t * COLUMNS + n * VL, d[n]);
    }
    for (size_t x = 0; x < a->key_dim; x++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            float *s = next + x * COLUMNS + n * VL;
            v_store(s, v_fma(v_set1(k[x]), d[n], v_load(s)));
        }
}

// ---- backwards ----

// G += q do^T, dq += S do, and G^T k: channels x.. of which `count` exist.
LTE_INLINE void read_back(const struct block *b, size_t t, size_t x, const size_t count,
                          const V dout[N], V dd[2][N])
{
    const struct lte_diag_grad_args *a = b->a;
    const float *q = a->q + t * a->q_stride + x, *k = a->k + t * a->k_stride + x;
    const float *state = b->state + ((t + 1) * a->key_dim + x) * COLUMNS;
    float *grad = b->grad + x * COLUMNS;
    V row[VL];
    LTE_UNROLL for (size_t r = 0; r < VL; r++)
        row[r] = v_zero();
    LTE_UNROLL for (size_t r = 0; r < count; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const size_t at = r * COLUMNS + n * VL;
            const V g = v_fma(v_set1(q[r]), dout[n], v_load(grad + at));
            v_store(grad + at, g);
            dd[r & 1][n] = v_fma(v_set1(k[r]), g, dd[r & 1][n]);
            row[r] = v_fma(v_load(state + at), dout[n], row[r]);
        }
    add_some(a->dq + t * a->q_stride + x, sums(row), a->key_dim - x);
}

// dk, dlog_decay, and G as the token before sees it.
LTE_INLINE V write_back(const struct block *b, size_t t, size_t x, const size_t count,
                        const V delta[N], const V erased[N], const bool erase)
{
    const struct lte_diag_grad_args *a = b->a;
    const float *k = a->k + t * a->k_stride + x, *decay = b->decay + t * b->keys + x;
    const float *old = b->state + (t * a->key_dim + x) * COLUMNS;
    float *grad = b->grad + x * COLUMNS;
    V keys[VL], gates[VL];
    LTE_UNROLL for (size_t r = 0; r < VL; r++)
        keys[r] = gates[r] = v_zero();
    LTE_UNROLL for (size_t r = 0; r < count; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const size_t at = r * COLUMNS + n * VL;
            const V a_x = v_set1(decay[r]), s = v_mul(a_x, v_load(old + at));
            V g = v_load(grad + at);
            keys[r] = v_fma(g, delta[n], keys[r]);
            if (erase) {
                keys[r] = v_fnma(s, erased[n], keys[r]);
                g = v_fnma(v_set1(k[r]), erased[n], g);
            }
            gates[r] = v_fma(g, s, gates[r]);
            v_store(grad + at, v_mul(a_x, g));
        }
    add_some(a->dk + t * a->k_stride + x, sums(keys), a->key_dim - x);
    const V dg = sums(gates);
    if (a->dlog_decay && a->decay_step)
        add_some(a->dlog_decay + t * a->decay_stride + x, dg, a->key_dim - x);
    return dg;
}

// What beta G^T k does to dv and dbeta; it is left in dd.
LTE_INLINE void value_back(const struct block *b, size_t t, V dd[N])
{
    const struct lte_diag_grad_args *a = b->a;
    V sum = v_zero();
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        if (a->beta) {
            sum = v_fma(dd[n], v_load(b->error + t * COLUMNS + n * VL), sum);
            dd[n] = v_mul(v_set1(a->beta[t * a->beta_stride]), dd[n]);
        }
        if (b->width > n * VL)
            add_some(a->dv + t * a->v_stride + b->column + n * VL, dd[n], b->width - n * VL);
    }
    if (a->beta)
        a->dbeta[t * a->beta_stride] += v_sum(sum);
}

LTE_INLINE void token_back(const struct block *b, size_t t, const bool erase)
{
    const struct lte_diag_grad_args *a = b->a;
    V dout[N], delta[N], dd[2][N], gates = v_zero();
    size_t x = 0;
    load_columns(dout, b, a->dout + t * a->dout_stride);
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        dd[0][n] = dd[1][n] = v_zero();
        delta[n] = v_load(b->delta + t * COLUMNS + n * VL);
    }
    for (; x + VL <= a->key_dim; x += VL)
        read_back(b, t, x, VL, dout, dd);
    if (x < a->key_dim)
        read_back(b, t, x, a->key_dim - x, dout, dd);
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        dd[0][n] = v_add(dd[0][n], dd[1][n]);
    value_back(b, t, dd[0]);
    for (x = 0; x + VL <= a->key_dim; x += VL)
        gates = v_add(gates, write_back(b, t, x, VL, delta, dd[0], erase));
    if (x < a->key_dim)
        gates = v_add(gates, write_back(b, t, x, a->key_dim - x, delta, dd[0], erase));
    if (a->dlog_decay && !a->decay_step)
        a->dlog_decay[t * a->decay_stride] += v_sum(gates);
}

LTE_INLINE void run_block(struct block *b, const bool erase)
{
    const struct lte_diag_grad_args *a = b->a;
    const size_t at = b->column * a->key_dim;
    memcpy(b->state, a->state + at, a->key_dim * COLUMNS * sizeof *b->state);
    b->grad = a->dstate + at;
    for (size_t t = 0; t < a->tokens; t++)
        forward_token(b, t, erase);
    for (size_t t = a->tokens; t-- > 0;)
        token_back(b, t, erase);
}

static void diag_grad(const struct lte_diag_grad_args *a)
{
    struct block b = {.a = a, .keys = (a->key_dim + 15) / 16 * 16, .state = a->scratch};
    b.decay = b.state + (a->tokens + 1) * a->key_dim * COLUMNS;
    b.error = b.decay + a->tokens * b.keys;
    b.delta = b.error + a->tokens * COLUMNS;
    decays(&b);
    for (b.column = 0; b.column < a->value_dim; b.column += COLUMNS) {
        b.width = a->value_dim - b.column < COLUMNS ? a->value_dim - b.column : COLUMNS;
        if (a->beta && !a->keep)
            run_block(&b, true);
        else
            run_block(&b, false);
    }
}

#endif
