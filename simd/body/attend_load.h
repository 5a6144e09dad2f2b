// SPDX-License-Identifier: BSD-2-Clause
// Vectors of stored keys and values as fp32, for the attention of a single query.
//
// A 32-bit lane of memory holds two BF16 numbers: a shift widens the even one, a mask the odd one.
// Two vectors are had from one load and two operations that way, but apart: the even elements, then
// the odd ones. The order does not matter as long as queries, keys and sums have the same; keys of
// fp32 in a call of BF16 are brought into it.
#ifndef LTE_SIMD_BODY_ATTEND_LOAD_H
#define LTE_SIMD_BODY_ATTEND_LOAD_H

#include <stdbool.h>
#include <string.h>

#include "simd/body/storage.h"

enum {
    PAIR = 2 * VL,
    LINE = 64 // bytes a prefetch brings
};

// Some vectors of elements at p, which are not aligned. An even number where they come apart.
typedef void load_some_fn(V *to, const char *p, const size_t vectors);

LTE_INLINE void load_some_f32(V *to, const char *p, const size_t vectors)
{
    LTE_UNROLL for (size_t i = 0; i < vectors; i++)
        to[i] = load_f32(p + i * VL * 4);
}

LTE_INLINE void load_some_f16(V *to, const char *p, const size_t vectors)
{
    LTE_UNROLL for (size_t i = 0; i < vectors; i++)
        to[i] = load_f16(p + i * VL * 2);
}

LTE_INLINE void load_apart_bf16(V *to, const char *p, const size_t vectors)
{
    LTE_UNROLL for (size_t i = 0; i < vectors; i += 2)
        v_load_apart_bf16(to + i, p + i * VL * 2);
}

LTE_INLINE void load_apart_f32(V *to, const char *p, const size_t vectors)
{
    LTE_UNROLL for (size_t i = 0; i < vectors; i += 2) {
        const V a = load_f32(p + i * VL * 4), b = load_f32(p + (i + 1) * VL * 4);
        to[i] = v_evens(a, b);
        to[i + 1] = v_odds(a, b);
    }
}

LTE_INLINE bool loads_apart(load_some_fn *load)
{
    return load == load_apart_bf16 || load == load_apart_f32;
}

// The first n < PAIR elements of `size` bytes, zeros after.
LTE_INLINE void load_pair_n(V *to, const char *p, size_t n, size_t size, load_some_fn *load)
{
    char tail[PAIR * sizeof(float)] = {0};
    memcpy(tail, p, n * size);
    load(to, tail, 2);
}

// Where element d lies in a row whose pairs of vectors are apart.
static inline size_t apart(size_t d)
{
    return d / PAIR * PAIR + d % 2 * VL + d % PAIR / 2;
}

#endif
