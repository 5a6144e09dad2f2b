// SPDX-License-Identifier: BSD-2-Clause
// Matrix products.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/body/inline.h"
#include "simd/install.h"

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

#include "simd/body/gemm.h"
#include "simd/body/linear.h"

void lte_neon_linear(struct lte_kernels *k)
{
    linear_install(k);
    gemm_install(k);
}
