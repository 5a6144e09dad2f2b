// SPDX-License-Identifier: BSD-2-Clause
// exp and its relatives over the vector vocabulary of vec.h.
#ifndef LTE_SIMD_BODY_MATH_H
#define LTE_SIMD_BODY_MATH_H

// exp(x) = 2^n * e^r with n = round(x / ln 2) and |r| <= ln2/2: ln 2 is split in two so that r is
// exact, e^r is a degree-6 polynomial (Cephes expf). The power is applied in two halves, so that
// results near the ends of the range come out as Inf, subnormals or 0 and not as wrapped exponents.
static inline V v_exp(V x)
{
    const V c = v_max(v_min(x, v_set1(89.0f)), v_set1(-104.0f));
    const V n = v_round(v_mul(c, v_set1(1.44269504088896341f)));
    V r = v_fnma(n, v_set1(0.693359375f), c);
    r = v_fnma(n, v_set1(-2.12194440e-4f), r);
    V p = v_set1(1.9875691500e-4f);
    p = v_fma(p, r, v_set1(1.3981999507e-3f));
    p = v_fma(p, r, v_set1(8.3334519073e-3f));
    p = v_fma(p, r, v_set1(4.1665795894e-2f));
    p = v_fma(p, r, v_set1(1.6666665459e-1f));
    p = v_fma(p, r, v_set1(5.0000001201e-1f));
    p = v_add(v_fma(p, v_mul(r, r), r), v_set1(1.0f));
    const V half = v_round(v_mul(n, v_set1(0.5f)));
    const V y = v_mul(v_mul(p, v_exp2i(half)), v_exp2i(v_sub(n, half)));
    return v_nan_select(x, x, y);
}

// 1/(1+exp(-x)); exp(-x) may overflow to Inf, which gives 0.
static inline V v_sigmoid(V x)
{
    return v_div(v_set1(1.0f), v_add(v_set1(1.0f), v_exp(v_sub(v_zero(), x))));
}

static inline V v_silu(V x)
{
    return v_div(x, v_add(v_set1(1.0f), v_exp(v_sub(v_zero(), x))));
}

#endif
