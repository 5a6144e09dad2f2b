// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/blas.h"

void lte_blas_open(void)
{
}

bool lte_blas_gemm(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const float *w,
                   size_t ws, size_t rows, size_t cols)
{
    (void)y, (void)ys, (void)x, (void)xs, (void)tokens, (void)w, (void)ws, (void)rows, (void)cols;
    return false;
}
