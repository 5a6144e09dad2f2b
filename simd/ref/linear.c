// SPDX-License-Identifier: BSD-2-Clause
// y = x W^T and the products of its gradient in double, one sum after another.
#include "config.h"

#include <stdbool.h>

#include "simd/body/half.h"
#include "simd/install.h"
#include "lte/base.h"

typedef float load_fn(const char *w, size_t i);

static float load_f32(const char *w, size_t i)
{
    float a;
    memcpy(&a, w + 4 * i, sizeof a);
    return a;
}

static float load_bf16(const char *w, size_t i)
{
    return bf16_widen(half_load(w + 2 * i));
}

static float load_f16(const char *w, size_t i)
{
    return f16_widen(half_load(w + 2 * i));
}

static inline void product(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                           const char *w, size_t ws, size_t rows, size_t cols, load_fn *load)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t r = 0; r < rows; r++) {
            double sum = 0;
            for (size_t c = 0; c < cols; c++)
                sum += (double)load(w, r * ws + c) * x[t * xs + c];
            y[t * ys + r] = (float)sum;
        }
}

static void linear_f32(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                       size_t ws, size_t rows, size_t cols)
{
    product(y, ys, x, xs, tokens, w, ws, rows, cols, load_f32);
}

static void linear_bf16(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                        const void *w, size_t ws, size_t rows, size_t cols)
{
    product(y, ys, x, xs, tokens, w, ws, rows, cols, load_bf16);
}

static void linear_f16(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                       size_t ws, size_t rows, size_t cols)
{
    product(y, ys, x, xs, tokens, w, ws, rows, cols, load_f16);
}

static void gemm_f32(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                     size_t ws, size_t rows, size_t cols, void *scratch)
{
    (void)scratch;
    linear_f32(y, ys, x, xs, tokens, w, ws, rows, cols);
}

static void gemm_bf16(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                      size_t ws, size_t rows, size_t cols, void *scratch)
{
    (void)scratch;
    linear_bf16(y, ys, x, xs, tokens, w, ws, rows, cols);
}

static void gemm_f16(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const void *w,
                     size_t ws, size_t rows, size_t cols, void *scratch)
{
    (void)scratch;
    linear_f16(y, ys, x, xs, tokens, w, ws, rows, cols);
}

// y += x w with w [cols][rows]; x [tokens][cols], or [cols][tokens] where x_turned.
static inline void add_product(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                               const char *w, size_t ws, size_t rows, size_t cols, bool x_turned,
                               load_fn *load)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t r = 0; r < rows; r++) {
            double sum = y[t * ys + r];
            for (size_t c = 0; c < cols; c++)
                sum += (double)load(w, c * ws + r) * (x_turned ? x[c * xs + t] : x[t * xs + c]);
            y[t * ys + r] = (float)sum;
        }
}

#define ADD_PRODUCT(name, x_turned, load)                                                     \
    static void name(float *y, size_t ys, const float *x, size_t xs, size_t tokens,           \
                     const void *w, size_t ws, size_t rows, size_t cols, void *scratch)       \
    {                                                                                         \
        (void)scratch;                                                                        \
        add_product(y, ys, x, xs, tokens, w, ws, rows, cols, x_turned, load);                 \
    }
ADD_PRODUCT(gemm_nn_f32, false, load_f32)
ADD_PRODUCT(gemm_nn_bf16, false, load_bf16)
ADD_PRODUCT(gemm_nn_f16, false, load_f16)
ADD_PRODUCT(gemm_tn_f32, true, load_f32)

static size_t no_scratch(size_t tokens, size_t rows, size_t cols)
{
    (void)tokens, (void)rows, (void)cols;
    return 0;
}

void lte_ref_linear(struct lte_kernels *k)
{
    k->linear[LTE_DTYPE_F32] = linear_f32;
    k->linear[LTE_DTYPE_BF16] = linear_bf16;
    k->linear[LTE_DTYPE_F16] = linear_f16;
    k->gemm[LTE_DTYPE_F32] = gemm_f32;
    k->gemm[LTE_DTYPE_BF16] = gemm_bf16;
    k->gemm[LTE_DTYPE_F16] = gemm_f16;
    k->gemm_nn[LTE_DTYPE_F32] = gemm_nn_f32;
    k->gemm_nn[LTE_DTYPE_BF16] = gemm_nn_bf16;
    k->gemm_nn[LTE_DTYPE_F16] = gemm_nn_f16;
    k->gemm_tn = gemm_tn_f32;
    k->gemm_scratch = no_scratch;
}
