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

enum { TILE = 512, MAX_FAST_TAPS = 8 };

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

// One token of one tile; `taps` a constant.
LTE_INLINE void convolve(float *y, const struct conv *a, size_t t, size_t channels,
                         const size_t taps)
{
    const float *r[MAX_FAST_TAPS];
    LTE_UNROLL for (size_t j = 0; j < taps; j++)
        r[j] = row(a, t + j);
    // The rows of x are far apart: the hardware does not see the next one coming.
    const float *next = r[taps - 1] + (t + 1 < a->n ? a->xs : 0);
    size_t c = 0;
    for (; channels - c >= VL; c += VL) {
        v_prefetch(next + c);
        V z = v_mul(v_load(a->w + c), v_load(r[0] + c));
        LTE_UNROLL for (size_t j = 1; j < taps; j++)
            z = v_fma(v_load(a->w + j * a->cs + c), v_load(r[j] + c), z);
        v_store(y + c, v_silu(z));
    }
    if (c < channels) {
        const size_t m = channels - c;
        V z = v_mul(v_load_n(a->w + c, m), v_load_n(r[0] + c, m));
        LTE_UNROLL for (size_t j = 1; j < taps; j++)
            z = v_fma(v_load_n(a->w + j * a->cs + c, m), v_load_n(r[j] + c, m), z);
        v_store_n(y + c, v_silu(z), m);
    }
}

// The same for any number of taps.
static void convolve_any(float *y, const struct conv *a, size_t t, size_t channels)
{
    for (size_t c = 0; c < channels; c += VL) {
        const size_t m = channels - c < VL ? channels - c : VL;
        V z = v_zero();
        for (size_t j = 0; j < a->taps; j++) {
            const float *w = a->w + j * a->cs + c, *r = row(a, t + j) + c;
            z = m == VL ? v_fma(v_load(w), v_load(r), z) : v_fma(v_load_n(w, m), v_load_n(r, m), z);
        }
        if (m == VL)
            v_store(y + c, v_silu(z));
        else
            v_store_n(y + c, v_silu(z), m);
    }
}

static void convolve_tile(float *y, size_t ys, const struct conv *a, size_t channels)
{
    for (size_t t = 0; t < a->n; t++, y += ys) {
        if (a->taps == 4)
            convolve(y, a, t, channels, 4);
        else if (a->taps == 3)
            convolve(y, a, t, channels, 3);
        else
            convolve_any(y, a, t, channels);
    }
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
