// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the gated delta rule in chunkwise form, as products of panels.
//
// With the tokens of a chunk as the rows of Q, K, V and dO, G_i the sum of log decays up to token
// i, Gam_ij = e^{G_i-G_j} for i >= j, "enter" = e^{G_i}, "leave" = e^{G_n-G_i}, S the entry state
// and dS the gradient of the exit state:
//     A = stril(K K^T .* Gam)      P = tril(Q K^T .* Gam)
//     E = V - diag(enter) K S - A D,   D = diag(beta) E        by forward substitution
//     Z = P^T dO + diag(leave) K dS - A^T X,   X = diag(beta) Z    by backward substitution
//     M = tril(dO D^T .* Gam)      R = -stril(X D^T .* Gam)
//     dQ = diag(enter) dO S^T + M K
//     dK = diag(leave) D dS^T - diag(enter) X S^T + M^T Q + (R + R^T) K
//     dV = X,   dbeta = rowsum(Z .* E)
//     dS <- e^{G_n} dS + (diag(enter) Q)^T dO - (diag(enter) K)^T X
// What a log decay changes is everything that passes from before its token to after it, so its
// gradient is a sum over just those pairs:
//     dg_i = sum_{l < i <= j} N_jl + sum_{j >= i} enter_j (<dO S^T, Q>_j - <X S^T, K>_j)
//          + sum_{l < i} leave_l <D dS^T, K>_l + e^{G_n} <S, dS>
// with N = dO D^T .* P - X D^T .* A. (The usual form, a sum of differences of row and column sums,
// leaves rounding errors of pairs that are all before or all after i.)
//
// That is 7 products of n x key_dim x value_dim multiply-adds and 5 to 6 triangular ones of n x n,
// against 10 x key_dim x value_dim a token with the states recomputed, every one of which goes
// through memory. All matrices lie in panels, as the state does.
//
// A file that includes this first defines what body/panel.h asks for.
#ifndef LTE_SIMD_BODY_DELTA_GRAD_H
#define LTE_SIMD_BODY_DELTA_GRAD_H

#include <math.h>
#include <stdint.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/body/panel.h"
#include "simd/delta_grad.h"

enum { TOKENS = LTE_DELTA_GRAD_TOKENS };

// Tokens and columns are padded with zeros to whole panels; the rows of a state are not.
struct work {
    const struct lte_delta_grad_args *a;
    size_t n, keys, values;             // padded
    struct panels s, ds;                // [key_dim][values]
    struct panels q, k, kt, dout;       // kt: [keys][n]
    struct panels d, dt, x;             // D, its transpose, X
    struct panels gam, kk, qk, pairs;   // [n][n]: Gam; A, then R; P, then M; N
    struct panels error;                // [n][GROUP]: E
    struct panels st, dst;              // [values][GROUP]: S^T and dS^T of a group of key columns
    struct panels enter_q, enter_k;     // [n][GROUP]: that group of Q and K, by `enter`
    float *later, *earlier, *beta_sum;  // [n][VL]: terms of dg from i on, those up to i, and dbeta
    float beta[TOKENS], enter[TOKENS], leave[TOKENS];
    double states;                      // e^{G_n} <S, dS>
};

// sum[i + r] += acc .* y, left as VL terms.
LTE_INLINE void add_row_dots(float *sum, tile acc, struct panels y, size_t i, size_t column,
                             const size_t N)
{
    LTE_UNROLL for (size_t r = 0; r < TALL; r++) {
        V s = v_load(sum + (i + r) * VL);
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            s = v_fma(acc[r][n], v_load(cell(y, i + r, column + n * VL)), s);
        v_store(sum + (i + r) * VL, s);
    }
}

// ---- rows of the caller ----

LTE_INLINE void add_to_row(float *p, V x, size_t column, size_t columns)
{
    if (column >= columns)
        return;
    const size_t left = columns - column;
    if (left >= VL)
        v_store(p + column, v_add(v_load(p + column), x));
    else
        v_store_n(p + column, v_add(v_load_n(p + column, left), x), left);
}

// Rows i.. of a gradient with `stride`, those that exist.
LTE_INLINE void add_rows(const struct work *w, float *to, size_t stride, tile acc, size_t i,
                         size_t column, size_t columns, const size_t N)
{
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            if (i + r < w->a->tokens)
                add_to_row(to + (i + r) * stride, acc[r][n], column + n * VL, columns);
}

static void pack(const struct work *w, struct panels to, const float *from, size_t stride,
                 size_t columns)
{
    for (size_t t = 0; t < to.rows; t++)
        for (size_t c = 0; c < (columns + PANEL - 1) / PANEL * PANEL; c += VL)
            v_store(cell(to, t, c), t < w->a->tokens ? load_row(from + t * stride, c, columns)
                                                     : v_zero());
}

// ---- what couples the tokens ----

// sum[j] is the log decay from after token j to after token i: -Inf for tokens to come.
static void decays(struct work *w)
{
    _Alignas(64) float sum[TOKENS];
    const struct lte_delta_grad_args *a = w->a;
    float all[VL] = {0};
    for (size_t j = 0; j < w->n; j++)
        sum[j] = -INFINITY;
    for (size_t i = 0; i < w->n; i++) {
        const float g = i < a->tokens ? a->log_decay[i * a->gate_stride] : 0;
        w->beta[i] = i < a->tokens ? a->beta[i * a->gate_stride] : 0;
        for (size_t j = 0; j < w->n; j += VL)
            v_store(sum + j, v_add(v_load(sum + j), v_set1(g)));
        sum[i] = 0;
        all[0] += g;
        w->enter[i] = v_first(v_exp(v_load(all)));
        for (size_t j = 0; j < w->n; j += VL)
            v_store(cell(w->gam, i, j), v_exp(v_load(sum + j)));
    }
    for (size_t j = 0; j < w->n; j++)
        w->leave[j] = *cell(w->gam, w->n - 1, j);
}

LTE_INLINE void store_decayed(const struct work *w, struct panels to, tile acc, size_t i, size_t c,
                              const size_t N)
{
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            v_store(cell(to, i + r, c + n * VL),
                    v_mul(acc[r][n], v_load(cell(w->gam, i + r, c + n * VL))));
}

LTE_INLINE void couple_tile(const struct work *w, size_t i, size_t c, const size_t N)
{
    tile acc;
    clear(acc, N);
    product(acc, w->k, i, w->kt, c, 0, w->a->key_dim, false, N);
    store_decayed(w, w->kk, acc, i, c, N);
    clear(acc, N);
    product(acc, w->q, i, w->kt, c, 0, w->a->key_dim, false, N);
    store_decayed(w, w->qk, acc, i, c, N);
}

static void couple(const struct work *w)
{
    for (size_t i = 0; i < w->n; i += TALL)
        for (size_t c = 0; c < i + TALL; c += GROUP)
            if (w->n - c >= GROUP)
                couple_tile(w, i, c, WIDE);
            else
                couple_tile(w, i, c, NARROW);
    for (size_t i = 0; i < w->n; i++)
        *cell(w->kk, i, i) = 0;
}

// ---- a group of value columns: D and X ----

LTE_INLINE void forward_rows(const struct work *w, size_t i, size_t c, const size_t N)
{
    const struct lte_delta_grad_args *a = w->a;
    tile acc;
    clear(acc, N);
    product(acc, w->k, i, w->s, c, 0, a->key_dim, false, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const float *v = a->v + (i + r) * a->v_stride;
            const V value = i + r < a->tokens ? load_row(v, c + n * VL, a->value_dim) : v_zero();
            acc[r][n] = v_fnma(v_set1(w->enter[i + r]), acc[r][n], value);
        }
    product(acc, w->kk, i, w->d, c, 0, i, true, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            LTE_UNROLL for (size_t j = 0; j < r; j++)
                acc[r][n] = v_fnma(v_set1(*cell(w->kk, i + r, i + j)), acc[j][n], acc[r][n]);
            v_store(cell(w->error, i + r, n * VL), acc[r][n]);
            acc[r][n] = v_mul(v_set1(w->beta[i + r]), acc[r][n]); // from here on the delta
            v_store(cell(w->d, i + r, c + n * VL), acc[r][n]);
        }
}

LTE_INLINE void backward_rows(const struct work *w, size_t i, size_t c, const size_t N)
{
    tile acc;
    clear(acc, N);
    product(acc, w->k, i, w->ds, c, 0, w->a->key_dim, false, N);
    scale_rows(acc, w->leave + i, N);
    product_t(acc, w->qk, i, w->dout, c, i, w->n, false, N);
    product_t(acc, w->kk, i, w->x, c, i + TALL, w->n, true, N);
    LTE_UNROLL for (size_t back = 1; back <= TALL; back++) {
        const size_t r = TALL - back;
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            LTE_UNROLL for (size_t j = r + 1; j < TALL; j++)
                acc[r][n] = v_fnma(v_set1(*cell(w->kk, i + j, i + r)), acc[j][n], acc[r][n]);
        V sum = v_load(w->beta_sum + (i + r) * VL);
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            sum = v_fma(acc[r][n], v_load(cell(w->error, i + r, n * VL)), sum);
            acc[r][n] = v_mul(v_set1(w->beta[i + r]), acc[r][n]); // from here on X
            v_store(cell(w->x, i + r, c + n * VL), acc[r][n]);
        }
        v_store(w->beta_sum + (i + r) * VL, sum);
    }
    add_rows(w, w->a->dv, w->a->v_stride, acc, i, c, w->a->value_dim, N);
}

LTE_INLINE void value_group(const struct work *w, size_t c, const size_t N)
{
    for (size_t i = 0; i < w->n; i += TALL)
        forward_rows(w, i, c, N);
    for (size_t i = w->n; i > 0; i -= TALL)
        backward_rows(w, i - TALL, c, N);
}

static void value_columns(const struct work *w)
{
    size_t c = 0;
    for (; w->values - c >= GROUP; c += GROUP)
        value_group(w, c, WIDE);
    if (GROUP > PANEL && c < w->values)
        value_group(w, c, NARROW);
}

// ---- the coefficients M, R and N ----

LTE_INLINE void pair_tile(const struct work *w, size_t i, size_t c, const size_t N)
{
    tile acc;
    clear(acc, N);
    product(acc, w->dout, i, w->dt, c, 0, w->a->value_dim, false, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const size_t at = c + n * VL;
            v_store(cell(w->pairs, i + r, at), v_mul(acc[r][n], v_load(cell(w->qk, i + r, at))));
            v_store(cell(w->qk, i + r, at), v_mul(acc[r][n], v_load(cell(w->gam, i + r, at))));
        }
    clear(acc, N);
    product(acc, w->x, i, w->dt, c, 0, w->a->value_dim, true, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            float *pairs = cell(w->pairs, i + r, c + n * VL), *kk = cell(w->kk, i + r, c + n * VL);
            v_store(pairs, v_fma(acc[r][n], v_load(kk), v_load(pairs)));
            v_store(kk, v_mul(acc[r][n], v_load(cell(w->gam, i + r, c + n * VL))));
        }
}

static void pair(const struct work *w)
{
    for (size_t i = 0; i < w->n; i += TALL)
        for (size_t c = 0; c < i + TALL; c += GROUP)
            if (w->n - c >= GROUP)
                pair_tile(w, i, c, WIDE);
            else
                pair_tile(w, i, c, NARROW);
    for (size_t i = 0; i < w->n; i++)
        *cell(w->kk, i, i) = 0;
}

// ---- a group of key columns: dQ, dK and rows of dS ----

LTE_INLINE void query_rows(const struct work *w, size_t i, size_t c, const size_t N)
{
    tile acc;
    clear(acc, N);
    product(acc, w->dout, i, w->st, 0, 0, w->a->value_dim, false, N);
    scale_rows(acc, w->enter + i, N);
    add_row_dots(w->later, acc, w->q, i, c, N);
    product(acc, w->qk, i, w->k, c, 0, i + TALL, false, N);
    add_rows(w, w->a->dq, w->a->qk_stride, acc, i, c, w->a->key_dim, N);
}

LTE_INLINE void key_rows(const struct work *w, size_t i, size_t c, const size_t N)
{
    tile acc;
    V entry[TALL][WIDE];
    clear(acc, N);
    product(acc, w->x, i, w->st, 0, 0, w->a->value_dim, true, N);
    scale_rows(acc, w->enter + i, N);
    add_row_dots(w->later, acc, w->k, i, c, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            entry[r][n] = acc[r][n];
    clear(acc, N);
    product(acc, w->d, i, w->dst, 0, 0, w->a->value_dim, false, N);
    scale_rows(acc, w->leave + i, N);
    add_row_dots(w->earlier, acc, w->k, i, c, N);
    product_t(acc, w->qk, i, w->q, c, i, w->n, false, N);
    product_t(acc, w->kk, i, w->k, c, i, w->n, false, N);
    product(acc, w->kk, i, w->k, c, 0, i + TALL, false, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = v_add(acc[r][n], entry[r][n]);
    add_rows(w, w->a->dk, w->a->qk_stride, acc, i, c, w->a->key_dim, N);
}

// Rows c + x.. of dS.
LTE_INLINE void state_rows(const struct work *w, size_t c, size_t x, size_t y, const size_t N)
{
    const V whole = v_set1(w->enter[w->n - 1]);
    tile acc;
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = c + x + r < w->ds.rows
                            ? v_mul(whole, v_load(cell(w->ds, c + x + r, y + n * VL)))
                            : v_zero();
    product_t(acc, w->enter_q, x, w->dout, y, 0, w->n, false, N);
    product_t(acc, w->enter_k, x, w->x, y, 0, w->n, true, N);
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            if (c + x + r < w->ds.rows)
                v_store(cell(w->ds, c + x + r, y + n * VL), acc[r][n]);
}

// <S, dS> of rows c..c+N*VL, from their transposes.
LTE_INLINE float states_dot(const struct work *w, const size_t N)
{
    V sum[WIDE];
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        sum[n] = v_zero();
    for (size_t y = 0; y < w->values; y++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            sum[n] = v_fma(v_load(cell(w->st, y, n * VL)), v_load(cell(w->dst, y, n * VL)), sum[n]);
    LTE_UNROLL for (size_t n = 1; n < N; n++)
        sum[0] = v_add(sum[0], sum[n]);
    return v_sum(sum[0]);
}

LTE_INLINE void key_group(struct work *w, size_t c, const size_t N)
{
    turn(w->st, w->s, c, N * VL, w->values);
    turn(w->dst, w->ds, c, N * VL, w->values);
    w->states += w->enter[w->n - 1] * (double)states_dot(w, N);
    for (size_t i = 0; i < w->n; i++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const V e = v_set1(w->enter[i]);
            v_store(cell(w->enter_q, i, n * VL), v_mul(e, v_load(cell(w->q, i, c + n * VL))));
            v_store(cell(w->enter_k, i, n * VL), v_mul(e, v_load(cell(w->k, i, c + n * VL))));
        }
    for (size_t i = 0; i < w->n; i += TALL)
        query_rows(w, i, c, N);
    for (size_t i = 0; i < w->n; i += TALL)
        key_rows(w, i, c, N);
    for (size_t x = 0; x < N * VL && c + x < w->ds.rows; x += TALL) {
        size_t y = 0;
        for (; w->values - y >= GROUP; y += GROUP)
            state_rows(w, c, x, y, WIDE);
        if (GROUP > PANEL && y < w->values)
            state_rows(w, c, x, y, NARROW);
    }
}

static void key_columns(struct work *w)
{
    size_t c = 0;
    for (; w->keys - c >= GROUP; c += GROUP)
        key_group(w, c, WIDE);
    if (GROUP > PANEL && c < w->keys)
        key_group(w, c, NARROW);
}

// ---- gates ----

// From the last token to the first: sum[l] is the sum of pairs (j, l) for j >= i, over l < i.
static void gates(const struct work *w)
{
    _Alignas(64) float sum[TOKENS] = {0};
    const struct lte_delta_grad_args *a = w->a;
    double later = 0, earlier = 0;
    for (size_t i = 0; i < w->n; i++)
        earlier += v_sum(v_load(w->earlier + i * VL));
    for (size_t i = w->n; i-- > 0;) {
        V crossing = v_zero();
        for (size_t l = 0; l <= i; l += VL)
            v_store(sum + l, v_add(v_load(sum + l), v_load(cell(w->pairs, i, l))));
        for (size_t l = i; l < (i + VL) / VL * VL; l++)
            sum[l] = 0;
        for (size_t l = 0; l < i; l += VL)
            crossing = v_add(crossing, v_load(sum + l));
        later += v_sum(v_load(w->later + i * VL));
        earlier -= v_sum(v_load(w->earlier + i * VL));
        if (i >= a->tokens)
            continue;
        a->dlog_decay[i * a->gate_stride] += (float)(v_sum(crossing) + later + earlier + w->states);
        a->dbeta[i * a->gate_stride] += v_sum(v_load(w->beta_sum + i * VL));
    }
}

// ---- all of it ----

static struct panels take(float **scratch, size_t rows, size_t columns)
{
    const struct panels p = {*scratch, rows};
    *scratch += rows * columns;
    return p;
}

static void lay_out(struct work *w)
{
    const struct lte_delta_grad_args *a = w->a;
    float *at = a->scratch;
    struct panels *const keys[] = {&w->q, &w->k}, *const values[] = {&w->dout, &w->d, &w->x};
    struct panels *const square[] = {&w->gam, &w->kk, &w->qk, &w->pairs};
    struct panels *const group[] = {&w->error, &w->enter_q, &w->enter_k};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        *keys[i] = take(&at, w->n, w->keys);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        *values[i] = take(&at, w->n, w->values);
    for (size_t i = 0; i < sizeof square / sizeof *square; i++)
        *square[i] = take(&at, w->n, w->n);
    for (size_t i = 0; i < sizeof group / sizeof *group; i++)
        *group[i] = take(&at, w->n, GROUP);
    w->kt = take(&at, w->keys, w->n);
    w->dt = take(&at, w->values, w->n);
    w->st = take(&at, w->values, GROUP);
    w->dst = take(&at, w->values, GROUP);
    w->later = at;
    w->earlier = at + w->n * VL;
    w->beta_sum = at + 2 * w->n * VL;
    for (size_t i = 0; i < 3 * w->n * VL; i++)
        at[i] = 0;
}

static void delta_grad(const struct lte_delta_grad_args *a)
{
    struct work w = {.a = a, .n = (a->tokens + PANEL - 1) / PANEL * PANEL};
    if (!a->tokens)
        return;
    w.keys = (a->key_dim + PANEL - 1) / PANEL * PANEL;
    w.values = (a->value_dim + PANEL - 1) / PANEL * PANEL;
    w.s = (struct panels){(float *)(uintptr_t)a->state, a->key_dim};
    w.ds = (struct panels){a->dstate, a->key_dim};
    lay_out(&w);
    pack(&w, w.q, a->q, a->qk_stride, a->key_dim);
    pack(&w, w.k, a->k, a->qk_stride, a->key_dim);
    pack(&w, w.dout, a->dout, a->dout_stride, a->value_dim);
    turn(w.kt, w.k, 0, w.n, w.keys);
    decays(&w);
    couple(&w);
    value_columns(&w);
    turn(w.dt, w.d, 0, w.n, w.values);
    pair(&w);
    key_columns(&w);
    gates(&w);
}

#endif
