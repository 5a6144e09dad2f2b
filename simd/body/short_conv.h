// SPDX-License-Identifier: BSD-2-Clause
// Causal depthwise short convolution with SiLU over the vector vocabulary of vec.h.
//
// Four tokens share the loads of weights and inputs. Rows are often a multiple of 4 KiB apart, so
// that the lines of one column all fall into one set of L1: what is needed again, the weights and
// the last inputs, is kept packed, line by line, and the lines of x and y pass by once. Those of x
// are asked for ahead of time because rows so far apart escape the hardware; nothing waits for y's.
#ifndef LTE_SIMD_BODY_SHORT_CONV_H
#define LTE_SIMD_BODY_SHORT_CONV_H

#include <string.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"
#include "simd/body/silu.h"

enum { TILE = 512, LINE = 16, MAX_FAST_TAPS = 4, MAX_TOKENS = 4 };

struct conv {
    const float *x, *w, *bias;
    float *tail;
    size_t xs, cs, taps, n;
};

// The weights and biases of a cache line of channels, scaled, and their last inputs, oldest first.
struct column {
    _Alignas(64) float w[MAX_FAST_TAPS][LINE], bias[LINE], held[MAX_FAST_TAPS - 1][LINE];
};

// Row r of the tail followed by x.
LTE_INLINE const float *row(const struct conv *a, size_t r)
{
    const size_t held = a->taps - 1;
    return r < held ? a->tail + r * a->cs : a->x + (r - held) * a->xs;
}

// A weight as v_silu_of_sums() wants the sums.
LTE_INLINE V scaled(V w)
{
    return v_mul(w, v_set1(SUM_SCALE));
}

static void pack(struct column *column, const struct conv *a, size_t channels)
{
    for (size_t c = 0; c < channels; c += LINE, column++) {
        for (size_t l = 0; l < LINE; l += VL) {
            for (size_t j = 0; j < a->taps; j++)
                v_store(column->w[j] + l, scaled(v_load(a->w + j * a->cs + c + l)));
            v_store(column->bias + l, a->bias ? scaled(v_load(a->bias + c + l)) : v_zero());
        }
        for (size_t j = 0; j + 1 < a->taps; j++)
            memcpy(column->held[j], a->tail + j * a->cs + c, sizeof column->held[j]);
    }
}

// One vector, at x, of four tokens before their silu; `taps` constant, l its place in the column.
LTE_INLINE void convolve_vector(V *z, const float *x, size_t xs, struct column *column, size_t l,
                                const size_t taps)
{
    const V bias = v_load(column->bias + l);
    V in[MAX_FAST_TAPS - 1 + MAX_TOKENS];
    LTE_UNROLL for (size_t j = 0; j + 1 < taps; j++)
        in[j] = v_load(column->held[j] + l);
    LTE_UNROLL for (size_t i = 0; i < MAX_TOKENS; i++)
        in[taps - 1 + i] = v_load(x + i * xs);
    LTE_UNROLL for (size_t j = 0; j + 1 < taps; j++)
        v_store(column->held[j] + l, in[j + MAX_TOKENS]);
    LTE_UNROLL for (size_t j = 0; j < taps; j++) {
        const V w = v_load(column->w[j] + l);
        LTE_UNROLL for (size_t i = 0; i < MAX_TOKENS; i++)
            z[i] = v_fma(w, in[j + i], j ? z[i] : bias);
    }
}

LTE_INLINE void finish_vector(float *y, size_t ys, V *z)
{
    v_silu_of_sums(z, MAX_TOKENS);
    LTE_UNROLL for (size_t i = 0; i < MAX_TOKENS; i++)
        v_store(y + i * ys, z[i]);
}

// Four tokens of whole lines; inputs `ahead` tokens later are asked for. The sums of one vector and
// the silu of the one before are in flight together: a vector's own chain of operations is longer
// than what a core can look ahead.
LTE_INLINE void convolve_lines(float *y, size_t ys, const float *x, size_t xs, size_t ahead,
                               struct column *column, size_t channels, const size_t taps)
{
    V z[MAX_TOKENS], next[MAX_TOKENS];
    convolve_vector(z, x, xs, column, 0, taps);
    for (size_t c = VL; c < channels; c += VL) {
        if (c % LINE == 0)
            LTE_UNROLL for (size_t i = 0; i < MAX_TOKENS; i++)
                v_prefetch(x + (i + ahead) * xs + c);
        convolve_vector(next, x + c, xs, column + c / LINE, c % LINE, taps);
        finish_vector(y + c - VL, ys, z);
        LTE_UNROLL for (size_t i = 0; i < MAX_TOKENS; i++)
            z[i] = next[i];
    }
    finish_vector(y + channels - VL, ys, z);
}

// Token t of channels [c, channels), for any number of taps, added up in the same order.
LTE_INLINE void convolve_token(float *y, const struct conv *a, size_t t, size_t c, size_t channels,
                               const size_t taps)
{
    for (; c < channels; c += VL) {
        const size_t m = channels - c < VL ? channels - c : VL;
        V z = v_zero();
        if (a->bias)
            z = scaled(m == VL ? v_load(a->bias + c) : v_load_n(a->bias + c, m));
        for (size_t j = 0; j < taps; j++) {
            const float *at = a->w + j * a->cs + c, *r = row(a, t + j) + c;
            const V w = scaled(m == VL ? v_load(at) : v_load_n(at, m));
            const V x = m == VL ? v_load(r) : v_load_n(r, m);
            z = v_fma(w, x, z);
        }
        v_silu_of_sums(&z, 1);
        if (m == VL)
            v_store(y + c, z);
        else
            v_store_n(y + c, z, m);
    }
}

LTE_INLINE void convolve(float *y, size_t ys, const struct conv *a, size_t channels,
                         const size_t taps)
{
    const size_t lines = taps <= MAX_FAST_TAPS ? channels / LINE * LINE : 0;
    const size_t packed = lines ? a->n / MAX_TOKENS * MAX_TOKENS : 0;
    if (packed) {
        struct column column[TILE / LINE];
        pack(column, a, lines);
        for (size_t t = 0; t < packed; t += MAX_TOKENS)
            convolve_lines(y + t * ys, ys, a->x + t * a->xs, a->xs,
                           t + MAX_TOKENS < packed ? MAX_TOKENS : 0, column, lines, taps);
    }
    for (size_t t = 0; t < a->n; t++)
        convolve_token(y + t * ys, a, t, t < packed ? lines : 0, channels, taps);
}

static void convolve_tile(float *y, size_t ys, const struct conv *a, size_t channels)
{
    if (a->taps == 4)
        convolve(y, ys, a, channels, 4);
    else if (a->taps == 3)
        convolve(y, ys, a, channels, 3);
    else if (a->taps == 2)
        convolve(y, ys, a, channels, 2);
    else
        for (size_t t = 0; t < a->n; t++)
            convolve_token(y + t * ys, a, t, 0, channels, a->taps);
    for (size_t r = 0; r + 1 < a->taps; r++) // rising: no row is overwritten before it is read
        if (a->n)
            memcpy(a->tail + r * a->cs, row(a, r + a->n), channels * sizeof *y);
}

static void short_conv(float *y, size_t ys, const float *x, size_t xs, float *tail, const float *w,
                       const float *bias, size_t cs, size_t n, size_t channels, size_t taps)
{
    for (size_t c = 0; c < channels; c += TILE) {
        const struct conv a = {.x = x + c,
                               .w = w + c,
                               .bias = bias ? bias + c : NULL,
                               .tail = taps > 1 ? tail + c : NULL,
                               .xs = xs,
                               .cs = cs,
                               .taps = taps,
                               .n = n};
        convolve_tile(y + c, ys, &a, channels - c < TILE ? channels - c : TILE);
    }
}

#endif
