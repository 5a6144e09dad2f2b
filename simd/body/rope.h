// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/rope.h over the vector vocabulary of vec.h.
#ifndef LTE_SIMD_BODY_ROPE_H
#define LTE_SIMD_BODY_ROPE_H

#include <string.h>

static inline void rope_head(float *y, const float *x, const float *cos, const float *sin,
                             size_t half)
{
    size_t i = 0;
    for (; i + VL <= half; i += VL) {
        const V a = v_load(x + i), b = v_load(x + half + i);
        const V c = v_load(cos + i), s = v_load(sin + i);
        v_store(y + i, v_fnma(b, s, v_mul(a, c)));
        v_store(y + half + i, v_fma(a, s, v_mul(b, c)));
    }
    if (i < half) {
        const size_t n = half - i;
        const V a = v_load_n(x + i, n), b = v_load_n(x + half + i, n);
        const V c = v_load_n(cos + i, n), s = v_load_n(sin + i, n);
        v_store_n(y + i, v_fnma(b, s, v_mul(a, c)), n);
        v_store_n(y + half + i, v_fma(a, s, v_mul(b, c)), n);
    }
}

static void rope(float *y, const float *x, size_t heads, size_t stride, const float *cos,
                 const float *sin, size_t half)
{
    for (size_t h = 0; h < heads; h++)
        rope_head(y + h * stride, x + h * stride, cos, sin, half);
}

// VL pairs.
static inline void rope_turn(float *y, const float *x, V c, V s)
{
    V a, b, p, q;
    v_unzip(v_load(x), v_load(x + VL), &a, &b);
    v_zip(v_fnma(b, s, v_mul(a, c)), v_fma(a, s, v_mul(b, c)), &p, &q);
    v_store(y, p);
    v_store(y + VL, q);
}

static inline void rope_pairs_head(float *y, const float *x, const float *cos, const float *sin,
                                   size_t half)
{
    size_t i = 0;
    for (; i + VL <= half; i += VL)
        rope_turn(y + 2 * i, x + 2 * i, v_load(cos + i), v_load(sin + i));
    if (i < half) {
        const size_t n = half - i;
        float rest[2 * VL] = {0};
        memcpy(rest, x + 2 * i, 2 * n * sizeof *x);
        rope_turn(rest, rest, v_load_n(cos + i, n), v_load_n(sin + i, n));
        memcpy(y + 2 * i, rest, 2 * n * sizeof *y);
    }
}

static void rope_pairs(float *y, const float *x, size_t heads, size_t stride, const float *cos,
                       const float *sin, size_t half)
{
    for (size_t h = 0; h < heads; h++)
        rope_pairs_head(y + h * stride, x + h * stride, cos, sin, half);
}

#endif
