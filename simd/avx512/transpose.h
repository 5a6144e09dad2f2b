// SPDX-License-Identifier: BSD-2-Clause
// The transposition of a square of VL x VL floats.
#ifndef LTE_SIMD_TRANSPOSE_H
#define LTE_SIMD_TRANSPOSE_H

#include "simd/avx512/vec.h"
#include "simd/body/inline.h"

static inline V pairs_low(V a, V b)
{
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

static inline V pairs_high(V a, V b)
{
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

// m as 16 x 16. First within quarters of a vector, four rows at a time, then the quarters.
LTE_INLINE void transpose(V m[VL])
{
    V q[VL]; // q[4i + j], quarter k: column 4k + j of rows 4i..4i+3
    LTE_UNROLL
    for (int i = 0; i < VL; i += 4) {
        const V a = _mm512_unpacklo_ps(m[i], m[i + 1]), b = _mm512_unpackhi_ps(m[i], m[i + 1]);
        const V c = _mm512_unpacklo_ps(m[i + 2], m[i + 3]);
        const V d = _mm512_unpackhi_ps(m[i + 2], m[i + 3]);
        q[i] = pairs_low(a, c);
        q[i + 1] = pairs_high(a, c);
        q[i + 2] = pairs_low(b, d);
        q[i + 3] = pairs_high(b, d);
    }
    LTE_UNROLL
    for (int j = 0; j < 4; j++) {
        const V a = _mm512_shuffle_f32x4(q[j], q[4 + j], 0x44);
        const V b = _mm512_shuffle_f32x4(q[j], q[4 + j], 0xee);
        const V c = _mm512_shuffle_f32x4(q[8 + j], q[12 + j], 0x44);
        const V d = _mm512_shuffle_f32x4(q[8 + j], q[12 + j], 0xee);
        m[j] = _mm512_shuffle_f32x4(a, c, 0x88);
        m[4 + j] = _mm512_shuffle_f32x4(a, c, 0xdd);
        m[8 + j] = _mm512_shuffle_f32x4(b, d, 0x88);
        m[12 + j] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#endif
