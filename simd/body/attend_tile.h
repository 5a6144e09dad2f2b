// SPDX-License-Identifier: BSD-2-Clause
// Tiles of keys for the attention kernels: the next keys of a span that some query sees.
#ifndef LTE_SIMD_BODY_ATTEND_TILE_H
#define LTE_SIMD_BODY_ATTEND_TILE_H

#include <math.h>
#include <stdbool.h>

#include "lte/base.h"
#include "simd/attend.h"
#include "simd/body/storage.h"

// Keys at a time: for many queries, whose scores are as many rows; for one.
enum { TILE = 64, LONG_TILE = 768 };

struct tile {
    const char *k[LONG_TILE], *v[LONG_TILE];
    // seen by the queries first + [from, until), cut to the call's; not filled in where all see all
    float from[LONG_TILE], until[LONG_TILE];
    size_t keys;
    size_t k_step, v_step;         // bytes from a key of the span to the next
    bool partial;                  // not every query of the call sees every key
};

// A fixed number of turns and no exit, so that the compiler makes vectors of it.
static inline bool tile_seen_by_all(const uint32_t *from, const uint32_t *until, uint32_t first,
                                    uint32_t end)
{
    uint32_t hidden = 0;
    for (size_t s = 0; s < TILE; s++)
        hidden |= (uint32_t)(from[s] > first) | (uint32_t)(until[s] < end);
    return !hidden;
}

// The addresses of TILE rows; eight at a time, again so that the compiler makes vectors of them.
static inline void tile_rows(const char **to, const char *row, size_t step)
{
    const char *eight[8];
    for (size_t i = 0; i < 8; i++)
        eight[i] = row + i * step;
    for (size_t n = 0; n < TILE; n += 8)
        for (size_t i = 0; i < 8; i++)
            to[n + i] = eight[i] + n * step;
}

// Fills t with at most `most` keys (a multiple of TILE) from s on and returns the key to go on
// from. Elements are of `size` bytes.
static size_t tile_fill(struct tile *t, const struct lte_attend_args *a,
                        const struct lte_kv_span *p, size_t s, size_t size, size_t most)
{
    const uint32_t first = (uint32_t)a->first, end = (uint32_t)(a->first + a->count);
    const size_t k_step = p->k_stride * size, v_step = p->v_stride * size;
    const char *k = p->k, *v = p->v;
    size_t n = 0;
    t->k_step = k_step;
    t->v_step = v_step;
    t->partial = false;
    for (; n + TILE <= most && p->keys - s >= TILE &&
           tile_seen_by_all(p->from + s, p->until + s, first, end);
         n += TILE, s += TILE) {
        if (!p->at) {
            tile_rows(t->k + n, k + s * k_step, k_step);
            tile_rows(t->v + n, v + s * v_step, v_step);
        }
        for (size_t i = 0; i < TILE && p->at; i++) {
            t->k[n + i] = k + p->at[s + i] * k_step;
            t->v[n + i] = v + p->at[s + i] * v_step;
        }
    }
    for (; s < p->keys && n < most; s++) {
        const uint32_t from = p->from[s] > first ? p->from[s] : first;
        const uint32_t until = p->until[s] < end ? p->until[s] : end;
        const bool seen = from < until; // nearly random: no branch on it
        const size_t row = p->at ? p->at[s] : s;
        t->k[n] = k + row * k_step;
        t->v[n] = v + row * v_step;
        t->from[n] = (float)(int32_t)(from - first);
        t->until[n] = (float)(int32_t)(until - first);
        t->partial |= seen & (until - from < (uint32_t)a->count);
        n += seen;
    }
    t->keys = n;
    return s;
}

// Repeats the last key up to a multiple of `block`, for loops that take keys by blocks.
static inline void tile_round_up(struct tile *t, size_t block)
{
    for (size_t n = t->keys; n % block; n++)
        t->k[n] = t->k[t->keys - 1];
}

// Elements of a row of head_dim in scratch memory.
static inline size_t padded(size_t dim)
{
    return (dim + 15) / 16 * 16;
}

// What the log of a row's sum of exponentials is: of weights `sum` against the maximum `max`.
static inline float log_sum(float max, float sum)
{
    return sum == 0 ? 0 : max + logf(sum);
}

// o[0..n) = x * by
static inline void scaled_row(float *o, const float *x, float by, size_t n)
{
    const V f = v_set1(by);
    size_t d = 0;
    for (; d + VL <= n; d += VL)
        v_store(o + d, v_mul(v_load(x + d), f));
    if (d < n)
        v_store_n(o + d, v_mul(v_load_n(x + d, n - d), f), n - d);
}

#endif
