// SPDX-License-Identifier: BSD-2-Clause
// The OpenBLAS seam.
#ifndef LTE_LIB_BLAS_H
#define LTE_LIB_BLAS_H

#include <stdbool.h>
#include <stddef.h>

// Called when a context is opened. OpenBLAS is set to one thread: lib/par.c splits the work.
void lte_blas_open(void);

// y[t*ys + r] = sum_c w[r*ws + c] * x[t*xs + c] through OpenBLAS; false when there is none or the
// product is not worth handing over, and then nothing was written. w must be 4-byte aligned.
bool lte_blas_gemm(float *y, size_t ys, const float *x, size_t xs, size_t tokens, const float *w,
                   size_t ws, size_t rows, size_t cols);

#endif
