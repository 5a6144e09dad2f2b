// SPDX-License-Identifier: BSD-2-Clause
// The transposition of a square of VL x VL floats.
#ifndef LTE_SIMD_TRANSPOSE_H
#define LTE_SIMD_TRANSPOSE_H

#include "simd/avx2/vec.h"
#include "simd/body/inline.h"

// m as 8 x 8. First within halves of a vector, four rows at a time, then the halves.
LTE_INLINE void transpose(V m[VL])
{
    V h[VL]; // h[4i + j], half k: column 4k + j of rows 4i..4i+3
    LTE_UNROLL
    for (int i = 0; i < VL; i += 4) {
        const V a = _mm256_unpacklo_ps(m[i], m[i + 1]), b = _mm256_unpackhi_ps(m[i], m[i + 1]);
        const V c = _mm256_unpacklo_ps(m[i + 2], m[i + 3]);
        const V d = _mm256_unpackhi_ps(m[i + 2], m[i + 3]);
        h[i] = _mm256_shuffle_ps(a, c, 0x44);
        h[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        h[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        h[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    LTE_UNROLL
    for (int j = 0; j < 4; j++) {
        m[j] = _mm256_permute2f128_ps(h[j], h[4 + j], 0x20);
        m[4 + j] = _mm256_permute2f128_ps(h[j], h[4 + j], 0x31);
    }
}

#endif
