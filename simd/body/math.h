// SPDX-License-Identifier: BSD-2-Clause
// exp and its relatives over the vector vocabulary of vec.h. NaN gives NaN throughout: v_min and
// v_max return their second operand when either is NaN, so the bound always comes first.
#ifndef LTE_SIMD_BODY_MATH_H
#define LTE_SIMD_BODY_MATH_H

// exp(x) = 2^n * e^r with n = round(x / ln 2) and |r| <= ln2/2: ln 2 is split in two so that r is
// exact, e^r = 1 + r + r^2 P(r) with P of degree 4 (minimax, relative error 3e-9). Results above the
// range are Inf, below it subnormals or 0.
static inline V v_exp(V x)
{
    const V c = v_max(v_set1(-104.0f), v_min(v_set1(89.0f), x));
    const V n = v_round(v_mul(c, v_set1(1.44269504088896341f)));
    V r = v_fnma(n, v_set1(0.693359375f), c);
    r = v_fnma(n, v_set1(-2.12194440e-4f), r);
    V p = v_set1(1.3814467238e-3f);
    p = v_fma(p, r, v_set1(8.3687808365e-3f));
    p = v_fma(p, r, v_set1(4.1668392718e-2f));
    p = v_fma(p, r, v_set1(1.6666519642e-1f));
    p = v_fma(p, r, v_set1(4.9999994040e-1f));
    p = v_add(v_fma(p, v_mul(r, r), r), v_set1(1.0f));
    return v_ldexp(p, n);
}

// The functions below are written in e = exp(-|x|), which cannot overflow: an exp(-x) that does
// would flush results to 0 that are still normal numbers.
static inline V v_exp_minus_abs(V x)
{
    return v_exp(v_minus_abs(x));
}

// 1/(1+exp(-x)), as e/(1+e) for x <= 0
static inline V v_sigmoid(V x)
{
    const V one = v_set1(1.0f), e = v_exp_minus_abs(x);
    return v_mul(v_gt_select(x, v_zero(), one, e), v_reciprocal(v_add(one, e)));
}

// x*sigmoid(x); the bound keeps -Inf from meeting a sigmoid of 0.
static inline V v_silu(V x)
{
    const V one = v_set1(1.0f), e = v_exp_minus_abs(x);
    const V y = v_max(v_set1(-1000.0f), x);
    return v_mul(v_gt_select(x, v_zero(), y, v_mul(y, e)), v_reciprocal(v_add(one, e)));
}

// log(1+exp(x)) = max(x, 0) + log1p(e), where log1p(e) = 2 atanh(e/(2+e)). With s = e/(2+e) <= 1/3,
// atanh(s)/s is a polynomial in s^2 (relative error 5e-9), so small results are as exact as large.
static inline V v_softplus(V x)
{
    const V e = v_exp_minus_abs(x);
    const V s = v_mul(e, v_reciprocal(v_add(v_set1(2.0f), e)));
    const V z = v_mul(s, s), s2 = v_add(s, s);
    V p = v_set1(1.400633346e-1f);
    p = v_fma(p, z, v_set1(1.400083905e-1f));
    p = v_fma(p, z, v_set1(2.001076714e-1f));
    p = v_fma(p, z, v_set1(3.333320809e-1f));
    return v_add(v_max(v_zero(), x), v_fma(v_mul(p, z), s2, s2));
}

#endif
