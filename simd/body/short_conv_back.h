// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the short convolution with SiLU over the vector vocabulary of vec.h.
//
// Four tokens share the loads of weights and inputs. Rows are often a multiple of 4 KiB apart, so
// that the lines of one column all fall into one set of L1 (see short_conv.h): the weights, their
// gradients, the last inputs and the rows of dx that later tokens add to are kept packed for a tile
// of channels, and the lines of x, dy and dx pass by once. Sums go by rising tokens.
#ifndef LTE_SIMD_BODY_SHORT_CONV_BACK_H
#define LTE_SIMD_BODY_SHORT_CONV_BACK_H

#include <stdbool.h>
#include <string.h>

#include "simd/body/silu_slope.h"

enum { TILE = 128, LINE = 16, MAX_FAST_TAPS = 4, MAX_TOKENS = 4 };

struct conv_back {
    float *dx, *dw, *dbias;
    const float *dy, *x, *w, *bias;
    size_t s, cs, n, taps;
};

// What is kept of a tile of channels, row by row.
struct tile_back {
    _Alignas(64) float w[MAX_FAST_TAPS][TILE], dw[MAX_FAST_TAPS][TILE];
    float bias[TILE], dbias[TILE];
    float held[MAX_FAST_TAPS - 1][TILE];    // x of the last tokens, oldest first
    float pending[MAX_FAST_TAPS - 1][TILE]; // what is to be added to dx of these
};

// Token t and those after it, m channels from c; what is not taken from memory is constant.
LTE_INLINE void convolve_back(const struct conv_back *a, struct tile_back *k, size_t t, size_t c,
                              size_t m, const size_t tokens, const size_t taps, const bool trained)
{
    enum { ROWS = MAX_FAST_TAPS - 1 + MAX_TOKENS };
    V in[ROWS], dx[ROWS], z[MAX_TOKENS], silu;
    LTE_UNROLL for (size_t r = 0; r < taps - 1; r++)
        in[r] = load_part(k->held[r] + c, m);
    LTE_UNROLL for (size_t i = 0; i < tokens; i++)
        in[taps - 1 + i] = load_part(a->x + (t + i) * a->s + c, m);
    LTE_UNROLL for (size_t r = 0; r < taps - 1; r++)
        store_part(k->held[r] + c, in[r + tokens], m);
    LTE_UNROLL for (size_t j = 0; j < taps; j++) {
        const V w = load_part(k->w[j] + c, m);
        LTE_UNROLL for (size_t i = 0; i < tokens; i++)
            z[i] = v_fma(w, in[j + i], j ? z[i] : load_part(k->bias + c, m));
    }
    LTE_UNROLL for (size_t i = 0; i < tokens; i++)
        z[i] = v_mul(load_part(a->dy + (t + i) * a->s + c, m), v_silu_slope(z[i], &silu));
    if (trained) {
        V dbias = load_part(k->dbias + c, m);
        LTE_UNROLL for (size_t i = 0; i < tokens; i++)
            dbias = v_add(dbias, z[i]);
        store_part(k->dbias + c, dbias, m);
        LTE_UNROLL for (size_t j = 0; j < taps; j++) {
            V dw = load_part(k->dw[j] + c, m);
            LTE_UNROLL for (size_t i = 0; i < tokens; i++)
                dw = v_fma(z[i], in[j + i], dw);
            store_part(k->dw[j] + c, dw, m);
        }
    }
    LTE_UNROLL for (size_t r = 0; r < taps - 1 + tokens; r++)
        dx[r] = r < taps - 1 ? load_part(k->pending[r] + c, m) : v_zero();
    LTE_UNROLL for (size_t j = 0; j < taps; j++) { // the last tap first: rising tokens for each row
        const size_t tap = taps - 1 - j;
        const V w = load_part(k->w[tap] + c, m);
        LTE_UNROLL for (size_t i = 0; i < tokens; i++)
            dx[i + tap] = v_fma(w, z[i], dx[i + tap]);
    }
    LTE_UNROLL for (size_t i = 0; i < tokens; i++)
        if (t + i + 1 >= taps) { // before the first token there is nothing
            float *to = a->dx + (t + i + 1 - taps) * a->s + c;
            store_part(to, v_add(load_part(to, m), dx[i]), m);
        }
    LTE_UNROLL for (size_t r = 0; r < taps - 1; r++)
        store_part(k->pending[r] + c, dx[r + tokens], m);
}

LTE_INLINE void convolve_tokens_back(const struct conv_back *a, struct tile_back *k, size_t t,
                                     size_t channels, const size_t tokens, const size_t taps,
                                     const bool trained)
{
    const size_t ahead = t + 2 * tokens <= a->n ? tokens : 0; // the hardware misses far rows
    size_t c = 0;
    for (; channels - c >= VL; c += VL) {
        if (c % LINE == 0)
            LTE_UNROLL for (size_t i = 0; i < tokens; i++) {
                v_prefetch(a->x + (t + i + ahead) * a->s + c);
                v_prefetch(a->dy + (t + i + ahead) * a->s + c);
                v_prefetch(a->dx + (t + i + (ahead ? 1 : 0)) * a->s + c);
            }
        convolve_back(a, k, t, c, VL, tokens, taps, trained);
    }
    if (c < channels)
        convolve_back(a, k, t, c, channels - c, tokens, taps, trained);
}

LTE_INLINE void convolve_tile_back(const struct conv_back *a, struct tile_back *k, size_t channels,
                                   const size_t taps, const bool trained)
{
    size_t t = 0;
    for (; a->n - t >= MAX_TOKENS; t += MAX_TOKENS)
        convolve_tokens_back(a, k, t, channels, MAX_TOKENS, taps, trained);
    for (; t < a->n; t++)
        convolve_tokens_back(a, k, t, channels, 1, taps, trained);
    for (size_t r = a->n < taps - 1 ? taps - 1 - a->n : 0; r < taps - 1; r++) {
        float *to = a->dx + (a->n + r + 1 - taps) * a->s;
        for (size_t c = 0; c < channels; c++)
            to[c] += k->pending[r][c];
    }
}

static void copy_rows(float *to, size_t to_stride, const float *from, size_t from_stride,
                      size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * to_stride, from + r * from_stride, n * sizeof *to);
}

LTE_INLINE void convolve_few_taps_back(const struct conv_back *a, size_t channels,
                                       const size_t taps)
{
    struct tile_back k;
    memset(k.held, 0, sizeof k.held);
    memset(k.pending, 0, sizeof k.pending);
    memset(k.bias, 0, sizeof k.bias);
    copy_rows(k.w[0], TILE, a->w, a->cs, taps, channels);
    copy_rows(k.bias, TILE, a->bias, TILE, a->bias ? 1 : 0, channels);
    if (!a->dw && !a->dbias) {
        convolve_tile_back(a, &k, channels, taps, false);
        return;
    }
    memset(k.dw, 0, sizeof k.dw); // what nobody asked for is added up too
    memset(k.dbias, 0, sizeof k.dbias);
    copy_rows(k.dw[0], TILE, a->dw, a->cs, a->dw ? taps : 0, channels);
    copy_rows(k.dbias, TILE, a->dbias, TILE, a->dbias ? 1 : 0, channels);
    convolve_tile_back(a, &k, channels, taps, true);
    copy_rows(a->dw, a->cs, k.dw[0], TILE, a->dw ? taps : 0, channels);
    copy_rows(a->dbias, TILE, k.dbias, TILE, a->dbias ? 1 : 0, channels);
}

// Input r - (taps-1); before the first there is nothing.
LTE_INLINE V input_back(const struct conv_back *a, size_t r, size_t c, size_t m)
{
    return r + 1 < a->taps ? v_zero() : load_part(a->x + (r + 1 - a->taps) * a->s + c, m);
}

// One token and any number of taps.
LTE_INLINE void convolve_token_back(const struct conv_back *a, size_t t, size_t c, size_t m)
{
    V z = a->bias ? load_part(a->bias + c, m) : v_zero(), silu;
    for (size_t j = 0; j < a->taps; j++)
        z = v_fma(load_part(a->w + j * a->cs + c, m), input_back(a, t + j, c, m), z);
    const V dz = v_mul(load_part(a->dy + t * a->s + c, m), v_silu_slope(z, &silu));
    if (a->dbias)
        store_part(a->dbias + c, v_add(load_part(a->dbias + c, m), dz), m);
    for (size_t j = 0; j < a->taps; j++) {
        if (a->dw)
            add_part(a->dw + j * a->cs + c, dz, input_back(a, t + j, c, m), m);
        if (t + j + 1 >= a->taps)
            add_part(a->dx + (t + j + 1 - a->taps) * a->s + c,
                     load_part(a->w + j * a->cs + c, m), dz, m);
    }
}

static void convolve_any_taps_back(const struct conv_back *a, size_t channels)
{
    for (size_t t = 0; t < a->n; t++) {
        size_t c = 0;
        for (; channels - c >= VL; c += VL)
            convolve_token_back(a, t, c, VL);
        if (c < channels)
            convolve_token_back(a, t, c, channels - c);
    }
}

static void short_conv_back(float *dx, float *dw, float *dbias, const float *dy, const float *x,
                            size_t s, const float *w, const float *bias, size_t cs, size_t n, size_t channels, size_t taps)
{
    for (size_t c = 0; c < channels; c += TILE) {
        const size_t m = channels - c < TILE ? channels - c : TILE;
        const struct conv_back a = {.dx = dx + c, .dw = dw ? dw + c : NULL,
                                    .dbias = dbias ? dbias + c : NULL, .dy = dy + c,
                                    .x = x + c, .w = w + c, .bias = bias ? bias + c : NULL,
                                    .s = s, .cs = cs, .n = n, .taps = taps};
        if (taps == 4)
            convolve_few_taps_back(&a, m, 4);
        else if (taps == 3)
            convolve_few_taps_back(&a, m, 3);
        else if (taps == 2)
            convolve_few_taps_back(&a, m, 2);
        else
            convolve_any_taps_back(&a, m);
    }
}

#endif
