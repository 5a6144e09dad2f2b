// SPDX-License-Identifier: BSD-2-Clause
// exp and its relatives over the vector vocabulary of vec.h. NaN gives NaN throughout: v_min and
// v_max return their second operand when either is NaN, so the bound always comes first.
//
// exp(x) = 2^n e^r with n = round(x / ln 2) and |r| <= ln2/2; ln 2 comes in two parts, so that r is
// exact to its last bit. Adding MAGIC to x / ln 2 rounds it and leaves n + 127, the exponent field
// of 2^n, in the low bits of the sum: a shift makes 2^n of it, 0 for n = -127 and Inf for n = 128.
#ifndef LTE_SIMD_BODY_MATH_H
#define LTE_SIMD_BODY_MATH_H

#include "simd/body/inline.h"

#define MAGIC 12583039.0f // 1.5 * 2^23 + 127
#define LOG2_E 1.44269504088896341f
#define LN_2 0.69314718055994531f

// scale * e^(sign*x) * 2^-bias for a product x / ln 2 that, less the bias, rounds into [-127, 128];
// the last three are constants, sign 1 or -1 and scale a power of 2. The polynomial is the minimax
// of e^r with value 1 at 0, relative error 9.2e-8.
LTE_INLINE V v_exp_scaled(V x, const float sign, const float scale, const int bias)
{
    const V magic = v_set1(MAGIC - (float)bias);
    const V m = v_fma(x, v_set1(sign * LOG2_E), magic), n = v_sub(m, magic);
    V r = v_fnma(n, v_set1(sign * 0.693359375f), x); // sign * r
    r = v_fnma(n, v_set1(sign * -2.12194440e-4f), r);
    V p = v_set1(scale * sign * 8.2903032207e-3f);
    p = v_fma(p, r, v_set1(scale * 4.1897974749e-2f));
    p = v_fma(p, r, v_set1(scale * sign * 1.6667636617e-1f));
    p = v_fma(p, r, v_set1(scale * 4.9999149199e-1f));
    p = v_fma(p, r, v_set1(scale * sign * 9.9999970701e-1f));
    p = v_fma(p, r, v_set1(scale));
    return v_mul(p, v_exponent(m));
}

// Inf above the range, 0 for results below 2^-125: e^x is 2 e^x * 2^(n-1), so that n = 128 is no
// overflow yet.
static inline V v_exp(V x)
{
    const V c = v_max(v_set1(-87.5f), v_min(v_set1(89.0f), x));
    return v_exp_scaled(c, 1, 2, 1);
}

// 2^x for x < 128, 0 below -126.5; the minimax polynomial of degree 5, relative error 7.5e-8.
static inline V v_exp2(V x)
{
    const V magic = v_set1(MAGIC), c = v_max(v_set1(-127.0f), x);
    const V m = v_add(c, magic), f = v_sub(c, v_sub(m, magic));
    V p = v_fma(v_set1(1.3276472e-3f), f, v_set1(9.6755413e-3f));
    p = v_fma(p, f, v_set1(5.5507133e-2f));
    p = v_fma(p, f, v_set1(2.4022120e-1f));
    p = v_fma(p, f, v_set1(6.9314697e-1f));
    p = v_fma(p, f, v_set1(1.0f));
    return v_mul(p, v_exponent(m));
}

// log(1+exp(x)) = max(x, 0) + log1p(e) with e = exp(-|x|), and log1p(e) = 2 atanh(e/(2+e)). With
// s = e/(2+e) <= 1/3, atanh(s)/s is a polynomial in s^2 (relative error 5e-9), so small results are
// as exact as large.
static inline V v_softplus(V x)
{
    const V e = v_exp(v_minus_abs(x));
    const V s = v_quotient(e, v_add(v_set1(2.0f), e));
    const V z = v_mul(s, s), s2 = v_add(s, s);
    V p = v_set1(1.400633346e-1f);
    p = v_fma(p, z, v_set1(1.400083905e-1f));
    p = v_fma(p, z, v_set1(2.001076714e-1f));
    p = v_fma(p, z, v_set1(3.333320809e-1f));
    return v_add(v_max(v_zero(), x), v_fma(v_mul(p, z), s2, s2));
}

#endif
