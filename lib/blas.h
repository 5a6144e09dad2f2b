// SPDX-License-Identifier: BSD-2-Clause
// The OpenBLAS seam: fp32 products go through it where our own kernels are not known to keep up.
#ifndef LTE_LIB_BLAS_H
#define LTE_LIB_BLAS_H

#include <stdbool.h>
#include <stddef.h>

struct lte_kernels;

// Called when a context is opened, with its kernels. Where they would hand products over, OpenBLAS
// is set to one thread, for the whole process: lib/par.c splits the work. Otherwise it is left
// alone.
void lte_blas_open(const struct lte_kernels *kernels);

// y[t*ys + r] = sum_c w[r*ws + c] * x[t*xs + c] through OpenBLAS; false when there is none, when
// kernels' own gemm is as fast, when w is not 4-byte aligned, or when the product is not worth
// handing over: then nothing was written and the caller uses kernels->gemm. Tolerance and overlap
// as for lte_gemm_fn. May be called from several threads at once.
bool lte_blas_gemm(const struct lte_kernels *kernels, float *y, size_t ys, const float *x,
                   size_t xs, size_t tokens, const float *w, size_t ws, size_t rows, size_t cols);

#endif
