// SPDX-License-Identifier: BSD-2-Clause
// The chunkwise form of simd/delta_chunk.h over the vector vocabulary of vec.h: everything is a
// small matrix product of ROWS x N vectors in registers. Included after body/delta_rule.h.
#ifndef LTE_SIMD_BODY_DELTA_CHUNK_H
#define LTE_SIMD_BODY_DELTA_CHUNK_H

#include "simd/delta_chunk.h"

enum {
    LONG = 32,                   // tokens of a chunk
    ROWS = VREGS == 32 ? 8 : 4,  // of a product in registers
    DOTS = 4,                    // tokens a side whose products are taken at once
    LONG_FLOATS = 2 * LONG * 272 // packed k and q up to key_dim 256
};

struct long_chunk {
    const float *k, *q;
    size_t stride, at, n;
    float beta[LONG], enter[LONG], leave[LONG];
    float kk[LONG][LONG]; // e^{G_j-G_i} k_j.k_i for i < j
    float qk[LONG][LONG]; // e^{G_j-G_i} q_j.k_i for i <= j
};

// ---- coefficients ----

// y[j][i] = x_j . z_i for a square of DOTS tokens; the rows have `stride` floats.
LTE_INLINE void dots(float *y, const float *x, const float *z, size_t stride, size_t n,
                     const size_t J, const size_t I)
{
    V sum[DOTS][DOTS], zx[DOTS];
    LTE_UNROLL for (size_t j = 0; j < J; j++)
        LTE_UNROLL for (size_t i = 0; i < I; i++)
            sum[j][i] = v_zero();
    for (size_t c = 0; c < n; c += VL) {
        const size_t m = n - c;
        LTE_UNROLL for (size_t i = 0; i < I; i++)
            zx[i] = m >= VL ? v_load(z + i * stride + c) : v_load_n(z + i * stride + c, m);
        LTE_UNROLL for (size_t j = 0; j < J; j++) {
            const V xx = m >= VL ? v_load(x + j * stride + c) : v_load_n(x + j * stride + c, m);
            LTE_UNROLL for (size_t i = 0; i < I; i++)
                sum[j][i] = v_fma(xx, zx[i], sum[j][i]);
        }
    }
    LTE_UNROLL for (size_t j = 0; j < J; j++)
        LTE_UNROLL for (size_t i = 0; i < I; i++)
            y[j * LONG + i] = v_sum(sum[j][i]);
}

static void square_of_dots(float *y, const float *x, const float *z, size_t stride, size_t n,
                           size_t J, size_t I)
{
    if (J == DOTS && I == DOTS) {
        dots(y, x, z, stride, n, DOTS, DOTS);
        return;
    }
    for (size_t j = 0; j < J; j++)
        for (size_t i = 0; i < I; i++)
            dots(y + j * LONG + i, x + j * stride, z + i * stride, stride, n, 1, 1);
}

static void long_dots(struct long_chunk *c, size_t key_dim)
{
    for (size_t j = 0; j < c->n; j += DOTS)
        for (size_t i = 0; i <= j; i += DOTS) {
            const size_t J = c->n - j < DOTS ? c->n - j : DOTS, I = c->n - i < DOTS ? c->n - i : DOTS;
            const float *k = c->k + j * c->stride, *q = c->q + j * c->stride;
            const float *z = c->k + i * c->stride;
            square_of_dots(&c->kk[j][i], k, z, c->stride, key_dim, J, I);
            square_of_dots(&c->qk[j][i], q, z, c->stride, key_dim, J, I);
        }
}

// Multiplies the dots by their decays. sum[i] is the log decay from after token i to after token j,
// sum[LONG] from the entry of the chunk.
static void long_decays(struct long_chunk *c, const struct lte_delta_rule_args *a)
{
    float sum[LONG + VL] = {0}, e[LONG + VL];
    for (size_t j = 0; j < c->n; j++) {
        const size_t t = (c->at + j) * a->gate_stride;
        c->beta[j] = a->beta[t];
        for (size_t i = 0; i < j; i++)
            sum[i] += a->log_decay[t];
        sum[LONG] += a->log_decay[t];
        for (size_t i = 0; i < LONG + VL; i += VL)
            v_store(e + i, v_exp(v_load(sum + i)));
        c->enter[j] = e[LONG];
        for (size_t i = 0; i < j; i++) {
            c->kk[j][i] *= e[i];
            c->qk[j][i] *= e[i];
        }
    }
    memcpy(c->leave, e, sizeof c->leave);
}

// ---- products ----

// acc[r][n] += sum_x a[r*ar + x*ac] * b[n][x*bs]
LTE_INLINE void multiply(V acc[ROWS][WIDE], const float *a, size_t ar, size_t ac,
                         const float *const *b, size_t bs, size_t count, const size_t R,
                         const size_t N)
{
    for (size_t x = 0; x < count; x++) {
        V y[WIDE];
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            y[n] = v_load(b[n] + x * bs);
        LTE_UNROLL for (size_t r = 0; r < R; r++) {
            const V s = v_set1(a[r * ar + x * ac]);
            LTE_UNROLL for (size_t n = 0; n < N; n++)
                acc[r][n] = v_fma(s, y[n], acc[r][n]);
        }
    }
}

LTE_INLINE void clear(V acc[ROWS][WIDE], const size_t R, const size_t N)
{
    LTE_UNROLL for (size_t r = 0; r < R; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = v_zero();
}

// Rows j .. j+R-1 of D, for which all rows before are known.
LTE_INLINE void solve_rows(float *delta, const struct group *u, const struct lte_delta_rule_args *a,
                           const struct long_chunk *c, size_t j, const size_t R, const size_t N)
{
    V old[ROWS][WIDE], acc[ROWS][WIDE];
    const float *state[WIDE], *d[WIDE];
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        state[n] = u->state[n];
        d[n] = delta + n * VL;
    }
    clear(old, R, N);
    clear(acc, R, N);
    multiply(old, c->k + j * c->stride, c->stride, 1, state, COLUMNS, a->key_dim, R, N);
    multiply(acc, c->kk[j], LONG, 1, d, WIDE * VL, j, R, N);
    LTE_UNROLL for (size_t r = 0; r < R; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            const size_t left = u->width - n * VL;
            const float *v = u->v + (c->at + j + r) * a->v_stride + n * VL;
            V e = v_sub(left >= VL ? v_load(v) : v_load_n(v, left), acc[r][n]);
            e = v_fnma(v_set1(c->enter[j + r]), old[r][n], e);
            LTE_UNROLL for (size_t i = 0; i < r; i++)
                e = v_fnma(v_set1(c->kk[j + r][j + i]), acc[i][n], e);
            acc[r][n] = v_mul(v_set1(c->beta[j + r]), e); // from here on the delta
            v_store(delta + (j + r) * WIDE * VL + n * VL, acc[r][n]);
        }
}

LTE_INLINE void output_rows(const float *delta, const struct group *u,
                            const struct lte_delta_rule_args *a, const struct long_chunk *c,
                            size_t j, const size_t R, const size_t N)
{
    V acc[ROWS][WIDE];
    const float *state[WIDE], *d[WIDE];
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        state[n] = u->state[n];
        d[n] = delta + n * VL;
    }
    clear(acc, R, N);
    multiply(acc, c->q + j * c->stride, c->stride, 1, state, COLUMNS, a->key_dim, R, N);
    LTE_UNROLL for (size_t r = 0; r < R; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = v_mul(v_set1(c->enter[j + r]), acc[r][n]);
    multiply(acc, c->qk[j], LONG, 1, d, WIDE * VL, j, R, N);
    LTE_UNROLL for (size_t r = 0; r < R; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            LTE_UNROLL for (size_t i = 0; i <= r; i++) // no zero of qk may meet a later token's NaN
                acc[r][n] = v_fma(v_set1(c->qk[j + r][j + i]),
                                  v_load(d[n] + (j + i) * WIDE * VL), acc[r][n]);
            const size_t left = u->width - n * VL;
            float *o = u->o + (c->at + j + r) * a->o_stride + n * VL;
            if (left >= VL)
                v_store(o, acc[r][n]);
            else
                v_store_n(o, acc[r][n], left);
        }
}

// Rows x .. x+R-1 of the state; the deltas have been multiplied by `leave`.
LTE_INLINE void update_rows(const float *delta, const struct group *u, const struct long_chunk *c,
                            size_t x, const size_t R, const size_t N)
{
    V acc[ROWS][WIDE];
    const float *d[WIDE];
    const V decay = v_set1(c->enter[c->n - 1]);
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        d[n] = delta + n * VL;
    LTE_UNROLL for (size_t r = 0; r < R; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = v_mul(decay, v_load(u->state[n] + (x + r) * COLUMNS));
    multiply(acc, c->k + x, 1, c->stride, d, WIDE * VL, c->n, R, N);
    LTE_UNROLL for (size_t r = 0; r < R; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            v_store(u->state[n] + (x + r) * COLUMNS, acc[r][n]);
}

LTE_INLINE void run_long_group(const struct group *u, const struct lte_delta_rule_args *a,
                               const struct long_chunk *c, const size_t N)
{
    _Alignas(64) float delta[LONG * WIDE * VL];
    size_t j = 0, x = 0;
    for (; j + ROWS <= c->n; j += ROWS)
        solve_rows(delta, u, a, c, j, ROWS, N);
    for (; j < c->n; j++)
        solve_rows(delta, u, a, c, j, 1, N);
    for (j = 0; j + ROWS <= c->n; j += ROWS)
        output_rows(delta, u, a, c, j, ROWS, N);
    for (; j < c->n; j++)
        output_rows(delta, u, a, c, j, 1, N);
    for (j = 0; j < c->n; j++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            float *d = delta + (j * WIDE + n) * VL;
            v_store(d, v_mul(v_set1(c->leave[j]), v_load(d)));
        }
    for (; x + ROWS <= a->key_dim; x += ROWS)
        update_rows(delta, u, c, x, ROWS, N);
    for (; x < a->key_dim; x++)
        update_rows(delta, u, c, x, 1, N);
}

// Where the rows of a chunk are read from: packed if they fit, for the reason at pack().
static void long_rows(struct long_chunk *c, const struct lte_delta_rule_args *a, float *packed)
{
    c->stride = (a->key_dim + 15) / 16 * 16 + 16;
    if (2 * LONG * c->stride > LONG_FLOATS) {
        c->stride = a->qk_stride;
        c->k = a->k + c->at * c->stride;
        c->q = a->q + c->at * c->stride;
        return;
    }
    struct segment g = {.stride = c->stride, .at = c->at};
    pack(&g, a, packed, c->n);
    c->k = g.k;
    c->q = g.q;
}

static void delta_chunk(const struct lte_delta_rule_args *a)
{
    _Alignas(64) float packed[LONG_FLOATS];
    struct long_chunk c = {0};
    for (c.at = 0; c.at < a->tokens; c.at += LONG) {
        c.n = a->tokens - c.at < LONG ? a->tokens - c.at : LONG;
        long_rows(&c, a, packed);
        long_dots(&c, a->key_dim);
        long_decays(&c, a);
        size_t column = 0;
        for (; a->value_dim > column + (WIDE - 1) * VL; column += WIDE * VL) {
            const struct group u = group_at(a, column, WIDE);
            run_long_group(&u, a, &c, WIDE);
        }
        for (; a->value_dim > column; column += VL) {
            const struct group u = group_at(a, column, 1);
            run_long_group(&u, a, &c, 1);
        }
    }
}

#endif
