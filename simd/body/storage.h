// SPDX-License-Identifier: BSD-2-Clause
// VL storage elements as fp32, over the vocabulary of vec.h.
#ifndef LTE_SIMD_BODY_STORAGE_H
#define LTE_SIMD_BODY_STORAGE_H

#include <string.h>

#include "simd/body/inline.h"

// VL elements at any address, widened.
typedef V load_fn(const char *p);

LTE_INLINE V load_f32(const char *p)
{
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}

LTE_INLINE V load_bf16(const char *p)
{
    return v_load_bf16(p);
}

LTE_INLINE V load_f16(const char *p)
{
    return v_load_f16(p);
}

// The first n < VL elements of `size` bytes, zeros after.
LTE_INLINE V load_n(const char *p, size_t n, size_t size, load_fn *load)
{
    char tail[VL * sizeof(float)] = {0};
    memcpy(tail, p, n * size);
    return load(tail);
}

#endif
