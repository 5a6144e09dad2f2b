// SPDX-License-Identifier: BSD-2-Clause
// Gradients of activations and norms over the vector vocabulary of vec.h. Those of norms make a
// pass for the sums and a pass that adds, the second from L1.
#ifndef LTE_SIMD_BODY_BACKWARD_H
#define LTE_SIMD_BODY_BACKWARD_H

#include <math.h>
#include <stdbool.h>

#include "simd/body/silu_slope.h"

LTE_INLINE void silu_part(float *dx, const float *dy, const float *x, size_t m)
{
    V silu;
    const V slope = v_silu_slope(load_part(x, m), &silu);
    add_part(dx, load_part(dy, m), slope, m);
}

static void silu_back(float *dx, const float *dy, const float *x, size_t n)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        silu_part(dx + i, dy + i, x + i, VL);
    if (i < n)
        silu_part(dx + i, dy + i, x + i, n - i);
}

LTE_INLINE void swiglu_part(float *da, float *db, const float *dy, const float *a, const float *b,
                            size_t m)
{
    V silu;
    const V g = load_part(dy, m), slope = v_silu_slope(load_part(a, m), &silu);
    add_part(da, v_mul(g, load_part(b, m)), slope, m);
    add_part(db, g, silu, m);
}

static void swiglu_back(float *da, float *db, const float *dy, const float *a, const float *b,
                        size_t n)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        swiglu_part(da + i, db + i, dy + i, a + i, b + i, VL);
    if (i < n)
        swiglu_part(da + i, db + i, dy + i, a + i, b + i, n - i);
}

// What the gradient of a norm reads and adds to. Absent parts are NULL, known when it is compiled.
struct norm_back {
    float *dx, *dgate, *dw;
    const float *dy, *x, *gate, *w;
};

struct norm_sums {
    V squares, dot; // of x, and of x with the gradient of x/|x|
};

// The gradient of the normed vector times its weight; *slope and *open belong to the gate.
LTE_INLINE V gated(const struct norm_back *b, size_t i, size_t m, const bool gate, V *slope,
                   V *open)
{
    const V dy = load_part(b->dy + i, m);
    if (!gate)
        return *open = dy;
    V silu;
    *slope = v_silu_slope(load_part(b->gate + i, m), &silu);
    return *open = v_mul(dy, silu);
}

LTE_INLINE void norm_sum(struct norm_sums *sums, const struct norm_back *b, size_t i, size_t m,
                         const bool gate, const bool weighted)
{
    V slope, open, g = gated(b, i, m, gate, &slope, &open);
    const V x = load_part(b->x + i, m);
    if (weighted)
        g = v_mul(g, load_part(b->w + i, m));
    sums->squares = v_fma(x, x, sums->squares);
    sums->dot = v_fma(g, x, sums->dot);
}

// dx += r*g - c*x
LTE_INLINE void norm_add(const struct norm_back *b, size_t i, size_t m, V r, V c, const bool gate,
                         const bool weighted, const bool trained)
{
    V slope, open, g = gated(b, i, m, gate, &slope, &open);
    const V x = load_part(b->x + i, m), normed = v_mul(x, r);
    if (weighted) {
        const V w = load_part(b->w + i, m);
        g = v_mul(g, w);
        if (gate)
            add_part(b->dgate + i, v_mul(v_mul(load_part(b->dy + i, m), normed), w), slope, m);
    }
    if (trained)
        add_part(b->dw + i, open, normed, m);
    const V dx = load_part(b->dx + i, m);
    store_part(b->dx + i, v_fma(r, g, v_fnma(c, x, dx)), m);
}

LTE_INLINE struct norm_sums norm_sums(const struct norm_back *b, size_t n, const bool gate,
                                      const bool weighted)
{
    struct norm_sums s[2] = {{v_zero(), v_zero()}, {v_zero(), v_zero()}};
    size_t i = 0;
    for (; n - i >= 2 * VL; i += 2 * VL) {
        norm_sum(&s[0], b, i, VL, gate, weighted);
        norm_sum(&s[1], b, i + VL, VL, gate, weighted);
    }
    for (; n - i >= VL; i += VL)
        norm_sum(&s[0], b, i, VL, gate, weighted);
    if (i < n)
        norm_sum(&s[1], b, i, n - i, gate, weighted);
    return (struct norm_sums){v_add(s[0].squares, s[1].squares), v_add(s[0].dot, s[1].dot)};
}

LTE_INLINE void norm_adds(const struct norm_back *b, size_t n, float r, float c, const bool gate,
                          const bool weighted, const bool trained)
{
    const V rv = v_set1(r), cv = v_set1(c);
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        norm_add(b, i, VL, rv, cv, gate, weighted, trained);
    if (i < n)
        norm_add(b, i, n - i, rv, cv, gate, weighted, trained);
}

LTE_INLINE void rms_back(const struct norm_back *b, size_t n, float eps, const bool gate,
                         const bool weighted, const bool trained)
{
    const struct norm_sums s = norm_sums(b, n, gate, weighted);
    const float r = 1 / sqrtf(v_sum(s.squares) / (float)n + eps);
    const float c = r * v_sum(s.dot) / (float)n * r * r; // in this order nothing is out of range
    norm_adds(b, n, r, c, gate, weighted, trained);
}

static void rmsnorm_back(float *dx, float *dw, const float *dy, const float *x, const float *w,
                         size_t n, float eps)
{
    const struct norm_back b = {.dx = dx, .dw = dw, .dy = dy, .x = x, .w = w};
    if (!w && !dw)
        rms_back(&b, n, eps, false, false, false);
    else if (!w)
        rms_back(&b, n, eps, false, false, true);
    else if (!dw)
        rms_back(&b, n, eps, false, true, false);
    else
        rms_back(&b, n, eps, false, true, true);
}

static void l2norm_back(float *dx, const float *dy, const float *x, size_t n, float eps,
                        float scale)
{
    const struct norm_back b = {.dx = dx, .dy = dy, .x = x};
    const struct norm_sums s = norm_sums(&b, n, false, false);
    const float sum = v_sum(s.squares) + eps, r = sum == 0 ? 0 : 1 / sqrtf(sum);
    norm_adds(&b, n, scale * r, scale * (r * v_sum(s.dot)) * r * r, false, false, false);
}

static void gated_norm_back(float *dx, float *dgate, float *dw, const float *dy, const float *x,
                            const float *gate, const float *w, size_t n, float eps)
{
    const struct norm_back b = {dx, dgate, dw, dy, x, gate, w};
    if (dw)
        rms_back(&b, n, eps, true, true, true);
    else
        rms_back(&b, n, eps, true, true, false);
}

#endif
