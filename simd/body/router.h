// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/router.h over the vector vocabulary of vec.h: a matrix product whose left side
// is read at taps * in places of x, in blocks of tokens by output vectors that stay in registers.
//
// Whatever the block, one output is one chain of fused multiply-adds that starts at the bias, so
// that it does not depend on the tokens that happened to come along.
#ifndef LTE_SIMD_BODY_ROUTER_H
#define LTE_SIMD_BODY_ROUTER_H

#include "simd/body/math.h"
#include "simd/body/silu.h"
#include "simd/body/inline.h"

enum { ROUTER_TOKENS = VREGS == 32 ? 8 : 6 };

struct conv {
    float *y;
    const float *x, *w, *b;
    size_t ys, xs, in, out, taps, dilation;
    int act;
};

// Outputs [o, o + cols*VL) of tokens [t, t + tokens); with tail > 0 (cols = 1) only the first tail.
LTE_INLINE void conv_block(const struct conv *p, size_t t, size_t o, const size_t tokens,
                           const size_t cols, const size_t tail)
{
    V acc[8][8];
    LTE_UNROLL for (size_t m = 0; m < tokens; m++)
        LTE_UNROLL for (size_t v = 0; v < cols; v++)
            acc[m][v] = tail ? v_load_n(p->b + o, tail) : v_load(p->b + o + v * VL);
    const float *w = p->w + o;
    for (size_t j = 0; j < p->taps; j++) {
        const float *x = p->x + (t + j * p->dilation) * p->xs;
        for (size_t c = 0; c < p->in; c++, w += p->out) {
            V wv[8];
            LTE_UNROLL for (size_t v = 0; v < cols; v++)
                wv[v] = tail ? v_load_n(w, tail) : v_load(w + v * VL);
            LTE_UNROLL for (size_t m = 0; m < tokens; m++) {
                const V xv = v_set1(x[m * p->xs + c]);
                LTE_UNROLL for (size_t v = 0; v < cols; v++)
                    acc[m][v] = v_fma(xv, wv[v], acc[m][v]);
            }
        }
    }
    LTE_UNROLL for (size_t m = 0; m < tokens; m++) {
        LTE_UNROLL for (size_t v = 0; v < cols; v++) {
            float *y = p->y + (t + m) * p->ys + o + v * VL;
            const V r = p->act ? v_silu(acc[m][v]) : acc[m][v];
            if (tail)
                v_store_n(y, r, tail);
            else
                v_store(y, r);
        }
    }
}

// Few tokens take many outputs at a time, so that there are as many chains to keep the units busy.
LTE_INLINE void conv_tokens(const struct conv *p, size_t t, const size_t tokens, const size_t wide)
{
    size_t o = 0;
    for (; o + wide * VL <= p->out; o += wide * VL)
        conv_block(p, t, o, tokens, wide, 0);
    if (wide > 4 && o + 4 * VL <= p->out) {
        conv_block(p, t, o, tokens, 4, 0);
        o += 4 * VL;
    }
    if (wide > 2 && o + 2 * VL <= p->out) {
        conv_block(p, t, o, tokens, 2, 0);
        o += 2 * VL;
    }
    for (; o + VL <= p->out; o += VL)
        conv_block(p, t, o, tokens, 1, 0);
    if (o < p->out)
        conv_block(p, t, o, tokens, 1, p->out - o);
}

static void router_conv(float *y, size_t ys, const float *x, size_t xs, size_t n, const float *w,
                        const float *b, size_t in, size_t out, size_t taps, size_t dilation,
                        int act)
{
    const struct conv p = {y, x, w, b, ys, xs, in, out, taps, dilation, act};
    size_t t = 0;
    for (; t + ROUTER_TOKENS <= n; t += ROUTER_TOKENS)
        conv_tokens(&p, t, ROUTER_TOKENS, 2);
    for (; t + 2 <= n; t += 2)
        conv_tokens(&p, t, 2, 4);
    if (t < n)
        conv_tokens(&p, t, 1, 8);
}

#endif
