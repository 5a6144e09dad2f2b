// SPDX-License-Identifier: BSD-2-Clause
// Conversions between fp32 and the storage types.
#include "config.h"

#include "simd/avx2/vec.h"
#include "simd/install.h"

static inline void store_bf16(void *p, V a)
{
    const __m256i u = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i round = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    const V rounded = _mm256_castsi256_ps(_mm256_add_epi32(u, round));
    const V quiet = _mm256_or_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x400000)));
    const V r = _mm256_blendv_ps(rounded, quiet, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    const __m256i h = _mm256_srli_epi32(_mm256_castps_si256(r), 16);
    const __m128i low = _mm256_castsi256_si128(h), high = _mm256_extracti128_si256(h, 1);
    _mm_storeu_si128(p, _mm_packus_epi32(low, high));
}

static inline void store_f16(void *p, V a)
{
    _mm_storeu_si128(p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "simd/body/convert.h"

void lte_avx2_convert(struct lte_kernels *k)
{
    convert_install(k);
}
