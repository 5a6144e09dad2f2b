// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule over the vector vocabulary of vec.h, several tokens a sweep of the state.
//
// One token at a time, every element of the state is loaded and stored once a token, for three
// useful FMAs. So tokens go in chunks of C: with S the state on entry and G_j the sum of the log
// decays of the chunk up to token j,
//     d_j = beta_j (v_j - e^{G_j} S^T k_j - sum_{i<j} e^{G_j-G_i} (k_j.k_i) d_i)
//     o_j = e^{G_j} S^T q_j + sum_{i<=j} e^{G_j-G_i} (q_j.k_i) d_i
//     S'  = e^{G_C} S + sum_j e^{G_C-G_j} k_j d_j^T
// and the sweep that forms S' of one chunk also takes the products S'^T k, S'^T q of the next: one
// load, one store and 3C+1 operations an element and C tokens. C is as large as the registers
// allow: 2C accumulators and C deltas for each of WIDE vectors of columns, which share the
// broadcasts of k and q. The differences G_j-G_i are summed, never subtracted, so that -Inf is an
// ordinary decay.
//
// A file that includes this first defines LTE_DELTA_CHUNK (C: 1, 2 or 4) and LTE_DELTA_WIDE.
#ifndef LTE_SIMD_BODY_DELTA_RULE_H
#define LTE_SIMD_BODY_DELTA_RULE_H

#include <stdbool.h>
#include <string.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/delta_rule.h"

enum {
    CHUNK = LTE_DELTA_CHUNK,
    WIDE = LTE_DELTA_WIDE,
    COLUMNS = LTE_DELTA_COLUMNS,
    LINE = 16,            // floats of a cache line
    SEGMENT = 64,         // tokens whose coefficients are held at once
    PACKED_FLOATS = 4096  // their k and q: 16 KiB, so that they stay in L1 beside 16 KiB of state
};

// What couples the tokens of one chunk; the same for all columns.
struct coupling {
    float beta[CHUNK];
    float enter[CHUNK];     // e^{G_j}
    float leave[CHUNK];     // e^{G_C-G_j}
    float kk[CHUNK][CHUNK]; // e^{G_j-G_i} k_j.k_i for i < j
    float qk[CHUNK][CHUNK]; // e^{G_j-G_i} q_j.k_i for i <= j
};

// A run of equal chunks. Token j of chunk c has its row of k at k + (c*C + j)*stride.
struct segment {
    const float *k, *q;
    size_t stride;
    size_t at, chunks; // first token, within the arguments
    struct coupling coupling[SEGMENT];
};

// ---- coefficients ----

// Decays between any two points of a chunk: e[j*C + b] from before token b to after token j.
LTE_INLINE void chunk_decays(float *e, const struct lte_delta_rule_args *a, size_t at, size_t C)
{
    float sum[(CHUNK * CHUNK + VL - 1) / VL * VL] = {0};
    for (size_t j = 0; j < C; j++) {
        const float g = a->log_decay[(at + j) * a->gate_stride];
        for (size_t b = 0; b < j; b++)
            sum[j * C + b] = sum[(j - 1) * C + b] + g;
        sum[j * C + j] = g;
    }
    for (size_t x = 0; x < C * C; x += VL)
        v_store(e + x, v_exp(v_load(sum + x)));
}

// kk[j][i] for i < j and qk[j][i] for i <= j, without decay.
LTE_INLINE void chunk_dots(struct coupling *p, const float *k, const float *q, size_t stride,
                           size_t n, const size_t C)
{
    V kk[CHUNK][CHUNK], qk[CHUNK][CHUNK];
    LTE_UNROLL for (size_t j = 0; j < C; j++)
        LTE_UNROLL for (size_t i = 0; i <= j; i++)
            kk[j][i] = qk[j][i] = v_zero();
    for (size_t x = 0; x < n; x += VL) {
        const bool whole = n - x >= VL;
        V kx[CHUNK];
        LTE_UNROLL for (size_t j = 0; j < C; j++) {
            const float *kj = k + j * stride + x, *qj = q + j * stride + x;
            kx[j] = whole ? v_load(kj) : v_load_n(kj, n - x);
            const V qx = whole ? v_load(qj) : v_load_n(qj, n - x);
            LTE_UNROLL for (size_t i = 0; i < j; i++)
                kk[j][i] = v_fma(kx[j], kx[i], kk[j][i]);
            LTE_UNROLL for (size_t i = 0; i <= j; i++)
                qk[j][i] = v_fma(qx, kx[i], qk[j][i]);
        }
    }
    LTE_UNROLL for (size_t j = 0; j < C; j++)
        LTE_UNROLL for (size_t i = 0; i <= j; i++) {
            p->kk[j][i] = v_sum(kk[j][i]);
            p->qk[j][i] = v_sum(qk[j][i]);
        }
}

LTE_INLINE void couple(struct segment *g, const struct lte_delta_rule_args *a, const size_t C)
{
    for (size_t c = 0; c < g->chunks; c++) {
        struct coupling *p = &g->coupling[c];
        const size_t at = g->at + c * C, row = c * C * g->stride;
        float e[(CHUNK * CHUNK + VL - 1) / VL * VL];
        chunk_decays(e, a, at, C);
        chunk_dots(p, g->k + row, g->q + row, g->stride, a->key_dim, C);
        for (size_t j = 0; j < C; j++) {
            p->beta[j] = a->beta[(at + j) * a->gate_stride];
            p->enter[j] = e[j * C];
            p->leave[j] = j + 1 < C ? e[(C - 1) * C + j + 1] : 1.0f;
            for (size_t i = 0; i < j; i++) {
                p->kk[j][i] *= e[j * C + i + 1];
                p->qk[j][i] *= e[j * C + i + 1];
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

// What a sweep does to row x of the state; the sums go to ka and qa.
LTE_INLINE void sweep_row(const struct group *u, size_t x, size_t stride, const float *old,
                          V delta[CHUNK][WIDE], V decay, const float *k, const float *q,
                          V ka[CHUNK][WIDE], V qa[CHUNK][WIDE], const bool update,
                          const bool product, const size_t C, const size_t N)
{
    V s[WIDE];
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        s[n] = v_load(u->state[n] + x * COLUMNS);
    if (update) {
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            s[n] = v_mul(s[n], decay);
        LTE_UNROLL for (size_t j = 0; j < C; j++) {
            const V b = v_set1(old[j * stride + x]);
            LTE_UNROLL for (size_t n = 0; n < N; n++)
                s[n] = v_fma(b, delta[j][n], s[n]);
        }
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            v_store(u->state[n] + x * COLUMNS, s[n]);
    }
    if (product) {
        LTE_UNROLL for (size_t j = 0; j < C; j++) {
            const V bk = v_set1(k[j * stride + x]), bq = v_set1(q[j * stride + x]);
            LTE_UNROLL for (size_t n = 0; n < N; n++) {
                ka[j][n] = v_fma(bk, s[n], ka[j][n]);
                qa[j][n] = v_fma(bq, s[n], qa[j][n]);
            }
        }
    }
}

// One sweep of the state: S = decay*S + sum_j old_j delta_j^T if `update`, ks = S^T k and qs = S^T
// q if `product`. With one token a chunk, even and odd rows go to sums of their own: a single chain
// of additions would wait for itself.
LTE_INLINE void sweep(const struct group *u, size_t rows, size_t stride, const float *old,
                      V delta[CHUNK][WIDE], float decay, const float *k, const float *q,
                      V ks[CHUNK][WIDE], V qs[CHUNK][WIDE], const bool update, const bool product,
                      const size_t C, const size_t N)
{
    const V scale = v_set1(decay);
    V ka[2][CHUNK][WIDE], qa[2][CHUNK][WIDE];
    LTE_UNROLL for (size_t j = 0; j < C; j++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            ka[0][j][n] = ka[1][j][n] = qa[0][j][n] = qa[1][j][n] = v_zero();
    size_t x = 0;
    if (C == 1)
        for (; x + 2 <= rows; x += 2) {
            sweep_row(u, x, stride, old, delta, scale, k, q, ka[0], qa[0], update, product, C, N);
            sweep_row(u, x + 1, stride, old, delta, scale, k, q, ka[1], qa[1], update, product, C,
                      N);
        }
    for (; x < rows; x++)
        sweep_row(u, x, stride, old, delta, scale, k, q, ka[0], qa[0], update, product, C, N);
    LTE_UNROLL for (size_t j = 0; j < C; j++)
        LTE_UNROLL for (size_t n = 0; n < N; n++) {
            ks[j][n] = C == 1 ? v_add(ka[0][j][n], ka[1][j][n]) : ka[0][j][n];
            qs[j][n] = C == 1 ? v_add(qa[0][j][n], qa[1][j][n]) : qa[0][j][n];
        }
}

// From the products of a chunk to its outputs, and to the deltas as they enter the next state.
LTE_INLINE void solve(const struct group *u, const struct lte_delta_rule_args *a, size_t at,
                      const struct coupling *p, V ks[CHUNK][WIDE], V qs[CHUNK][WIDE],
                      V delta[CHUNK][WIDE], const size_t C, const size_t N)
{
    LTE_UNROLL for (size_t n = 0; n < N; n++) {
        const size_t left = u->width - n * VL;
        const float *v = u->v + at * a->v_stride + n * VL;
        float *o = u->o + at * a->o_stride + n * VL;
        LTE_UNROLL for (size_t j = 0; j < C; j++, v += a->v_stride, o += a->o_stride) {
            V d = left >= VL ? v_load(v) : v_load_n(v, left);
            V y = v_mul(v_set1(p->enter[j]), qs[j][n]);
            d = v_fnma(v_set1(p->enter[j]), ks[j][n], d);
            LTE_UNROLL for (size_t i = 0; i < j; i++) {
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
        LTE_UNROLL for (size_t j = 0; j < C; j++)
            delta[j][n] = v_mul(v_set1(p->leave[j]), delta[j][n]);
    }
}

// The rows of a head are far apart, so that no hardware prefetcher follows them. While a group is
// at one chunk it asks for its columns of v and o of the next, and of k and q, C tokens of the next
// segment: the other groups ask for the rest.
LTE_INLINE void prefetch(const struct group *u, const struct lte_delta_rule_args *a,
                         const struct segment *g, size_t at, const size_t C)
{
    const size_t column = (size_t)(u->v - a->v), ahead = at + g->chunks * C;
    for (size_t t = at + C; t < at + 2 * C && t < a->tokens; t++)
        for (size_t c = 0; c < u->width && c < WIDE * VL; c += LINE) {
            v_prefetch(u->v + t * a->v_stride + c);
            v_prefetch(u->o + t * a->o_stride + c);
        }
    for (size_t t = ahead; t < ahead + C && t < a->tokens; t++)
        for (size_t c = column; c < a->key_dim && c < column + WIDE * VL; c += LINE) {
            v_prefetch(a->k + t * a->qk_stride + c);
            v_prefetch(a->q + t * a->qk_stride + c);
        }
}

LTE_INLINE void run_group(const struct group *u, const struct lte_delta_rule_args *a,
                          const struct segment *g, const size_t C, const size_t N)
{
    const size_t rows = a->key_dim;
    const float *k = g->k, *q = g->q;
    V ks[CHUNK][WIDE], qs[CHUNK][WIDE], delta[CHUNK][WIDE];
    sweep(u, rows, g->stride, NULL, delta, 0, k, q, ks, qs, false, true, C, N);
    for (size_t c = 0;; c++) {
        const struct coupling *p = &g->coupling[c];
        const float *old = k;
        if (C > 1)
            prefetch(u, a, g, g->at + c * C, C);
        solve(u, a, g->at + c * C, p, ks, qs, delta, C, N);
        if (c + 1 == g->chunks) {
            sweep(u, rows, g->stride, old, delta, p->enter[C - 1], k, q, ks, qs, true, false, C, N);
            return;
        }
        k += C * g->stride;
        q += C * g->stride;
        sweep(u, rows, g->stride, old, delta, p->enter[C - 1], k, q, ks, qs, true, true, C, N);
    }
}

// ---- all columns ----

LTE_INLINE struct group group_at(const struct lte_delta_rule_args *a, size_t column, size_t N)
{
    struct group u = {.v = a->v + column, .o = a->o + column, .width = a->value_dim - column};
    for (size_t n = 0; n < N; n++, column += VL)
        u.state[n] = a->state + column / COLUMNS * COLUMNS * a->key_dim + column % COLUMNS;
    return u;
}

LTE_INLINE void run_segment(const struct lte_delta_rule_args *a, struct segment *g, const size_t C)
{
    couple(g, a, C);
    size_t column = 0;
    for (; a->value_dim > column + (WIDE - 1) * VL; column += WIDE * VL) {
        const struct group u = group_at(a, column, WIDE);
        run_group(&u, a, g, C, WIDE);
    }
    for (; a->value_dim > column; column += VL) {
        const struct group u = group_at(a, column, 1);
        run_group(&u, a, g, C, 1);
    }
}

// Copies the k and q of `tokens` tokens next to one another. As they come, the rows of a head are
// often a multiple of 4 KiB apart, and the 3C rows a sweep walks along would meet in one cache set.
LTE_INLINE void pack(struct segment *g, const struct lte_delta_rule_args *a, float *to,
                     size_t tokens)
{
    float *k = to, *q = to + tokens * g->stride;
    for (size_t t = 0; t < tokens; t++) {
        const size_t from = (g->at + t) * a->qk_stride;
        memcpy(k + t * g->stride, a->k + from, a->key_dim * sizeof *k);
        memcpy(q + t * g->stride, a->q + from, a->key_dim * sizeof *q);
    }
    g->k = k;
    g->q = q;
}

// Tokens [at, at + chunks*C) from where the caller has them.
LTE_INLINE void run_unpacked(const struct lte_delta_rule_args *a, struct segment *g, size_t at,
                             size_t chunks, const size_t C)
{
    g->stride = a->qk_stride;
    g->k = a->k + at * g->stride;
    g->q = a->q + at * g->stride;
    g->at = at;
    g->chunks = chunks;
    run_segment(a, g, C);
}

// Tokens up to the last whole chunk; returns how many. None if even one chunk would not fit the
// packing buffer (key_dim above 1500).
static size_t run_whole_chunks(const struct lte_delta_rule_args *a, struct segment *g)
{
    _Alignas(64) float packed[PACKED_FLOATS];
    const size_t stride = (a->key_dim + 15) / 16 * 16 + 16; // never a multiple of 4 KiB
    size_t fit = PACKED_FLOATS / (2 * stride), at = 0;
    fit = (fit < SEGMENT ? fit : SEGMENT) / CHUNK * CHUNK;
    while (fit && a->tokens - at >= CHUNK) {
        const size_t left = (a->tokens - at) / CHUNK * CHUNK, tokens = left < fit ? left : fit;
        g->stride = stride;
        g->at = at;
        g->chunks = tokens / CHUNK;
        pack(g, a, packed, tokens);
        run_segment(a, g, CHUNK);
        at += tokens;
    }
    return at;
}

static void delta_rule(const struct lte_delta_rule_args *a)
{
    struct segment g;
    size_t at = a->tokens >= CHUNK && CHUNK > 1 ? run_whole_chunks(a, &g) : 0;
    if (CHUNK > 2 && a->tokens - at >= 2 && a->tokens - at < CHUNK) {
        run_unpacked(a, &g, at, 1, 2);
        at += 2;
    }
    while (at < a->tokens) {
        const size_t left = a->tokens - at, tokens = left < SEGMENT ? left : SEGMENT;
        run_unpacked(a, &g, at, tokens, 1);
        at += tokens;
    }
}

#endif
