// SPDX-License-Identifier: BSD-2-Clause
// exp and its relatives over the vector vocabulary of vec.h. NaN gives NaN throughout: v_min and
// v_max return their second operand when either is NaN, so the bound always comes first.
//
// exp(x) = 2^n e^r with n = round(x / ln 2) and |r| <= ln2/2; ln 2 comes in two parts, so that r is
// exact to its last bit. Adding MAGIC to x / ln 2 rounds it and leaves n + 127, the exponent field
// of 2^n, in the low bits of the sum: a shift makes 2^n of it, 0 for n = -127 and Inf for n = 128.
// Multiply-adds and products, of which most machines do two vectors a cycle, are 10 of the 15
// operations of a silu; the division runs beside them.
#ifndef LTE_SIMD_BODY_MATH_H
#define LTE_SIMD_BODY_MATH_H

#include "simd/body/inline.h"

#define MAGIC 12583039.0f // 1.5 * 2^23 + 127
#define LOG2_E 1.44269504088896341f
#define LN_2 0.69314718055994531f

enum { SUMS_MOST = 4 }; // of v_silu_of_sums()

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

// 2^-bias (1 + exp(-x)); Inf from x = -(128 + bias) ln 2 down, where the caller's own bound lies.
LTE_INLINE V v_one_and_exp_minus(V x, const int bias)
{
    const V c = v_min(v_set1((float)(127 - bias) * LN_2), x);
    return v_add(v_set1(1.0f / (float)(1 << bias)), v_exp_scaled(c, -1, 1, bias));
}

// 1/(1+exp(-x))
static inline V v_sigmoid(V x)
{
    const V bounded = v_max(v_set1(-128 * LN_2), x);
    return v_quotient(v_set1(1.0f), v_one_and_exp_minus(bounded, 0));
}

// x/(1+exp(-x)): the bias keeps exp(-x) from overflowing while the result is not negligible yet,
// the bound is where it does, so that -Inf gives -0.
static inline V v_silu(V x)
{
    const int bias = 8;
    const V bounded = v_max(v_set1((float)-(128 + bias) * LN_2), x);
    return v_quotient(v_mul(bounded, v_set1(1.0f / (float)(1 << bias))),
                      v_one_and_exp_minus(bounded, bias));
}

// silu of sums, in place, within 5e-7 |x|: for where the sum's own rounding is as large. z is not x
// but x times SUM_SCALE, so that exp(-x) = 2^z needs no product to begin with, and silu is z / d
// with d = SUM_SCALE (1 + 2^z). Where a vector serves as a table of 2^(j/VL), z is rounded to a
// multiple of 1/VL, and a quadratic (VL = 16, relative error 4.2e-7, of which silu sees a quarter)
// or cubic is left over: four or five multiply-adds and products among 12 or 13 operations, the
// division included. Elsewhere it is the minimax of degree 5 (7.5e-8). n is added to the exponent.
// The bounds keep 2^z a normal number; x = -Inf gives nearly 0. Step by step for all vectors: one
// after the other would wait.
#define SUM_SCALE -1.44269504088896341f

#ifdef V_STEPS
LTE_INLINE void v_silu_divisors(V *z, const size_t n)
{
    const V magic = v_set1(12582912.0f / V_STEPS); // 1.5 * 2^23 / V_STEPS
    V m[SUMS_MOST], f[SUMS_MOST], p[SUMS_MOST];
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        m[i] = v_add(z[i], magic);
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        f[i] = v_sub(z[i], v_sub(m[i], magic));
#if V_STEPS == 16
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        p[i] = v_fma(v_set1(2.4021946e-1f), f[i], v_set1(6.9318783e-1f));
#else
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        p[i] = v_fma(v_set1(5.5498900e-2f), f[i], v_set1(2.4026407e-1f));
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        p[i] = v_fma(p[i], f[i], v_set1(6.9314721e-1f));
#endif
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        p[i] = v_fma(p[i], f[i], v_set1(1.0f));
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        z[i] = v_fma(p[i], v_exp2_step(m[i]), v_set1(SUM_SCALE));
}
#else
LTE_INLINE void v_silu_divisors(V *z, const size_t n)
{
    const V magic = v_set1(12582912.0f); // 1.5 * 2^23
    static const float c[] = {1.3276472e-3f, 9.6755413e-3f, 5.5507133e-2f, 2.4022120e-1f,
                              6.9314697e-1f, 1.0f};
    V m[SUMS_MOST], f[SUMS_MOST], p[SUMS_MOST];
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        m[i] = v_add(z[i], magic);
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        f[i] = v_sub(z[i], v_sub(m[i], magic));
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        p[i] = v_set1(SUM_SCALE * c[0]);
    LTE_UNROLL for (size_t j = 1; j < sizeof c / sizeof *c; j++)
        LTE_UNROLL for (size_t i = 0; i < n; i++)
            p[i] = v_fma(p[i], f[i], v_set1(SUM_SCALE * c[j]));
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        z[i] = v_add(v_set1(SUM_SCALE), v_times_exp2(p[i], m[i]));
}
#endif

LTE_INLINE void v_silu_of_sums(V *z, const size_t n)
{
    V d[SUMS_MOST];
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        z[i] = v_min(v_set1(126.0f), z[i]);
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        d[i] = v_max(v_set1(-126.0f), z[i]);
    v_silu_divisors(d, n);
    LTE_UNROLL for (size_t i = 0; i < n; i++)
        z[i] = v_quotient(z[i], d[i]);
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
