// SPDX-License-Identifier: BSD-2-Clause
// Scores of four heads for the attention of a single query.
//
// With a vector of the query per head, each head and key leaves a vector of sums to be added up:
// for heads of 64, 13 operations a key beside 16 multiply-adds of 512 bits. Here heads take turns
// in the lanes of a vector of the query: in turn r, lane i belongs to head i%4 ^ r. Swaps of lanes
// within fours bring the sums of four turns together, and a key leaves one vector, the heads side
// by side. All turns share a pass over the keys or, where there are fewer registers, two turns.
#ifndef LTE_SIMD_BODY_ATTEND_FOUR_H
#define LTE_SIMD_BODY_ATTEND_FOUR_H

#include "simd/body/attend_load.h"

enum {
    FOUR_KEYS = 4,         // of a block
    FOUR_TURNS = VREGS / 8 // of a pass: 4 or 2, so that sums take half of the registers
};

// Puts head h, `row` floats in the order of a key's vectors, into the query of four heads:
// [pass][row / VL][FOUR_TURNS][VL], the turns' order being 3, 1, 2, 0.
static inline void four_query(float *q, size_t h, const float *head, size_t row)
{
    float *to[4]; // of every fourth element
    for (size_t i = 0; i < 4; i++) {
        const size_t turn = i ^ h, place = 2 * (1 - turn % 2) + 1 - turn / 2;
        const size_t pass = place / FOUR_TURNS;
        to[i] = q + pass * row * FOUR_TURNS + place % FOUR_TURNS * VL + i;
    }
    for (size_t d = 0; d < row; d += VL)
        LTE_UNROLL for (size_t at = 0; at < VL; at++)
            to[at % 4][d * FOUR_TURNS + at / 4 * 4] = head[d + at];
}

// Adds `n` vectors of products, or the `tail` last ones, to the sums of each key and turn.
LTE_INLINE void four_step(V (*acc)[FOUR_TURNS], const float *q, const char *const *row, size_t at,
                          const size_t n, size_t tail, load_some_fn *load, const size_t size)
{
    LTE_UNROLL for (size_t j = 0; j < FOUR_KEYS; j++) {
        V kv[2];
        if (tail)
            load_pair_n(kv, row[j] + at, tail, size, load);
        else
            load(kv, row[j] + at, n);
        LTE_UNROLL for (size_t i = 0; i < n; i++) {
            kv[i] = v_keep(kv[i]);
            LTE_UNROLL for (size_t r = 0; r < FOUR_TURNS; r++)
                acc[j][r] = v_fma(v_load(q + (i * FOUR_TURNS + r) * VL), kv[i], acc[j][r]);
        }
    }
}

// Adds a pass's products. `next`: what to ask for, its share of as many bytes as the keys have, or
// NULL.
LTE_INLINE void four_pass(V (*acc)[FOUR_TURNS], const float *q, const char *const *row, size_t dim,
                          const char *next, load_some_fn *load, const size_t size)
{
    const size_t whole = dim / PAIR * PAIR, n = loads_apart(load) ? 2 : 1;
    const size_t bytes = FOUR_KEYS * PAIR * size * FOUR_TURNS / 4;
    for (size_t d = 0; d < whole; d += PAIR) {
        if (next) {
            LTE_UNROLL for (size_t at = 0; at < bytes; at += LINE)
                v_prefetch(next + at);
            next += bytes;
        }
        LTE_UNROLL for (size_t i = 0; i < PAIR; i += n * VL)
            four_step(acc, q + (d + i) * FOUR_TURNS, row, (d + i) * size, n, 0, load, size);
    }
    if (whole < dim)
        four_step(acc, q + whole * FOUR_TURNS, row, whole * size, 2, dim - whole, load, size);
}

// Turns 3 and 1 become 2 and 0.
LTE_INLINE void four_swap(V (*acc)[FOUR_TURNS])
{
    LTE_UNROLL for (size_t j = 0; j < FOUR_KEYS; j++) {
        acc[j][0] = v_swap(acc[j][0], 1);
        acc[j][1] = v_swap(acc[j][1], 1);
    }
}

// Scores of FOUR_KEYS keys to s[key][head], of a query of 4 * q_row floats. `next`: what to ask
// for, as many bytes as the keys have, or NULL.
LTE_INLINE void four_scores(float *s, const float *q, size_t q_row, const char *const *k,
                            size_t dim, const char *next, load_some_fn *load, const size_t size)
{
    V acc[FOUR_KEYS][FOUR_TURNS], sum[FOUR_KEYS];
    const char *row[FOUR_KEYS]; // in registers: the compiler cannot know that s is not k
    LTE_UNROLL for (size_t j = 0; j < FOUR_KEYS; j++) {
        LTE_UNROLL for (size_t r = 0; r < FOUR_TURNS; r++)
            acc[j][r] = v_zero();
        row[j] = k[j];
    }
    four_pass(acc, q, row, dim, next, load, size);
    four_swap(acc);
    if (FOUR_TURNS == 2)
        four_pass(acc, q + 2 * q_row, row, dim, next ? next + dim / 2 * FOUR_KEYS * size : NULL,
                  load, size);
    LTE_UNROLL for (size_t j = 0; j < FOUR_KEYS; j++) {
        LTE_UNROLL for (size_t r = 2; r < FOUR_TURNS; r++)
            acc[j][r - 2] = v_add(acc[j][r - 2], acc[j][r]);
        sum[j] = v_add(acc[j][1], v_swap(acc[j][0], 2));
    }
    LTE_UNROLL for (size_t j = 0; j < FOUR_KEYS; j += VL / 4)
        v_sum_by4(s + j * 4, sum + j);
}

#endif
