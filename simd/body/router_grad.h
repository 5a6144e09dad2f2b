// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/router_grad.h over the vector vocabulary of vec.h: for each tap an outer product
// summed over tokens, in blocks of input channels by output vectors that stay in registers
// meanwhile.
//
// One sum is one chain of fused multiply-adds in the order of the tokens, whatever block it falls
// into.
#ifndef LTE_SIMD_BODY_ROUTER_GRAD_H
#define LTE_SIMD_BODY_ROUTER_GRAD_H

#include "simd/body/silu_slope.h"

enum { ROUTER_CHANNELS = VREGS == 32 ? 8 : 6 };

struct tap {
    float *dw;           // [in][out]
    const float *x, *dz; // dz: the row that goes with the first token
    size_t xs, zs, n, in, out;
};

// Outputs [o, o + cols*VL) of channels [c, c + channels); with tail > 0 (cols = 1) only the first
// tail.
LTE_INLINE void tap_block(const struct tap *p, size_t c, size_t o, const size_t channels,
                          const size_t cols, const size_t tail)
{
    V acc[8][8];
    float *dw = p->dw + c * p->out + o;
    LTE_UNROLL for (size_t m = 0; m < channels; m++)
        LTE_UNROLL for (size_t v = 0; v < cols; v++)
            acc[m][v] = tail ? v_load_n(dw + m * p->out, tail) : v_load(dw + m * p->out + v * VL);
    const float *x = p->x + c, *dz = p->dz + o;
    for (size_t t = 0; t < p->n; t++, x += p->xs, dz += p->zs) {
        V g[8];
        LTE_UNROLL for (size_t v = 0; v < cols; v++)
            g[v] = tail ? v_load_n(dz, tail) : v_load(dz + v * VL);
        LTE_UNROLL for (size_t m = 0; m < channels; m++) {
            const V xv = v_set1(x[m]);
            LTE_UNROLL for (size_t v = 0; v < cols; v++)
                acc[m][v] = v_fma(xv, g[v], acc[m][v]);
        }
    }
    LTE_UNROLL for (size_t m = 0; m < channels; m++)
        LTE_UNROLL for (size_t v = 0; v < cols; v++) {
            if (tail)
                v_store_n(dw + m * p->out, acc[m][v], tail);
            else
                v_store(dw + m * p->out + v * VL, acc[m][v]);
        }
}

// All channels against outputs [o, o + cols*VL): few channels are left to narrow blocks.
LTE_INLINE void tap_channels(const struct tap *p, size_t o, const size_t cols, const size_t tail)
{
    size_t c = 0;
    for (; c + ROUTER_CHANNELS <= p->in; c += ROUTER_CHANNELS)
        tap_block(p, c, o, ROUTER_CHANNELS, cols, tail);
    for (; c + 2 <= p->in; c += 2)
        tap_block(p, c, o, 2, cols, tail);
    if (c < p->in)
        tap_block(p, c, o, 1, cols, tail);
}

// Two vectors of outputs at a time: their gradients stay in the first-level cache for all channels.
static void tap_gradient(const struct tap *p)
{
    size_t o = 0;
    for (; o + 2 * VL <= p->out; o += 2 * VL)
        tap_channels(p, o, 2, 0);
    if (o + VL <= p->out) {
        tap_channels(p, o, 1, 0);
        o += VL;
    }
    if (o < p->out)
        tap_channels(p, o, 1, p->out - o);
}

static void add_rows(float *sum, const float *rows, size_t stride, size_t n, size_t width)
{
    for (size_t o = 0; o < width; o += VL) {
        const size_t left = width - o;
        V acc = left < VL ? v_load_n(sum + o, left) : v_load(sum + o);
        for (size_t t = 0; t < n; t++) {
            const float *row = rows + t * stride + o;
            acc = v_add(acc, left < VL ? v_load_n(row, left) : v_load(row));
        }
        if (left < VL)
            v_store_n(sum + o, acc, left);
        else
            v_store(sum + o, acc);
    }
}

static void router_weight_grad(float *dw, float *db, const float *x, size_t xs, const float *dz,
                               size_t zs, size_t n, size_t in, size_t out, size_t taps,
                               size_t dilation, size_t left)
{
    const size_t span = (taps - 1) * dilation;
    for (size_t j = 0; j < taps; j++) {
        const struct tap p = {dw + j * in * out, x, dz + (span - j * dilation) * zs, xs, zs, n, in, out};
        tap_gradient(&p);
    }
    add_rows(db, dz + (span - left) * zs, zs, n, out);
}

static void silu_slope(float *y, float *slope, const float *z, size_t n)
{
    for (size_t i = 0, m; i < n; i += m) {
        V silu;
        m = n - i < VL ? n - i : VL;
        store_part(slope + i, v_silu_slope(load_part(z + i, m), &silu), m);
        store_part(y + i, silu, m);
    }
}

#endif
