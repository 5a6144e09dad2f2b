// SPDX-License-Identifier: BSD-2-Clause
// Conversions between fp32 and the storage types.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"

static inline void store_bf16(void *p, V a)
{
    const uint32x4_t u = vreinterpretq_u32_f32(a);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(u, vdupq_n_u32(0x400000));
    const uint16x4_t h = vshrn_n_u32(vbslq_u32(vceqq_f32(a, a), rounded, quiet), 16);
    memcpy(p, &h, sizeof h);
}

static inline void store_f16(void *p, V a)
{
    const float16x4_t h = vcvt_f16_f32(a);
    memcpy(p, &h, sizeof h);
}

#include "simd/body/convert.h"

void lte_neon_convert(struct lte_kernels *k)
{
    convert_install(k);
}
