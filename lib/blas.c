// SPDX-License-Identifier: BSD-2-Clause
// Which fp32 products go to OpenBLAS, and the call.
#include "config.h"

#include "lib/blas.h"

#if HAVE_OPENBLAS

#include <cblas.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "simd/table.h"

// Below this OpenBLAS spends its time on setting out (a matrix-vector product runs at 3 GFLOP/s).
enum { MIN_TOKENS = 8, MIN_ROWS = 16, MIN_COLS = 16 };

// The AVX2 and AVX-512 kernels hold their own (bench_kernels) and need no memory beside the
// context's. In GFLOP/s of one Zen 5 core beside other load, ours / OpenBLAS 0.3.21 with its
// kernels for the same vectors (OPENBLAS_CORETYPE=Haswell, SkylakeX), medians of 12 in turn:
//                                             AVX2         AVX-512
//     1024x1024, 64 tokens                     88 / 84     153 / 142
//                256, 512                     105 / 100    199 / 190
//                                             104 / 102    202 / 195
//     4096x1024, 128, 256 rows at a time      105 / 100    173 / 159
//                256                          109 / 105    201 / 183
//                512, 256 rows at a time      102 /  99    192 / 194
//     1024x4096, 512, 256 rows at a time      100 /  99    185 / 184
// The scalar reference does not, and the NEON kernels have not met OpenBLAS's per-core assembly on
// enough hardware to say so.
static bool own_is_enough(const struct lte_kernels *kernels)
{
    return !strcmp(kernels->name, "avx2") || !strcmp(kernels->name, "avx512");
}

void lte_blas_open(const struct lte_kernels *kernels)
{
    if (!own_is_enough(kernels))
        openblas_set_num_threads(1);
}

bool lte_blas_gemm(const struct lte_kernels *kernels, float *y, size_t ys, const float *x,
                   size_t xs, size_t tokens, const float *w, size_t ws, size_t rows, size_t cols)
{
    if (own_is_enough(kernels) || tokens < MIN_TOKENS || rows < MIN_ROWS || cols < MIN_COLS)
        return false;
    if (tokens > INT_MAX || rows > INT_MAX || cols > INT_MAX || xs > INT_MAX || ws > INT_MAX ||
        ys > INT_MAX || (uintptr_t)w % sizeof *w)
        return false;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)tokens, (blasint)rows,
                (blasint)cols, 1.0f, x, (blasint)xs, w, (blasint)ws, 0.0f, y, (blasint)ys);
    return true;
}

#else

void lte_blas_open(const struct lte_kernels *kernels)
{
    (void)kernels;
}

bool lte_blas_gemm(const struct lte_kernels *kernels, float *y, size_t ys, const float *x,
                   size_t xs, size_t tokens, const float *w, size_t ws, size_t rows, size_t cols)
{
    (void)kernels, (void)y, (void)ys, (void)x, (void)xs, (void)tokens;
    (void)w, (void)ws, (void)rows, (void)cols;
    return false;
}

#endif
