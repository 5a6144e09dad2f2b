// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of one vector over the vector vocabulary of vec.h: a pass for the sum, a pass that
// scales, the second from L1.
#ifndef LTE_SIMD_BODY_NORM_H
#define LTE_SIMD_BODY_NORM_H

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/body/silu.h"

// Into four chains, so that an addition need not wait for the one before.
LTE_INLINE float sum_of_squares(const float *x, size_t n)
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
    return v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
}

LTE_INLINE V weighted(V x, V scale, const float *w)
{
    const V scaled = v_mul(x, scale);
    return w ? v_mul(scaled, v_load(w)) : scaled;
}

// y = x * scale * w, where there is w. A row waits for its sum and root longer than it computes;
// the fewer operations it takes, the more rows a core has under way: hence four vectors a turn.
LTE_INLINE void scale_row(float *y, const float *x, const float *w, V scale, size_t n)
{
    size_t i = 0;
    for (; n - i >= 4 * VL; i += 4 * VL)
        LTE_UNROLL for (size_t j = 0; j < 4 * VL; j += VL)
            v_store(y + i + j, weighted(v_load(x + i + j), scale, w ? w + i + j : NULL));
    for (; n - i >= VL; i += VL)
        v_store(y + i, weighted(v_load(x + i), scale, w ? w + i : NULL));
    if (i < n) {
        const V rest = v_mul(v_load_n(x + i, n - i), scale);
        v_store_n(y + i, w ? v_mul(rest, v_load_n(w + i, n - i)) : rest, n - i);
    }
}

static void rmsnorm(float *y, const float *x, const float *w, size_t n, float eps)
{
    const V scale = v_set1(1 / v_sqrt_one(sum_of_squares(x, n) / (float)n + eps));
    if (w)
        scale_row(y, x, w, scale, n);
    else
        scale_row(y, x, NULL, scale, n);
}

static void l2norm(float *y, const float *x, size_t n, float eps, float scale)
{
    const float sum = sum_of_squares(x, n) + eps;
    // a zero vector with eps 0
    scale_row(y, x, NULL, v_set1(sum == 0 ? 0 : scale / v_sqrt_one(sum)), n);
}

static void gated_norm(float *y, const float *x, const float *gate, const float *w, size_t n,
                       float eps)
{
    const V scale = v_set1(1 / v_sqrt_one(sum_of_squares(x, n) / (float)n + eps));
    size_t i = 0;
    for (; n - i >= SILU_VECTORS * VL; i += SILU_VECTORS * VL) {
        V g[SILU_VECTORS];
        LTE_UNROLL for (size_t j = 0; j < SILU_VECTORS; j++)
            g[j] = v_load(gate + i + j * VL);
        v_silu_each(g);
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
        const V normed = v_mul(v_mul(v_load_n(x + i, m), scale), v_load_n(w + i, m));
        v_store_n(y + i, v_mul(normed, v_silu(v_load_n(gate + i, m))), m);
    }
}

#endif
