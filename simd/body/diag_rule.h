// SPDX-License-Identifier: BSD-2-Clause
// The linear step with per-channel decay over the vector vocabulary of vec.h, several tokens a
// sweep of the state.
//
// Tokens go in chunks of C, as in body/delta_rule.h. With S the state on entry and e_j..i the
// product of the decays after token i up to token j, channel by channel,
//     d_j = beta_j (v_j - S^T (e_j..0 k_j) - sum_{i<j} (e_j..i k_j . k_i) d_i)
//     o_j = S^T (e_j..0 q_j) + sum_{i<=j} (e_j..i q_j . k_i) d_i
//     S'  = diag(e_C..0) S + sum_j (e_C..j k_j) d_j^T
// The three scaled vectors of each token and the decay of each chunk are formed once for all
// columns, as products of numbers up to 1: nothing is divided by a decay, nothing overflows. What
// is left is the scalar rule's sweep, with one more broadcast a row: for C tokens a load, a store
// and 3C+1 operations an element of the state, 2C+1 where nothing is erased.
//
// A file that includes this first defines LTE_DIAG_CHUNK (C: 2 or 4) and LTE_DIAG_WIDE.
#ifndef LTE_SIMD_BODY_DIAG_RULE_H
#define LTE_SIMD_BODY_DIAG_RULE_H

#include <stdbool.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/diag_rule.h"

enum {
    CHUNK = LTE_DIAG_CHUNK,
    WIDE = LTE_DIAG_WIDE,
    COLUMNS = LTE_DELTA_COLUMNS,
    SEGMENT = 32,                           // tokens whose vectors are held at once
    PAD = 16,
    SCALED_FLOATS = 4 * (LTE_DIAG_KEYS + 2 * PAD), // one token of the longest key
    USED_FLOATS = 8192                      // of these while a chunk fits: 32 KiB
};

struct coupling {
    float beta[CHUNK];
    float kk[CHUNK][CHUNK]; // e_j..i k_j . k_i for i < j
    float qk[CHUNK][CHUNK]; // e_j..i q_j . k_i for i <= j
};

// A run of equal chunks; row j of chunk c of each array is at (c*C + j)*stride.
struct segment {
    float *k_in, *q_in;  // e_j..0 k_j and e_j..0 q_j
    float *k_out;        // e_C..j k_j
    float *decay;        // e_C..0, row c at c*stride
    size_t stride;
    size_t at, chunks;   // first token, within the arguments
    struct coupling coupling[SEGMENT];
};

// ---- the scaled vectors and what couples the tokens ----

LTE_INLINE V load_some(const float *p, size_t left)
{
    return left >= VL ? v_load(p) : v_load_n(p, left);
}

// Channels x.. of one chunk.
LTE_INLINE void scale_channels(struct segment *g, const struct lte_diag_rule_args *a, size_t c,
                               size_t x, V kk[CHUNK][CHUNK], V qk[CHUNK][CHUNK], const bool erase,
                               const size_t C)
{
    const size_t left = a->key_dim - x, at = g->at + c * C, row = c * C * g->stride + x;
    V k[CHUNK], e[CHUNK], p = v_set1(1);
    LTE_UNROLL for (size_t j = 0; j < C; j++) {
        const float *decay = a->log_decay + (at + j) * a->decay_stride + x * a->decay_step;
        e[j] = v_exp(a->decay_step ? load_some(decay, left) : v_set1(*decay));
        k[j] = load_some(a->k + (at + j) * a->k_stride + x, left);
        const V q = load_some(a->q + (at + j) * a->q_stride + x, left);
        V kj = k[j], qj = q;
        LTE_UNROLL for (size_t back = 0; back <= j; back++) {
            const size_t i = j - back;
            qk[j][i] = v_fma(qj, k[i], qk[j][i]);
            if (erase && back)
                kk[j][i] = v_fma(kj, k[i], kk[j][i]);
            kj = v_mul(kj, e[i]);
            qj = v_mul(qj, e[i]);
        }
        v_store(g->q_in + row + j * g->stride, qj);
        if (erase)
            v_store(g->k_in + row + j * g->stride, kj);
    }
    LTE_UNROLL for (size_t back = 1; back <= C; back++) {
        const size_t j = C - back;
        v_store(g->k_out + row + j * g->stride, v_mul(k[j], p));
        p = v_mul(p, e[j]);
    }
    v_store(g->decay + c * g->stride + x, p);
}

LTE_INLINE void couple(struct segment *g, const struct lte_diag_rule_args *a, const bool erase,
                       const size_t C)
{
    for (size_t c = 0; c < g->chunks; c++) {
        struct coupling *p = &g->coupling[c];
        V kk[CHUNK][CHUNK], qk[CHUNK][CHUNK];
        LTE_UNROLL for (size_t j = 0; j < C; j++)
            LTE_UNROLL for (size_t i = 0; i <= j; i++)
                kk[j][i] = qk[j][i] = v_zero();
        for (size_t x = 0; x < a->key_dim; x += VL)
            scale_channels(g, a, c, x, kk, qk, erase, C);
        LTE_UNROLL for (size_t j = 0; j < C; j++) {
            p->beta[j] = a->beta ? a->beta[(g->at + c * C + j) * a->beta_stride] : 1;
            LTE_UNROLL for (size_t i = 0; i <= j; i++) {
                p->kk[j][i] = v_sum(kk[j][i]);
                p->qk[j][i] = v_sum(qk[j][i]);
            }
        }
    }
}

// ---- one group of columns: N vectors, each with its own column of the state ----

struct group {
    float *state[WIDE];
    const float *v;
    float *o;
    size_t width; // columns in use, more than (N-1)*VL
};

// Row x of the state: into the next chunk with `update`, products with its vectors to ka and qa.
LTE_INLINE void sweep_row(const struct group *u, const struct segment *g, size_t c, size_t x,
                          V delta[CHUNK][WIDE], V ka[CHUNK][WIDE], V qa[CHUNK][WIDE],
                          const bool update, const bool product, const bool erase, const size_t C,
                          const size_t N)
{
    const size_t row = c * C * g->stride + x;
    V s[WIDE];
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        s[n] = v_load(u->state[n] + x * COLUMNS);
    if (update) { // by chunk c - 1
        const V decay = v_set1(g->decay[(c - 1) * g->stride + x]);
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            s[n] = v_mul(s[n], decay);
        LTE_UNROLL for (size_t j = 0; j < C; j++) {
            const V b = v_set1(g->k_out[row - (C - j) * g->stride]);
            LTE_UNROLL for (size_t n = 0; n < N; n++)
                s[n] = v_fma(b, delta[j][n], s[n]);
        }
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            v_store(u->state[n] + x * COLUMNS, s[n]);
    }
    LTE_UNROLL for (size_t j = 0; product && j < C; j++) {
        const V bq = v_set1(g->q_in[row + j * g->stride]);
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            qa[j][n] = v_fma(bq, s[n], qa[j][n]);
        if (erase) {
            const V bk = v_set1(g->k_in[row + j * g->stride]);
            LTE_UNROLL for (size_t n = 0; n < N; n++)
                ka[j][n] = v_fma(bk, s[n], ka[j][n]);
        }
    }
}

// All rows. With one token a chunk, even and odd rows go to sums of their own: a single chain of
// additions would wait for itself.
LTE_INLINE void sweep(const struct group *u, const struct segment *g, size_t rows, size_t c,
                      V delta[CHUNK][WIDE], V ks[CHUNK][WIDE], V qs[CHUNK][WIDE],
                      const bool update, const bool product, const bool erase, const size_t C,
                      const size_t N)
{
    V ka[2][CHUNK][WIDE], qa[2][CHUNK][WIDE];
    LTE_UNROLL for (size_t j = 0; j < C; j++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            ka[0][j][n] = ka[1][j][n] = qa[0][j][n] = qa[1][j][n] = v_zero();
    size_t x = 0;
    if (C == 1)
        for (; x + 2 <= rows; x += 2) {
            sweep_row(u, g, c, x, delta, ka[0], qa[0], update, product, erase, C, N);
            sweep_row(u, g, c, x + 1, delta, ka[1], qa[1], update, product, erase, C, N);
        }
    for (; x < rows; x++)
        sweep_row(u, g, c, x, delta, ka[0], qa[0], update, product, erase, C, N);
    LTE_UNROLL for (size_t j = 0; j < C; j++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            ks[j][n] = C == 1 ? v_add(ka[0][j][n], ka[1][j][n]) : ka[0][j][n];
            qs[j][n] = C == 1 ? v_add(qa[0][j][n], qa[1][j][n]) : qa[0][j][n];
        }
}

// From the products of a chunk to its outputs, and to the deltas that enter the next state.
LTE_INLINE void solve(const struct group *u, const struct lte_diag_rule_args *a, size_t at,
                      const struct coupling *p, V ks[CHUNK][WIDE], V qs[CHUNK][WIDE],
                      V delta[CHUNK][WIDE], const bool erase, const size_t C, const size_t N)
{
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        const size_t left = u->width - n * VL;
        const float *v = u->v + at * a->v_stride + n * VL;
        float *o = u->o + at * a->o_stride + n * VL;
        LTE_UNROLL for (size_t j = 0; j < C; j++, v += a->v_stride, o += a->o_stride) {
            V d = load_some(v, left), y = qs[j][n];
            if (erase)
                d = v_sub(d, ks[j][n]);
            LTE_UNROLL for (size_t i = 0; i < j; i++) {
                if (erase)
                    d = v_fnma(v_set1(p->kk[j][i]), delta[i][n], d);
                y = v_fma(v_set1(p->qk[j][i]), delta[i][n], y);
            }
            delta[j][n] = d = v_mul(v_set1(p->beta[j]), d);
            y = v_fma(v_set1(p->qk[j][j]), d, y);
            if (left >= VL)
                v_store(o, y);
            else
                v_store_n(o, y, left);
        }
    }
}

LTE_INLINE void run_group(const struct group *u, const struct lte_diag_rule_args *a,
                          const struct segment *g, const bool erase, const size_t C,
                          const size_t N)
{
    const size_t rows = a->key_dim;
    V ks[CHUNK][WIDE], qs[CHUNK][WIDE], delta[CHUNK][WIDE];
    sweep(u, g, rows, 0, delta, ks, qs, false, true, erase, C, N);
    for (size_t c = 0;; c++) {
        solve(u, a, g->at + c * C, &g->coupling[c], ks, qs, delta, erase, C, N);
        if (c + 1 == g->chunks) {
            sweep(u, g, rows, c + 1, delta, ks, qs, true, false, erase, C, N);
            return;
        }
        sweep(u, g, rows, c + 1, delta, ks, qs, true, true, erase, C, N);
    }
}

// ---- all columns, all tokens ----

LTE_INLINE struct group group_at(const struct lte_diag_rule_args *a, size_t column, size_t N)
{
    struct group u = {.v = a->v + column, .o = a->o + column, .width = a->value_dim - column};
    for (size_t n = 0; n < N; n++, column += VL)
        u.state[n] = a->state + column / COLUMNS * COLUMNS * a->key_dim + column % COLUMNS;
    return u;
}

LTE_INLINE void run_segment(const struct lte_diag_rule_args *a, struct segment *g,
                            const bool erase, const size_t C)
{
    couple(g, a, erase, C);
    size_t column = 0;
    for (; a->value_dim > column + (WIDE - 1) * VL; column += WIDE * VL) {
        const struct group u = group_at(a, column, WIDE);
        run_group(&u, a, g, erase, C, WIDE);
    }
    for (; a->value_dim > column; column += VL) {
        const struct group u = group_at(a, column, 1);
        run_group(&u, a, g, erase, C, 1);
    }
}

// Chunks of C tokens from `at` on, as many as there are; returns where they end.
LTE_INLINE size_t run_chunks(const struct lte_diag_rule_args *a, float *scaled, size_t at,
                             const bool erase, const size_t C)
{
    struct segment g = {.stride = (a->key_dim + PAD - 1) / PAD * PAD + PAD};
    const size_t chunk_floats = (3 * C + 1) * g.stride;
    size_t fit = USED_FLOATS / chunk_floats < SEGMENT / C ? USED_FLOATS / chunk_floats : SEGMENT / C;
    fit = C == 1 && !fit ? 1 : fit; // for any key_dim
    while (fit && a->tokens - at >= C) {
        const size_t left = (a->tokens - at) / C;
        g.at = at;
        g.chunks = left < fit ? left : fit;
        g.k_in = scaled;
        g.q_in = g.k_in + g.chunks * C * g.stride;
        g.k_out = g.q_in + g.chunks * C * g.stride;
        g.decay = g.k_out + g.chunks * C * g.stride;
        run_segment(a, &g, erase, C);
        at += g.chunks * C;
    }
    return at;
}

LTE_INLINE void run_all(const struct lte_diag_rule_args *a, const bool erase)
{
    _Alignas(64) float scaled[SCALED_FLOATS];
    const size_t at = run_chunks(a, scaled, 0, erase, CHUNK);
    run_chunks(a, scaled, at, erase, 1);
}

static void diag_rule(const struct lte_diag_rule_args *a)
{
    if (a->beta && !a->keep)
        run_all(a, true);
    else
        run_all(a, false);
}

#endif
