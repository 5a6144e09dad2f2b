// SPDX-License-Identifier: BSD-2-Clause
// Elementwise functions over the vector vocabulary of vec.h.
#ifndef LTE_SIMD_BODY_ACTIVATION_H
#define LTE_SIMD_BODY_ACTIVATION_H

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/body/silu.h"

// Two vectors a turn: one alone would wait for its own polynomial.
LTE_INLINE void map(float *y, const float *x, size_t n, V (*f)(V))
{
    size_t i = 0;
    for (; n - i >= 2 * VL; i += 2 * VL) {
        const V a = f(v_load(x + i)), b = f(v_load(x + i + VL));
        v_store(y + i, a);
        v_store(y + i + VL, b);
    }
    for (; n - i >= VL; i += VL)
        v_store(y + i, f(v_load(x + i)));
    if (i < n)
        v_store_n(y + i, f(v_load_n(x + i, n - i)), n - i);
}

LTE_INLINE void map2(float *y, const float *a, const float *b, size_t n, V (*f)(V, V))
{
    size_t i = 0;
    for (; n - i >= 2 * VL; i += 2 * VL) {
        const V p = f(v_load(a + i), v_load(b + i));
        const V q = f(v_load(a + i + VL), v_load(b + i + VL));
        v_store(y + i, p);
        v_store(y + i + VL, q);
    }
    for (; n - i >= VL; i += VL)
        v_store(y + i, f(v_load(a + i), v_load(b + i)));
    if (i < n)
        v_store_n(y + i, f(v_load_n(a + i, n - i), v_load_n(b + i, n - i)), n - i);
}

// silu(x), times b where there is one.
LTE_INLINE void silu_vectors(float *y, const float *x, const float *b, const size_t vectors)
{
    V s[SILU_VECTORS];
    LTE_UNROLL for (size_t i = 0; i < vectors; i++)
        s[i] = v_load(x + i * VL);
    v_silu_each(s, vectors);
    LTE_UNROLL for (size_t i = 0; i < vectors; i++)
        v_store(y + i * VL, b ? v_mul(s[i], v_load(b + i * VL)) : s[i]);
}

static void vexp(float *y, const float *x, size_t n)
{
    map(y, x, n, v_exp);
}

static void sigmoid(float *y, const float *x, size_t n)
{
    map(y, x, n, v_sigmoid);
}

static void silu(float *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; n - i >= SILU_VECTORS * VL; i += SILU_VECTORS * VL)
        silu_vectors(y + i, x + i, NULL, SILU_VECTORS);
    for (; n - i >= VL; i += VL)
        silu_vectors(y + i, x + i, NULL, 1);
    if (i < n)
        v_store_n(y + i, v_silu(v_load_n(x + i, n - i)), n - i);
}

static void softplus(float *y, const float *x, size_t n)
{
    map(y, x, n, v_softplus);
}

static void swiglu(float *y, const float *a, const float *b, size_t n)
{
    size_t i = 0;
    for (; n - i >= SILU_VECTORS * VL; i += SILU_VECTORS * VL)
        silu_vectors(y + i, a + i, b + i, SILU_VECTORS);
    for (; n - i >= VL; i += VL)
        silu_vectors(y + i, a + i, b + i, 1);
    if (i < n)
        v_store_n(y + i, v_mul(v_silu(v_load_n(a + i, n - i)), v_load_n(b + i, n - i)), n - i);
}

static void add(float *y, const float *a, const float *b, size_t n)
{
    map2(y, a, b, n, v_add);
}

#endif
