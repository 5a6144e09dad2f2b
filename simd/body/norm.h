// SPDX-License-Identifier: BSD-2-Clause
// Normalisations over the vector vocabulary of vec.h: a pass for the sum, a pass that scales, the
// second from L1.
//
// What comes between, a sum over the lanes, its root and a quotient, takes longer than both passes
// of a short row, and more instructions than a core looks ahead. So each turn takes one step of
// each of LAG rows: the squares of one, the sum of the row before, the root of the one before that,
// its quotient, and scales the last. No step waits for another of its turn. The order in which a
// row is added up depends on n alone.
#ifndef LTE_SIMD_BODY_NORM_H
#define LTE_SIMD_BODY_NORM_H

#include <stdbool.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/body/silu.h"

enum { LAG = 4, WIDE = 1536 }; // more than so many floats, and LAG rows would not stay in L1

// y = x * scale / sqrt(mean * sum(x^2) + eps), times w, times silu(gate).
struct norm {
    float *y;
    const float *x, *gate, *w;
    size_t ys, xs, gs, ws, rows;
    float mean, eps, scale;
};

// Into four chains, so that an addition need not wait for the one before.
LTE_INLINE V sums_of_squares(const float *x, const size_t n)
{
    V s[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    size_t i = 0;
    for (; n - i >= 4 * VL; i += 4 * VL)
        LTE_UNROLL for (size_t j = 0; j < 4; j++) {
            const V a = v_load(x + i + j * VL);
            s[j] = v_fma(a, a, s[j]);
        }
    for (; n - i >= VL; i += VL) {
        const V a = v_load(x + i);
        s[0] = v_fma(a, a, s[0]);
    }
    if (i < n) {
        const V a = v_load_n(x + i, n - i);
        s[1] = v_fma(a, a, s[1]);
    }
    return v_add(v_add(s[0], s[1]), v_add(s[2], s[3]));
}

LTE_INLINE V weighted(V x, V scale, const float *w)
{
    const V scaled = v_mul(x, scale);
    return w ? v_mul(scaled, v_load(w)) : scaled;
}

LTE_INLINE V weighted_n(V x, V scale, const float *w, size_t n)
{
    const V scaled = v_mul(x, scale);
    return w ? v_mul(scaled, v_load_n(w, n)) : scaled;
}

LTE_INLINE void scale_row(float *y, const float *x, const float *w, V scale, const size_t n)
{
    size_t i = 0;
    for (; n - i >= 4 * VL; i += 4 * VL)
        LTE_UNROLL for (size_t j = 0; j < 4 * VL; j += VL)
            v_store(y + i + j, weighted(v_load(x + i + j), scale, w ? w + i + j : NULL));
    for (; n - i >= VL; i += VL)
        v_store(y + i, weighted(v_load(x + i), scale, w ? w + i : NULL));
    if (i < n)
        v_store_n(y + i, weighted_n(v_load_n(x + i, n - i), scale, w ? w + i : NULL, n - i), n - i);
}

LTE_INLINE void gate_row(float *y, const float *x, const float *gate, const float *w, V scale,
                         const size_t n)
{
    size_t i = 0;
    for (; n - i >= SILU_VECTORS * VL; i += SILU_VECTORS * VL) {
        V g[SILU_VECTORS];
        LTE_UNROLL for (size_t j = 0; j < SILU_VECTORS; j++)
            g[j] = v_load(gate + i + j * VL);
        v_silu_each(g, SILU_VECTORS);
        LTE_UNROLL for (size_t j = 0; j < SILU_VECTORS; j++) {
            const size_t at = i + j * VL;
            v_store(y + at, v_mul(weighted(v_load(x + at), scale, w + at), g[j]));
        }
    }
    for (; n - i >= VL; i += VL) {
        const V normed = weighted(v_load(x + i), scale, w + i);
        v_store(y + i, v_mul(normed, v_silu(v_load(gate + i))));
    }
    if (i < n) {
        const size_t m = n - i;
        const V normed = weighted_n(v_load_n(x + i, m), scale, w + i, m);
        v_store_n(y + i, v_mul(normed, v_silu(v_load_n(gate + i, m))), m);
    }
}

LTE_INLINE void finish_row(const struct norm *a, size_t r, float scale, const size_t n,
                           const bool weights, const bool gate)
{
    const float *x = a->x + r * a->xs, *w = weights ? a->w + r * a->ws : NULL;
    if (gate)
        gate_row(a->y + r * a->ys, x, a->gate + r * a->gs, w, v_set1(scale), n);
    else
        scale_row(a->y + r * a->ys, x, w, v_set1(scale), n);
}

LTE_INLINE void normalize_rows(const struct norm *a, size_t from, size_t to, const size_t n,
                               const bool weights, const bool gate)
{
    V squares = v_zero();
    float sum = 0, root = 0, scale = 0;
    for (size_t r = from; r < to + LAG; r++) {
        if (r >= from + LAG)
            finish_row(a, r - LAG, scale, n, weights, gate);
        scale = root == 0 ? 0 : a->scale / root; // a zero vector with eps 0
        root = v_sqrt_one(a->mean * sum + a->eps);
        sum = v_sum(squares);
        if (r < to)
            squares = sums_of_squares(a->x + r * a->xs, n);
    }
}

LTE_INLINE void normalize_each(const struct norm *a, size_t n, const bool weights, const bool gate)
{
    const size_t together = n > WIDE ? 1 : a->rows;
    for (size_t r = 0; r < a->rows; r += together)
        normalize_rows(a, r, r + together, n, weights, gate);
}

// The loops over the usual heads are unrolled.
LTE_INLINE void normalize(const struct norm *a, size_t n, const bool weights, const bool gate)
{
    if (n == 128)
        normalize_each(a, 128, weights, gate);
    else if (n == 64)
        normalize_each(a, 64, weights, gate);
    else
        normalize_each(a, n, weights, gate);
}

static void rmsnorm(float *y, size_t ys, const float *x, size_t xs, const float *w, size_t ws,
                    size_t rows, size_t n, float eps)
{
    const struct norm a = {.y = y, .x = x, .w = w, .ys = ys, .xs = xs, .ws = ws, .rows = rows,
                           .mean = 1.0f / (float)n, .eps = eps, .scale = 1};
    if (w)
        normalize(&a, n, true, false);
    else
        normalize(&a, n, false, false);
}

static void l2norm(float *y, size_t ys, const float *x, size_t xs, size_t rows, size_t n, float eps,
                   float scale)
{
    const struct norm a = {.y = y, .x = x, .ys = ys, .xs = xs, .rows = rows,
                           .mean = 1, .eps = eps, .scale = scale};
    normalize(&a, n, false, false);
}

static void gated_norm(float *y, size_t ys, const float *x, size_t xs, const float *gate, size_t gs,
                       const float *w, size_t ws, size_t rows, size_t n, float eps)
{
    const struct norm a = {.y = y, .x = x, .gate = gate, .w = w, .ys = ys, .xs = xs, .gs = gs,
                           .ws = ws, .rows = rows, .mean = 1.0f / (float)n, .eps = eps, .scale = 1};
    normalize(&a, n, true, true);
}

#endif
