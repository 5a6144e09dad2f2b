// SPDX-License-Identifier: BSD-2-Clause
// sigmoid and silu over the vector vocabulary of vec.h, for several vectors step by step: one
// vector's operations wait for one another, and where they follow each other they fill a core's
// queues with what cannot begin yet.
//
// All divide by d = 1 + exp(-x), with exp(-x) = 2^k e^r as in math.h. Where a vector or two serve
// as a table of 2^(j/V_STEPS), k is a multiple of 1/V_STEPS, so that one product brings r down to
// where ln 2 in one part (relative error 2.7e-9) and a quadratic (32 steps, 5.3e-8) or cubic (8
// steps, 2.5e-8) are enough: five or six multiply-adds, of which most machines do two vectors a
// cycle, among 12 or 13 operations of a silu. The division runs beside them.
#ifndef LTE_SIMD_BODY_SILU_H
#define LTE_SIMD_BODY_SILU_H

#include "simd/body/inline.h"
#include "simd/body/math.h"

enum { SILU_VECTORS = VREGS / 8 }; // as many as the registers hold beside the constants

#define EACH LTE_UNROLL for (size_t i = 0; i < n; i++)

#ifdef V_STEPS
#define STEP_MAGIC (12582912.0f / V_STEPS) // 1.5 * 2^23 / V_STEPS: adding it rounds

// p = scale * (1 + a polynomial in f), the coefficients falling.
LTE_INLINE void v_step_polynomials(V *p, const V *f, const float *c, const float scale,
                                   const size_t n)
{
    const size_t degree = V_STEPS == 32 ? 2 : 3;
    EACH p[i] = v_fma(v_set1(scale * c[0]), f[i], v_set1(scale * c[1]));
    LTE_UNROLL for (size_t j = 2; j < degree; j++)
        EACH p[i] = v_fma(p[i], f[i], v_set1(scale * c[j]));
    EACH p[i] = v_fma(p[i], f[i], v_set1(scale));
}

// x, which is at least -128 ln 2, becomes 1 + exp(-x), Inf at the bound.
LTE_INLINE void v_one_and_exp_minus(V *x, const size_t n)
{
    static const float c[] =
#if V_STEPS == 32
        {0.5f, -1.0000146f};
#else
        {-1.66642984e-1f, 5.00064778e-1f, -1.0f};
#endif
    V m[SILU_VECTORS], f[SILU_VECTORS], p[SILU_VECTORS];
    EACH x[i] = v_min(v_set1(126 * LN_2), x[i]);
    EACH m[i] = v_fma(x[i], v_set1(-LOG2_E), v_set1(STEP_MAGIC));
    EACH p[i] = v_sub(m[i], v_set1(STEP_MAGIC));
    EACH f[i] = v_fma(p[i], v_set1(LN_2), x[i]);
    v_step_polynomials(p, f, c, 1, n);
    EACH x[i] = v_fma(p[i], v_exp2_step(m[i]), v_set1(1.0f));
}
#else
LTE_INLINE void v_one_and_exp_minus(V *x, const size_t n)
{
    static const float c[] = {-8.2903032207e-3f, 4.1897974749e-2f, -1.6667636617e-1f,
                              4.9999149199e-1f,  -9.9999970701e-1f, 1};
    V m[SILU_VECTORS], p[SILU_VECTORS];
    EACH x[i] = v_min(v_set1(127 * LN_2), x[i]);
    EACH m[i] = v_fma(x[i], v_set1(-LOG2_E), v_set1(MAGIC));
    EACH p[i] = v_sub(m[i], v_set1(MAGIC));
    EACH x[i] = v_fma(p[i], v_set1(0.693359375f), x[i]); // -r
    EACH x[i] = v_fma(p[i], v_set1(-2.12194440e-4f), x[i]);
    EACH p[i] = v_set1(c[0]);
    LTE_UNROLL for (size_t j = 1; j < sizeof c / sizeof *c; j++)
        EACH p[i] = v_fma(p[i], x[i], v_set1(c[j]));
    EACH x[i] = v_fma(p[i], v_exponent(m[i]), v_set1(1.0f));
}
#endif

// In place. -0 from where 2^k is Inf, about -128 ln 2: there silu has come within 4e-37 of it.
LTE_INLINE void v_silu_each(V *x, const size_t n)
{
    V d[SILU_VECTORS];
    EACH x[i] = v_max(v_set1(-128 * LN_2), x[i]);
    EACH d[i] = x[i];
    v_one_and_exp_minus(d, n);
    EACH x[i] = v_quotient(x[i], d[i]);
}

static inline V v_silu(V x)
{
    v_silu_each(&x, 1);
    return x;
}

static inline V v_sigmoid(V x)
{
    V d = v_max(v_set1(-128 * LN_2), x);
    v_one_and_exp_minus(&d, 1);
    return v_quotient(v_set1(1.0f), d);
}

// silu of sums, in place, within 5e-7 |x|: for where the sum's own rounding is as large. z is not x
// but x times SUM_SCALE, so that exp(-x) = 2^z needs no product to begin with, and silu is z / d
// with d = SUM_SCALE (1 + 2^z). The bounds keep 2^z a normal number; x = -Inf gives nearly 0.
#define SUM_SCALE -1.44269504088896341f
enum { SUMS_MOST = 4 };

LTE_INLINE void v_silu_divisors(V *z, const size_t n)
{
    V m[SUMS_MOST], f[SUMS_MOST], p[SUMS_MOST];
#ifdef V_STEPS
    static const float c[] =
#if V_STEPS == 32
        {2.40226497e-1f, 6.9315733e-1f};
#else
        {5.54962218e-2f, 2.4025763e-1f, 6.93147214e-1f};
#endif
    EACH m[i] = v_add(z[i], v_set1(STEP_MAGIC));
    EACH f[i] = v_sub(z[i], v_sub(m[i], v_set1(STEP_MAGIC)));
    v_step_polynomials(p, f, c, SUM_SCALE, n);
    EACH z[i] = v_fma(p[i], v_exp2_step(m[i]), v_set1(SUM_SCALE));
#else
    static const float c[] = {1.3276472e-3f, 9.6755413e-3f, 5.5507133e-2f, 2.4022120e-1f,
                              6.9314697e-1f, 1.0f}; // minimax, 7.5e-8
    const V magic = v_set1(12582912.0f); // 1.5 * 2^23
    EACH m[i] = v_add(z[i], magic);
    EACH f[i] = v_sub(z[i], v_sub(m[i], magic));
    EACH p[i] = v_set1(SUM_SCALE * c[0]);
    LTE_UNROLL for (size_t j = 1; j < sizeof c / sizeof *c; j++)
        EACH p[i] = v_fma(p[i], f[i], v_set1(SUM_SCALE * c[j]));
    EACH z[i] = v_add(v_set1(SUM_SCALE), v_times_exp2(p[i], m[i]));
#endif
}

LTE_INLINE void v_silu_of_sums(V *z, const size_t n)
{
    V d[SUMS_MOST];
    EACH z[i] = v_min(v_set1(126.0f), z[i]);
    EACH d[i] = v_max(v_set1(-126.0f), z[i]);
    v_silu_divisors(d, n);
    EACH z[i] = v_quotient(z[i], d[i]);
}

#undef EACH

#endif
