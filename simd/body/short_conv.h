// SPDX-License-Identifier: BSD-2-Clause
// Causal depthwise short convolution with SiLU over the vector vocabulary of vec.h.
//
// Channels go in tiles small enough that the weights and the last `taps` rows of a tile stay in L1
// while all tokens pass: x is read once and y written once.
#ifndef LTE_SIMD_BODY_SHORT_CONV_H
#define LTE_SIMD_BODY_SHORT_CONV_H

#include <string.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"

enum { TILE = 1024, MAX_FAST_TAPS = 4, MAX_TOKENS = 4 };

struct conv {
    const float *x, *w;
    float *tail;
    size_t xs, cs, taps, n;
};

// Row r of the tail followed by x.
LTE_INLINE const float *row(const struct conv *a, size_t r)
{
    const size_t held = a->taps - 1;
    return r < held ? a->tail + r * a->cs : a->x + (r - held) * a->xs;
}

// T tokens of one tile, which share the weights and most of the rows; `taps` and T constants.
LTE_INLINE void convolve(float *y, size_t ys, const struct conv *a, size_t t, size_t channels,
                         const size_t taps, const size_t T)
{
    const float *r[MAX_FAST_TAPS - 1 + MAX_TOKENS], *next[MAX_TOKENS];
    LTE_UNROLL for (size_t j = 0; j + 1 < taps + T; j++)
        r[j] = row(a, t + j);
    // The rows of x are far apart: the hardware does not see the next ones coming.
    LTE_UNROLL for (size_t i = 0; i < T; i++)
        next[i] = r[taps - 1 + i] + (t + i + T < a->n ? T * a->xs : 0);
    for (size_t c = 0; c < channels; c += VL) {
        const size_t m = channels - c;
        V x[MAX_FAST_TAPS - 1 + MAX_TOKENS], z[MAX_TOKENS];
        LTE_UNROLL for (size_t i = 0; i < T; i++)
            v_prefetch(next[i] + c);
        LTE_UNROLL for (size_t j = 0; j + 1 < taps + T; j++)
            x[j] = m >= VL ? v_load(r[j] + c) : v_load_n(r[j] + c, m);
        LTE_UNROLL for (size_t j = 0; j < taps; j++) {
            const V w = m >= VL ? v_load(a->w + j * a->cs + c) : v_load_n(a->w + j * a->cs + c, m);
            LTE_UNROLL for (size_t i = 0; i < T; i++)
                z[i] = j ? v_fma(w, x[j + i], z[i]) : v_mul(w, x[i]);
        }
        LTE_UNROLL for (size_t i = 0; i < T; i++) {
            if (m >= VL)
                v_store(y + i * ys + c, v_silu(z[i]));
            else
                v_store_n(y + i * ys + c, v_silu(z[i]), m);
        }
    }
}

// The same for any number of taps.
static void convolve_any(float *y, const struct conv *a, size_t t, size_t channels)
{
    for (size_t c = 0; c < channels; c += VL) {
        const size_t m = channels - c < VL ? channels - c : VL;
        V z = v_zero();
        for (size_t j = 0; j < a->taps; j++) { // one order for every split of the tokens
            const float *w = a->w + j * a->cs + c, *r = row(a, t + j) + c;
            z = m == VL ? v_fma(v_load(w), v_load(r), z) : v_fma(v_load_n(w, m), v_load_n(r, m), z);
        }
        if (m == VL)
            v_store(y + c, v_silu(z));
        else
            v_store_n(y + c, v_silu(z), m);
    }
}

LTE_INLINE void convolve_all(float *y, size_t ys, const struct conv *a, size_t channels,
                             const size_t taps)
{
    size_t t = 0;
    for (; t + MAX_TOKENS <= a->n; t += MAX_TOKENS)
        convolve(y + t * ys, ys, a, t, channels, taps, MAX_TOKENS);
    for (; t < a->n; t++)
        convolve(y + t * ys, ys, a, t, channels, taps, 1);
}

static void convolve_tile(float *y, size_t ys, const struct conv *a, size_t channels)
{
    if (a->taps == 4)
        convolve_all(y, ys, a, channels, 4);
    else if (a->taps == 3)
        convolve_all(y, ys, a, channels, 3);
    else
        for (size_t t = 0; t < a->n; t++)
            convolve_any(y + t * ys, a, t, channels);
    for (size_t r = 0; r + 1 < a->taps; r++) // rising: no row is overwritten before it is read
        if (a->n)
            memcpy(a->tail + r * a->cs, row(a, r + a->n), channels * sizeof *y);
}

static void short_conv(float *y, size_t ys, const float *x, size_t xs, float *tail, const float *w,
                       size_t cs, size_t n, size_t channels, size_t taps)
{
    for (size_t c = 0; c < channels; c += TILE) {
        const struct conv a = {x + c, w + c, taps > 1 ? tail + c : NULL, xs, cs, taps, n};
        convolve_tile(y + c, ys, &a, channels - c < TILE ? channels - c : TILE);
    }
}

#endif
