// SPDX-License-Identifier: BSD-2-Clause
// Conversions over the vector vocabulary of vec.h and the folder's store_bf16() and store_f16(),
// which round VL floats and store them at any address. fp32 to fp32 is the reference's memcpy.
#ifndef LTE_SIMD_BODY_CONVERT_H
#define LTE_SIMD_BODY_CONVERT_H

#include "lte/base.h"
#include "simd/body/inline.h"
#include "simd/body/storage.h"

enum { HALF_SIZE = 2 };

typedef void store_fn(void *p, V a);

LTE_INLINE void widen(float *to, const char *from, size_t n, load_fn *load)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        v_store(to + i, load(from + i * HALF_SIZE));
    if (i < n)
        v_store_n(to + i, load_n(from + i * HALF_SIZE, n - i, HALF_SIZE, load), n - i);
}

LTE_INLINE void narrow(char *to, const float *from, size_t n, store_fn *store)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        store(to + i * HALF_SIZE, v_load(from + i));
    if (i < n) {
        char tail[VL * HALF_SIZE];
        store(tail, v_load_n(from + i, n - i));
        memcpy(to + i * HALF_SIZE, tail, (n - i) * HALF_SIZE);
    }
}

static void widen_bf16(float *to, const void *from, size_t n)
{
    widen(to, from, n, load_bf16);
}

static void widen_f16(float *to, const void *from, size_t n)
{
    widen(to, from, n, load_f16);
}

static void narrow_bf16(void *to, const float *from, size_t n)
{
    narrow(to, from, n, store_bf16);
}

static void narrow_f16(void *to, const float *from, size_t n)
{
    narrow(to, from, n, store_f16);
}

static void convert_install(struct lte_kernels *k)
{
    k->widen[LTE_DTYPE_BF16] = widen_bf16;
    k->widen[LTE_DTYPE_F16] = widen_f16;
    k->narrow[LTE_DTYPE_BF16] = narrow_bf16;
    k->narrow[LTE_DTYPE_F16] = narrow_f16;
}

#endif
