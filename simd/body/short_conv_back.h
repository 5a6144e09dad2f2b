// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the short convolution with SiLU over the vector vocabulary of vec.h.
//
// Four tokens share the loads of weights, inputs and gradients. Rows are often a multiple of 4 KiB
// apart, so weights and their gradients are kept packed for a tile of channels (see short_conv.h). Sums
// go by rising tokens whatever the grouping.
#ifndef LTE_SIMD_BODY_SHORT_CONV_BACK_H
#define LTE_SIMD_BODY_SHORT_CONV_BACK_H

#include <stdbool.h>
#include <string.h>

#include "simd/body/silu_slope.h"

enum { TILE = 128, MAX_FAST_TAPS = 4, MAX_TOKENS = 4 };

struct conv_back {
    float *dx, *dw;
    const float *dy, *x, *w;
    size_t s, cs, n, taps;
};

// Tokens t.. of the m channels from c, `first` and later taps of each; all that is not taken from
// memory is constant.
LTE_INLINE void convolve_back(const struct conv_back *a, size_t t, size_t c, size_t m,
                              const size_t tokens, const size_t taps)
{
    const size_t rows = taps - 1 + tokens, at = (t + 1 - taps) * a->s + c;
    V in[MAX_FAST_TAPS - 1 + MAX_TOKENS], dx[MAX_FAST_TAPS - 1 + MAX_TOKENS], z[MAX_TOKENS], silu;
    LTE_UNROLL for (size_t r = 0; r < rows; r++)
        in[r] = load_part(a->x + at + r * a->s, m);
    LTE_UNROLL for (size_t j = 0; j < taps; j++) {
        const V w = load_part(a->w + j * a->cs + c, m);
        LTE_UNROLL for (size_t i = 0; i < tokens; i++)
            z[i] = j ? v_fma(w, in[j + i], z[i]) : v_mul(w, in[i]);
    }
    LTE_UNROLL for (size_t i = 0; i < tokens; i++)
        z[i] = v_mul(load_part(a->dy + (t + i) * a->s + c, m), v_silu_slope(z[i], &silu));
    if (a->dw)
        LTE_UNROLL for (size_t j = 0; j < taps; j++) {
            V dw = load_part(a->dw + j * a->cs + c, m);
            LTE_UNROLL for (size_t i = 0; i < tokens; i++)
                dw = v_fma(z[i], in[j + i], dw);
            store_part(a->dw + j * a->cs + c, dw, m);
        }
    LTE_UNROLL for (size_t r = 0; r < rows; r++)
        dx[r] = load_part(a->dx + at + r * a->s, m);
    LTE_UNROLL for (size_t j = taps; j-- > 0;) { // rising i for each row i + j
        const V w = load_part(a->w + j * a->cs + c, m);
        LTE_UNROLL for (size_t i = 0; i < tokens; i++)
            dx[i + j] = v_fma(w, z[i], dx[i + j]);
    }
    LTE_UNROLL for (size_t r = 0; r < rows; r++)
        store_part(a->dx + at + r * a->s, dx[r], m);
}

// One token and any number of taps, those that meet the empty history left out.
LTE_INLINE void convolve_token_back(const struct conv_back *a, size_t t, size_t c, size_t m)
{
    const size_t missing = t + 1 < a->taps ? a->taps - 1 - t : 0;
    V z = v_zero(), silu;
    for (size_t j = missing; j < a->taps; j++)
        z = v_fma(load_part(a->w + j * a->cs + c, m),
                  load_part(a->x + (t + j + 1 - a->taps) * a->s + c, m), z);
    const V dz = v_mul(load_part(a->dy + t * a->s + c, m), v_silu_slope(z, &silu));
    for (size_t j = missing; j < a->taps; j++) {
        const size_t at = (t + j + 1 - a->taps) * a->s + c;
        if (a->dw)
            add_part(a->dw + j * a->cs + c, dz, load_part(a->x + at, m), m);
        add_part(a->dx + at, load_part(a->w + j * a->cs + c, m), dz, m);
    }
}

LTE_INLINE void convolve_row_back(const struct conv_back *a, size_t t, size_t channels,
                                  const size_t tokens, const size_t taps)
{
    size_t c = 0;
    for (; channels - c >= VL; c += VL)
        if (taps)
            convolve_back(a, t, c, VL, tokens, taps);
        else
            convolve_token_back(a, t, c, VL);
    if (c < channels && taps)
        convolve_back(a, t, c, channels - c, tokens, taps);
    else if (c < channels)
        convolve_token_back(a, t, c, channels - c);
}

// taps constant, or 0 for those of a.
LTE_INLINE void convolve_rows_back(const struct conv_back *a, size_t channels, const size_t taps)
{
    size_t t = 0;
    for (; t < a->n && (!taps || t + 1 < taps); t++)
        convolve_row_back(a, t, channels, 1, 0);
    for (; a->n - t >= MAX_TOKENS; t += MAX_TOKENS)
        convolve_row_back(a, t, channels, MAX_TOKENS, taps);
    for (; t < a->n; t++)
        convolve_row_back(a, t, channels, 1, taps);
}

static void copy_rows(float *to, size_t to_stride, const float *from, size_t from_stride, size_t rows,
                      size_t n)
{
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * to_stride, from + r * from_stride, n * sizeof *to);
}

static void convolve_tile_back(const struct conv_back *a, size_t channels)
{
    _Alignas(64) float w[MAX_FAST_TAPS][TILE], dw[MAX_FAST_TAPS][TILE];
    struct conv_back packed = *a;
    packed.w = w[0];
    packed.dw = a->dw ? dw[0] : NULL;
    packed.cs = TILE;
    copy_rows(w[0], TILE, a->w, a->cs, a->taps, channels);
    if (a->dw)
        copy_rows(dw[0], TILE, a->dw, a->cs, a->taps, channels);
    if (a->taps == 4)
        convolve_rows_back(&packed, channels, 4);
    else if (a->taps == 3)
        convolve_rows_back(&packed, channels, 3);
    else
        convolve_rows_back(&packed, channels, 2);
    if (a->dw)
        copy_rows(a->dw, a->cs, dw[0], TILE, a->taps, channels);
}

static void short_conv_back(float *dx, float *dw, const float *dy, const float *x, size_t s,
                            const float *w, size_t cs, size_t n, size_t channels, size_t taps)
{
    for (size_t c = 0; c < channels; c += TILE) {
        const size_t m = channels - c < TILE ? channels - c : TILE;
        const struct conv_back a = {dx + c, dw ? dw + c : NULL, dy + c, x + c, w + c, s, cs, n, taps};
        if (taps >= 2 && taps <= MAX_FAST_TAPS)
            convolve_tile_back(&a, m);
        else
            convolve_rows_back(&a, m, 0);
    }
}

#endif
