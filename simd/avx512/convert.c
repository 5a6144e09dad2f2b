// SPDX-License-Identifier: BSD-2-Clause
// Conversions between fp32 and the storage types.
#include "config.h"

#include "simd/avx512/vec.h"
#include "simd/install.h"

// In integers: the bf16 instructions of some CPUs flush subnormals.
static inline void store_bf16(void *p, V a)
{
    const __m512i u = _mm512_castps_si512(a);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    const __m512i round = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    const __m512i quiet = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
    const __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    const __m512i r = _mm512_mask_mov_epi32(_mm512_add_epi32(u, round), nan, quiet);
    _mm256_storeu_si256(p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16)));
}

static inline void store_f16(void *p, V a)
{
    _mm256_storeu_si256(p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "simd/body/convert.h"

void lte_avx512_convert(struct lte_kernels *k)
{
    convert_install(k);
}
