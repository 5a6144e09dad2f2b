// SPDX-License-Identifier: BSD-2-Clause
// silu of several vectors at once: the bits of v_silu(), step by step for all of them. One vector's
// operations wait for one another, and where they follow each other they fill a core's queues with
// what cannot begin yet.
#ifndef LTE_SIMD_BODY_SILU_H
#define LTE_SIMD_BODY_SILU_H

#include "simd/body/inline.h"
#include "simd/body/math.h"

enum { SILU_VECTORS = VREGS / 8 }; // as many as the registers hold beside the constants

#define EACH LTE_UNROLL for (size_t i = 0; i < SILU_VECTORS; i++)

// In place.
LTE_INLINE void v_silu_each(V *x)
{
    static const float c[] = {-8.2903032207e-3f, 4.1897974749e-2f, -1.6667636617e-1f,
                              4.9999149199e-1f,  -9.9999970701e-1f, 1};
    const int bias = 8; // v_silu() and v_exp_scaled() say what for
    const V magic = v_set1(MAGIC - (float)bias);
    V m[SILU_VECTORS], r[SILU_VECTORS], p[SILU_VECTORS];
    EACH x[i] = v_max(v_set1((float)-(128 + bias) * LN_2), x[i]);
    EACH r[i] = v_min(v_set1((float)(127 - bias) * LN_2), x[i]);
    EACH m[i] = v_fma(r[i], v_set1(-LOG2_E), magic);
    EACH p[i] = v_sub(m[i], magic);
    EACH r[i] = v_fnma(p[i], v_set1(-0.693359375f), r[i]);
    EACH r[i] = v_fnma(p[i], v_set1(2.12194440e-4f), r[i]);
    EACH p[i] = v_set1(c[0]);
    LTE_UNROLL for (size_t j = 1; j < sizeof c / sizeof *c; j++)
        EACH p[i] = v_fma(p[i], r[i], v_set1(c[j]));
    EACH p[i] = v_add(v_set1(1.0f / (float)(1 << bias)), v_mul(p[i], v_exponent(m[i])));
    EACH x[i] = v_mul(x[i], v_set1(1.0f / (float)(1 << bias)));
    EACH x[i] = v_quotient(x[i], p[i]);
}

#undef EACH

#endif
