// SPDX-License-Identifier: BSD-2-Clause
// Conversions between fp32 and the storage types, one element after another.
#include "config.h"

#include "simd/body/half.h"
#include "simd/install.h"
#include "lte/base.h"

static void narrow_f32(void *to, const float *from, size_t n)
{
    if (n)
        memcpy(to, from, n * sizeof *from);
}

static void widen_f32(float *to, const void *from, size_t n)
{
    if (n)
        memcpy(to, from, n * sizeof *to);
}

static void widen_bf16(float *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = bf16_widen(half_load((const char *)from + 2 * i));
}

static void widen_f16(float *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = f16_widen(half_load((const char *)from + 2 * i));
}

static void narrow_bf16(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = bf16_narrow(from[i]);
        memcpy((char *)to + 2 * i, &h, sizeof h);
    }
}

static void narrow_f16(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = f16_narrow(from[i]);
        memcpy((char *)to + 2 * i, &h, sizeof h);
    }
}

void lte_ref_convert(struct lte_kernels *k)
{
    k->widen[LTE_DTYPE_F32] = widen_f32;
    k->widen[LTE_DTYPE_BF16] = widen_bf16;
    k->widen[LTE_DTYPE_F16] = widen_f16;
    k->narrow[LTE_DTYPE_F32] = narrow_f32;
    k->narrow[LTE_DTYPE_BF16] = narrow_bf16;
    k->narrow[LTE_DTYPE_F16] = narrow_f16;
}
