// SPDX-License-Identifier: BSD-2-Clause
// y = x W^T for many tokens and its two relatives of training, over the vector vocabulary of vec.h
// and transpose(): a register-blocked fp32 product whose operands are brought into one orientation,
// and weights widened, while they are packed.
//
// The columns are cut into depths of GEMM_DEPTH, the rows into panels of GEMM_WIDE. A panel is
// transposed into scratch, [depth][GEMM_WIDE] in fp32, so that a vector holds neighbouring rows of
// one column; a block of tokens is copied beside it with a fixed stride, so that a tile of
// GEMM_TALL tokens is reached from one pointer and its rows fall into different cache sets
// whatever xs is. The panel is in the first-level cache, or streams by from the second, while all
// tokens pass; the tokens are in the second, where a tile also asks for the sums that it will add
// to, and for its share of the weights that the next panel is made of: rows so far apart escape the
// hardware.
#ifndef LTE_SIMD_BODY_GEMM_H
#define LTE_SIMD_BODY_GEMM_H

#include <stdint.h>

#include "lte/base.h"
#include "simd/body/inline.h"
#include "simd/body/storage.h"

// As deep as leaves the tokens room in the second-level cache of machines with these vectors (1
// MiB; 512 KiB): the deeper, the fewer times sums are read and written back.
#if VREGS == 32 && VL == 16
enum { GEMM_TALL = 14, GEMM_VECTORS = 2, GEMM_DEPTH = 512 };
#elif VREGS == 32
enum { GEMM_TALL = 8, GEMM_VECTORS = 3, GEMM_DEPTH = 256 };
#else
enum { GEMM_TALL = 6, GEMM_VECTORS = 2, GEMM_DEPTH = 352 };
#endif
enum {
    GEMM_WIDE = GEMM_VECTORS * VL,
    GEMM_STRIDE = GEMM_DEPTH + 16,
    GEMM_TOKENS = 256,
    GEMM_LINE = 16 // floats of a cache line
};

// Asks for the line of p in the second-level cache. A macro for the reason given with v_prefetch().
#define gemm_ask(p) __builtin_prefetch(p, 0, 2)

struct gemm_tile {
    float *y;        // [tokens][rows]
    size_t ys, rows; // rows <= GEMM_WIDE
    size_t depth;
    int add;         // nonzero: to what y holds
};

// tokens x GEMM_WIDE sums over one depth; tokens is a constant where this is inlined.
LTE_INLINE void gemm_tile(const struct gemm_tile *a, const float *x, const float *panel,
                          size_t tokens)
{
    V sum[GEMM_TALL][GEMM_VECTORS];
    LTE_UNROLL
    for (size_t t = 0; t < tokens; t++)
        LTE_UNROLL
        for (size_t v = 0; v < GEMM_VECTORS; v++)
            sum[t][v] = v_zero();
    for (size_t t = 0; t < tokens; t++)
        for (size_t r = 0; r < GEMM_WIDE; r += GEMM_LINE)
            gemm_ask(a->y + t * a->ys + r);

    for (size_t k = 0; k < a->depth; k++, x++, panel += GEMM_WIDE) {
        V w[GEMM_VECTORS];
        LTE_UNROLL
        for (size_t v = 0; v < GEMM_VECTORS; v++)
            w[v] = v_load(panel + v * VL);
        LTE_UNROLL
        for (size_t t = 0; t < tokens; t++) {
            const V in = v_set1(x[t * GEMM_STRIDE]);
            LTE_UNROLL
            for (size_t v = 0; v < GEMM_VECTORS; v++)
                sum[t][v] = v_fma(in, w[v], sum[t][v]);
        }
    }

    LTE_UNROLL
    for (size_t v = 0; v < GEMM_VECTORS; v++) {
        const size_t left = a->rows > v * VL ? a->rows - v * VL : 0;
        LTE_UNROLL
        for (size_t t = 0; t < tokens; t++) {
            float *y = a->y + t * a->ys + v * VL;
            if (left >= VL)
                v_store(y, a->add ? v_add(sum[t][v], v_load(y)) : sum[t][v]);
            else if (left)
                v_store_n(y, a->add ? v_add(sum[t][v], v_load_n(y, left)) : sum[t][v], left);
        }
    }
}

static void gemm_tokens(const struct gemm_tile *a, const float *x, const float *panel,
                        size_t tokens)
{
    switch (tokens) {
    case 1: gemm_tile(a, x, panel, 1); break;
    case 2: gemm_tile(a, x, panel, 2); break;
    case 3: gemm_tile(a, x, panel, 3); break;
    case 4: gemm_tile(a, x, panel, 4); break;
    case 5: gemm_tile(a, x, panel, 5); break;
    case 6: gemm_tile(a, x, panel, 6); break;
#if VREGS == 32
    case 7: gemm_tile(a, x, panel, 7); break;
    case 8: gemm_tile(a, x, panel, 8); break;
#endif
#if VREGS == 32 && VL == 16
    case 9: gemm_tile(a, x, panel, 9); break;
    case 10: gemm_tile(a, x, panel, 10); break;
    case 11: gemm_tile(a, x, panel, 11); break;
    case 12: gemm_tile(a, x, panel, 12); break;
    case 13: gemm_tile(a, x, panel, 13); break;
    case 14: gemm_tile(a, x, panel, 14); break;
#endif
    }
}

// How the operands of a product lie, y[t][r] = sum_k x w; constants where they are inlined.
struct gemm_form {
    int x_turned;    // x is [k][t], else [t][k]
    int w_turned;    // w is [k][r], else [r][k]
    int add;         // to what y holds
    load_fn *load;   // of w
    size_t size;     // of an element of w
};

// VL of `left` elements that begin at p, zeros where there are fewer.
LTE_INLINE V gemm_load(const char *p, size_t left, load_fn *load, size_t size)
{
    return left >= VL ? load(p) : load_n(p, left, size, load);
}

// w[r][k] to panel[k][r]; rows that do not exist become zeros.
LTE_INLINE void gemm_turn_panel(float *panel, const char *w, size_t stride, size_t rows,
                                size_t depth, const struct gemm_form *f)
{
    for (size_t v = 0; v < GEMM_VECTORS; v++)
        for (size_t k = 0; k < depth; k += VL) {
            V m[VL];
            LTE_UNROLL
            for (size_t i = 0; i < VL; i++) {
                const char *p = w + (v * VL + i) * stride + k * f->size;
                if (v * VL + i >= rows)
                    m[i] = v_zero();
                else
                    m[i] = gemm_load(p, depth - k, f->load, f->size);
            }
            transpose(m);
            LTE_UNROLL
            for (size_t i = 0; i < VL; i++)
                v_store(panel + (k + i) * GEMM_WIDE + v * VL, m[i]);
        }
}

// w[k][r] to panel[k][r].
LTE_INLINE void gemm_copy_panel(float *panel, const char *w, size_t stride, size_t rows,
                                size_t depth, const struct gemm_form *f)
{
    for (size_t k = 0; k < depth; k++, w += stride, panel += GEMM_WIDE)
        LTE_UNROLL
        for (size_t v = 0; v < GEMM_VECTORS; v++) {
            const size_t left = rows > v * VL ? rows - v * VL : 0;
            v_store(panel + v * VL, left ? gemm_load(w + v * VL * f->size, left, f->load, f->size)
                                         : v_zero());
        }
}

// x[k][t] to packed[t][k]; beyond `depth` some zeros follow, within the stride.
static void gemm_turn_tokens(float *packed, const float *x, size_t xs, size_t tokens, size_t depth)
{
    for (size_t t = 0; t < tokens; t += VL)
        for (size_t k = 0; k < depth; k += VL) {
            const size_t left = tokens - t;
            V m[VL];
            LTE_UNROLL
            for (size_t i = 0; i < VL; i++)
                m[i] = k + i < depth ? gemm_load((const char *)(x + (k + i) * xs + t), left,
                                                 load_f32, sizeof *x)
                                     : v_zero();
            transpose(m);
            LTE_UNROLL
            for (size_t i = 0; i < VL; i++)
                if (i < left)
                    v_store(packed + (t + i) * GEMM_STRIDE + k, m[i]);
        }
}

static void gemm_copy_tokens(float *packed, const float *x, size_t xs, size_t tokens, size_t depth)
{
    for (size_t t = 0; t < tokens; t++)
        memcpy(packed + t * GEMM_STRIDE, x + t * xs, depth * sizeof *x);
}

// The weights that a panel is made of: `rows` rows of some bytes.
struct gemm_part {
    const char *at;
    size_t stride, rows, bytes;
};

LTE_INLINE struct gemm_part gemm_part(const char *w, size_t stride, size_t row, size_t rows,
                                      size_t from, size_t depth, const struct gemm_form *f)
{
    if (f->w_turned)
        return (struct gemm_part){w + from * stride + row * f->size, stride, depth, rows * f->size};
    return (struct gemm_part){w + row * stride + from * f->size, stride, rows, depth * f->size};
}

// The first 1/share of what is left of a part.
static void gemm_ask_share(struct gemm_part *p, size_t share)
{
    size_t rows = p->rows / share;
    for (p->rows -= rows; rows; rows--, p->at += p->stride)
        for (size_t i = 0; i < p->bytes; i += GEMM_LINE * sizeof(float))
            gemm_ask(p->at + i);
}

// The tokens are cut into tiles as even as can be: a tile of one or two would leave the FMA units
// idle.
static void gemm_panel(struct gemm_tile a, const float *x, const float *panel, size_t tokens,
                       struct gemm_part next)
{
    for (size_t tiles = (tokens + GEMM_TALL - 1) / GEMM_TALL; tiles; tiles--) {
        const size_t n = tokens / tiles;
        gemm_ask_share(&next, tiles);
        gemm_tokens(&a, x, panel, n);
        a.y += n * a.ys;
        x += n * GEMM_STRIDE;
        tokens -= n;
    }
}

// One depth, from..from+depth, of some packed tokens, times all rows.
LTE_INLINE void gemm_depth(float *y, size_t ys, const float *x, size_t tokens, const char *w,
                           size_t stride, size_t rows, size_t from, size_t depth, float *panel,
                           const struct gemm_form *f)
{
    for (size_t r = 0, n; r < rows; r += n) {
        n = rows - r < GEMM_WIDE ? rows - r : GEMM_WIDE;
        const size_t left = rows - (r + n), more = left < GEMM_WIDE ? left : GEMM_WIDE;
        const struct gemm_tile tile = {y + r, ys, n, depth, f->add || from > 0};
        const struct gemm_part part = gemm_part(w, stride, r, n, from, depth, f);
        if (f->w_turned)
            gemm_copy_panel(panel, part.at, stride, n, depth, f);
        else
            gemm_turn_panel(panel, part.at, stride, n, depth, f);
        gemm_panel(tile, x, panel, tokens, gemm_part(w, stride, r + n, more, from, depth, f));
    }
}

LTE_INLINE void gemm_all(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                         const void *w, size_t ws, size_t rows, size_t cols, void *scratch,
                         const struct gemm_form *f)
{
    float *panel = scratch, *packed = panel + GEMM_DEPTH * GEMM_WIDE;
    if (!cols && !f->add)
        for (size_t t = 0; t < tokens; t++)
            memset(y + t * ys, 0, rows * sizeof *y);
    for (size_t t = 0; t < tokens; t += GEMM_TOKENS) {
        const size_t n = tokens - t < GEMM_TOKENS ? tokens - t : GEMM_TOKENS;
        for (size_t c = 0; c < cols; c += GEMM_DEPTH) {
            const size_t depth = cols - c < GEMM_DEPTH ? cols - c : GEMM_DEPTH;
            if (f->x_turned)
                gemm_turn_tokens(packed, x + c * xs + t, xs, n, depth);
            else
                gemm_copy_tokens(packed, x + t * xs + c, xs, n, depth);
            gemm_depth(y + t * ys, ys, packed, n, w, ws * f->size, rows, c, depth, panel, f);
        }
    }
}

#define GEMM(name, ...)                                                                          \
    static void name(float *y, size_t ys, const float *x, size_t xs, size_t tokens,              \
                     const void *w, size_t ws, size_t rows, size_t cols, void *scratch)          \
    {                                                                                            \
        const struct gemm_form form = {__VA_ARGS__};                                             \
        gemm_all(y, ys, x, xs, tokens, w, ws, rows, cols, scratch, &form);                       \
    }
GEMM(gemm_f32, 0, 0, 0, load_f32, 4)
GEMM(gemm_bf16, 0, 0, 0, load_bf16, 2)
GEMM(gemm_f16, 0, 0, 0, load_f16, 2)
GEMM(gemm_nn_f32, 0, 1, 1, load_f32, 4)
GEMM(gemm_nn_bf16, 0, 1, 1, load_bf16, 2)
GEMM(gemm_nn_f16, 0, 1, 1, load_f16, 2)
GEMM(gemm_tn_f32, 1, 1, 1, load_f32, 4)
#undef GEMM

static size_t gemm_scratch(size_t tokens, size_t rows, size_t cols)
{
    (void)rows, (void)cols;
    const size_t held = tokens < GEMM_TOKENS ? tokens : GEMM_TOKENS;
    return (GEMM_DEPTH * GEMM_WIDE + held * GEMM_STRIDE) * sizeof(float);
}

static void gemm_install(struct lte_kernels *k)
{
    k->gemm[LTE_DTYPE_F32] = gemm_f32;
    k->gemm[LTE_DTYPE_BF16] = gemm_bf16;
    k->gemm[LTE_DTYPE_F16] = gemm_f16;
    k->gemm_nn[LTE_DTYPE_F32] = gemm_nn_f32;
    k->gemm_nn[LTE_DTYPE_BF16] = gemm_nn_bf16;
    k->gemm_nn[LTE_DTYPE_F16] = gemm_nn_f16;
    k->gemm_tn = gemm_tn_f32;
    k->gemm_scratch = gemm_scratch;
}

#endif
