// SPDX-License-Identifier: BSD-2-Clause
// y = x W^T for few tokens, over the vector vocabulary of vec.h: dot products straight from the
// weights as they lie in the file.
//
// A sum is DOT_CHAINS accumulators that stride over the columns in turn, the last vector masked,
// then a horizontal sum: its order depends on the number of columns alone. Blocks of rows and
// tokens only choose which sums are in flight together.
#ifndef LTE_SIMD_BODY_LINEAR_H
#define LTE_SIMD_BODY_LINEAR_H

#include "lte/base.h"
#include "simd/body/inline.h"
#include "simd/body/storage.h"

// One token takes one row at a time: memory is read as a single stream, which is what prefetchers
// follow best, and four chains hide the latency of an FMA. Asking DOT_AHEAD bytes ahead carries the
// stream across the ends of pages, where the hardware stops. Several tokens share each weight that
// was loaded; a panel of rows stays in the second-level cache while they pass.
enum {
    DOT_CHAINS = 4,
    DOT_STEP = DOT_CHAINS * VL,
    DOT_ROWS = VREGS == 32 ? 2 : 1,
    DOT_TOKENS = 3,
    DOT_AHEAD = 6144,
    DOT_PANEL_BYTES = 131072,
    DOT_LINE = 64
};

struct dot_weights {
    const char *at;            // first row
    size_t stride, size, cols; // bytes from row to row, bytes of an element, elements of a row
};

// Adds VL columns at c, or the first n of them, to chain u of every sum.
LTE_INLINE void dot_step(V sum[DOT_ROWS][DOT_TOKENS][DOT_CHAINS], const float *x, size_t xs,
                         const struct dot_weights *w, load_fn *load, size_t rows, size_t tokens,
                         size_t u, size_t c, size_t n)
{
    V in[DOT_TOKENS];
    LTE_UNROLL
    for (size_t t = 0; t < tokens; t++)
        in[t] = n == VL ? v_load(x + t * xs + c) : v_load_n(x + t * xs + c, n);
    LTE_UNROLL
    for (size_t r = 0; r < rows; r++) {
        const char *p = w->at + r * w->stride + c * w->size;
        const V weights = n == VL ? load(p) : load_n(p, n, w->size, load);
        LTE_UNROLL
        for (size_t t = 0; t < tokens; t++)
            sum[r][t][u] = v_fma(weights, in[t], sum[r][t][u]);
    }
}

// rows x tokens sums; both are constants where this is inlined.
LTE_INLINE void dot_block(float *y, size_t ys, const float *x, size_t xs,
                          const struct dot_weights *w, load_fn *load, size_t rows, size_t tokens)
{
    V sum[DOT_ROWS][DOT_TOKENS][DOT_CHAINS];
    LTE_UNROLL
    for (size_t r = 0; r < rows; r++)
        LTE_UNROLL
        for (size_t t = 0; t < tokens; t++)
            LTE_UNROLL
            for (size_t u = 0; u < DOT_CHAINS; u++)
                sum[r][t][u] = v_zero();

    size_t c = 0;
    for (; w->cols - c >= DOT_STEP; c += DOT_STEP) {
        LTE_UNROLL
        for (size_t r = 0; r < rows; r++)
            LTE_UNROLL
            for (size_t line = 0; line < DOT_STEP * w->size; line += DOT_LINE)
                v_prefetch(w->at + r * w->stride + c * w->size + line + DOT_AHEAD);
        LTE_UNROLL
        for (size_t u = 0; u < DOT_CHAINS; u++)
            dot_step(sum, x, xs, w, load, rows, tokens, u, c + u * VL, VL);
    }
    LTE_UNROLL
    for (size_t u = 0; u < DOT_CHAINS - 1; u++)
        if (w->cols - c >= VL) {
            dot_step(sum, x, xs, w, load, rows, tokens, u, c, VL);
            c += VL;
        }
    if (c < w->cols)
        dot_step(sum, x, xs, w, load, rows, tokens, DOT_CHAINS - 1, c, w->cols - c);

    LTE_UNROLL
    for (size_t t = 0; t < tokens; t++)
        LTE_UNROLL
        for (size_t r = 0; r < rows; r++) {
            const V *s = sum[r][t];
            y[t * ys + r] = v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
        }
}

LTE_INLINE void dot_rows(float *y, size_t ys, const float *x, size_t xs, struct dot_weights w,
                         size_t rows, load_fn *load, size_t tokens)
{
    size_t r = 0;
    for (; rows - r >= DOT_ROWS; r += DOT_ROWS, w.at += DOT_ROWS * w.stride)
        dot_block(y + r, ys, x, xs, &w, load, DOT_ROWS, tokens);
    if (r < rows) // DOT_ROWS is at most 2
        dot_block(y + r, ys, x, xs, &w, load, 1, tokens);
}

LTE_INLINE void dot_panel(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                          const struct dot_weights *w, size_t rows, load_fn *load)
{
    for (size_t t = 0; t < tokens;) {
        const size_t left = tokens - t;
        if (left == DOT_TOKENS || left > DOT_TOKENS + 1) {
            dot_rows(y + t * ys, ys, x + t * xs, xs, *w, rows, load, DOT_TOKENS);
            t += DOT_TOKENS;
        } else if (left > 1) {
            dot_rows(y + t * ys, ys, x + t * xs, xs, *w, rows, load, 2);
            t += 2;
        } else {
            dot_rows(y + t * ys, ys, x + t * xs, xs, *w, rows, load, 1);
            t += 1;
        }
    }
}

LTE_INLINE void dot_all(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                        const void *w, size_t ws, size_t rows, size_t cols, load_fn *load,
                        size_t size)
{
    struct dot_weights at = {w, ws * size, size, cols};
    if (tokens == 1) {
        for (size_t r = 0; r < rows; r++, at.at += at.stride)
            dot_block(y + r, ys, x, xs, &at, load, 1, 1);
        return;
    }
    const size_t fit = DOT_PANEL_BYTES / (at.stride + 1) / DOT_ROWS * DOT_ROWS;
    const size_t panel = fit > DOT_ROWS ? fit : DOT_ROWS;
    for (size_t r = 0; r < rows; r += panel, at.at += panel * at.stride)
        dot_panel(y + r, ys, x, xs, tokens, &at, rows - r < panel ? rows - r : panel, load);
}

static void linear_f32(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                       size_t ws, size_t rows, size_t cols)
{
    dot_all(y, ys, x, xs, tokens, w, ws, rows, cols, load_f32, 4);
}

static void linear_bf16(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                        const void *w, size_t ws, size_t rows, size_t cols)
{
    dot_all(y, ys, x, xs, tokens, w, ws, rows, cols, load_bf16, 2);
}

static void linear_f16(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                       size_t ws, size_t rows, size_t cols)
{
    dot_all(y, ys, x, xs, tokens, w, ws, rows, cols, load_f16, 2);
}

static void linear_install(struct lte_kernels *k)
{
    k->linear[LTE_DTYPE_F32] = linear_f32;
    k->linear[LTE_DTYPE_BF16] = linear_bf16;
    k->linear[LTE_DTYPE_F16] = linear_f16;
}

#endif
