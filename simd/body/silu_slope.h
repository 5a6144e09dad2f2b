// SPDX-License-Identifier: BSD-2-Clause
// The derivative of silu, and loads and stores of whole and of partial vectors, for the gradients.
#ifndef LTE_SIMD_BODY_SILU_SLOPE_H
#define LTE_SIMD_BODY_SILU_SLOPE_H

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/body/silu.h"

// silu'(x) = s*(1 + x*(1 - s)), and silu(x) = x*s beside it. The bounds are where s is 0 and 1, so
// that infinities meet no zero.
LTE_INLINE V v_silu_slope(V x, V *silu)
{
    const V one = v_set1(1), low = v_max(v_set1(-128 * LN_2), x), s = v_sigmoid(low);
    *silu = v_mul(low, s);
    return v_mul(s, v_fma(v_min(v_set1(89.0f), low), v_sub(one, s), one));
}

// The first m <= VL floats; with m constant, no branch remains.
LTE_INLINE V load_part(const float *p, size_t m)
{
    return m == VL ? v_load(p) : v_load_n(p, m);
}

LTE_INLINE void store_part(float *p, V a, size_t m)
{
    if (m == VL)
        v_store(p, a);
    else
        v_store_n(p, a, m);
}

// p += a*b
LTE_INLINE void add_part(float *p, V a, V b, size_t m)
{
    store_part(p, v_fma(a, b, load_part(p, m)), m);
}

#endif
