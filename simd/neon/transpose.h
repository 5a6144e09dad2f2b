// SPDX-License-Identifier: BSD-2-Clause
// The transposition of a square of VL x VL floats.
#ifndef LTE_SIMD_TRANSPOSE_H
#define LTE_SIMD_TRANSPOSE_H

#include "simd/neon/vec.h"
#include "simd/body/inline.h"

static inline V pairs_low(V a, V b)
{
    return vreinterpretq_f32_f64(
        vtrn1q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}

static inline V pairs_high(V a, V b)
{
    return vreinterpretq_f32_f64(
        vtrn2q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}

// m as 4 x 4.
LTE_INLINE void transpose(V m[VL])
{
    const V a = vtrn1q_f32(m[0], m[1]), b = vtrn2q_f32(m[0], m[1]);
    const V c = vtrn1q_f32(m[2], m[3]), d = vtrn2q_f32(m[2], m[3]);
    m[0] = pairs_low(a, c);
    m[1] = pairs_low(b, d);
    m[2] = pairs_high(a, c);
    m[3] = pairs_high(b, d);
}

#endif
