// SPDX-License-Identifier: BSD-2-Clause
// Products with weight matrices: one token against RAM bandwidth, many against arithmetic.
#include "config.h"

#include <stdio.h>

#include "bench/cases.h"

#if HAVE_OPENBLAS
#include <cblas.h>
enum { HAVE_BLAS = 1 };
#else
enum { HAVE_BLAS = 0 };
#endif

enum { BLOCK = 64, GEMM_BLOCK = 256, MAX_THREADS = 1024 };

struct linear {
    const struct lte_kernels *kernels;
    enum lte_dtype dtype;
    size_t tokens, rows, cols, block; // rows of an item
    size_t scratch_bytes;
    const void *w;
    float *x, *y;
    char *scratch;
};

static const void *weights(const struct linear *l, size_t row)
{
    return (const char *)l->w + row * l->cols * lte_dtype_size(l->dtype);
}

static void linear_rows(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct linear *l = arg;
    const size_t row = item * l->block;
    l->kernels->linear[l->dtype](l->y + row, l->rows, l->x, l->cols, l->tokens, weights(l, row),
                                 l->cols, l->block, l->cols);
}

static void gemm_rows(void *arg, size_t item, unsigned thread)
{
    const struct linear *l = arg;
    const size_t row = item * l->block;
    l->kernels->gemm[l->dtype](l->y + row, l->rows, l->x, l->cols, l->tokens, weights(l, row),
                               l->cols, l->block, l->cols, l->scratch + thread * l->scratch_bytes);
}

// OpenBLAS itself, whether or not the library would hand the product over.
static void blas_rows(void *arg, size_t item, unsigned thread)
{
    (void)thread;
#if HAVE_OPENBLAS
    const struct linear *l = arg;
    const size_t row = item * l->block;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)l->tokens, (int)l->block,
                (int)l->cols, 1, l->x, (int)l->cols, weights(l, row), (int)l->cols, 0, l->y + row,
                (int)l->rows);
#else
    (void)arg, (void)item;
#endif
}

static void fill(struct linear *l)
{
    const size_t n = l->rows * l->cols;
    float *w = bench_floats(n, 0.05f);
    l->w = w;
    if (l->dtype != LTE_DTYPE_F32) {
        void *narrow = bench_alloc(n * lte_dtype_size(l->dtype));
        l->kernels->narrow[l->dtype](narrow, w, n);
        bench_free(w);
        l->w = narrow;
    }
    l->x = bench_floats(l->tokens * l->cols, 1);
    l->y = bench_floats(l->tokens * l->rows, 1);
}

// As large as RAM is against the caches, so that each call reads the weights from there.
static void run_vector(const struct suite *suite, enum lte_dtype dtype, size_t tokens)
{
    enum { COLS = 2048 };
    char shape[64];
    const size_t row_bytes = COLS * lte_dtype_size(dtype);
    const size_t rows = roof_bytes(suite->team, 4) / row_bytes / BLOCK * BLOCK;
    snprintf(shape, sizeof shape, "%s n%zu %zux%d", lte_dtype_name(dtype), tokens, rows, COLS);
    if (!bench_wanted("linear", shape))
        return;
    struct linear l = {.kernels = suite->kernels, .dtype = dtype, .tokens = tokens, .rows = rows,
                       .cols = COLS, .block = BLOCK};
    fill(&l);
    const struct bench_case c = {.op = "linear", .shape = shape, .items = rows / BLOCK,
                                 .fn = linear_rows, .arg = &l, .tokens = (double)tokens,
                                 .flops = 2.0 * (double)(tokens * rows * COLS),
                                 .bytes = (double)(rows * row_bytes), .roof = ROOF_READ_RAM};
    suite_run(suite, &c, 1);
    bench_free_all();
}

static void run_matrix(const struct suite *suite, enum lte_dtype dtype, size_t tokens)
{
    enum { SIZE = 1024 };
    char shape[64];
    snprintf(shape, sizeof shape, "%s n%zu %dx%d", lte_dtype_name(dtype), tokens, SIZE, SIZE);
    if (!bench_wanted("gemm", shape))
        return;
    const unsigned threads = lte_par_size(suite->team);
    struct linear l = {.kernels = suite->kernels, .dtype = dtype, .tokens = tokens, .rows = SIZE,
                       .cols = SIZE, .block = threads > 1 ? GEMM_BLOCK : SIZE};
    fill(&l);
    l.scratch_bytes = (suite->kernels->gemm_scratch(tokens, l.block, SIZE) + 63) / 64 * 64;
    l.scratch = bench_alloc(threads * l.scratch_bytes + 1);
    const double flops = 2.0 * (double)tokens * SIZE * SIZE;
    const struct bench_case c[] = {
        {.op = "gemm", .shape = shape, .items = SIZE / l.block, .fn = gemm_rows, .arg = &l,
         .tokens = (double)tokens, .flops = flops, .roof = ROOF_FMA},
        {.op = "gemm OpenBLAS", .shape = shape, .items = SIZE / l.block, .fn = blas_rows, .arg = &l,
         .tokens = (double)tokens, .flops = flops, .roof = ROOF_FMA, .isa = "-"},
    };
#if HAVE_OPENBLAS
    openblas_set_num_threads(1); // as the library has it: the team splits the work
#endif
    suite_run(suite, c, HAVE_BLAS && dtype == LTE_DTYPE_F32 ? 2 : 1);
    bench_free_all();
}

void cases_linear(const struct suite *suite)
{
    for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_F16; dtype++)
        run_vector(suite, (enum lte_dtype)dtype, 1);
    for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_F16; dtype++)
        run_vector(suite, (enum lte_dtype)dtype, 4);
    for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_BF16; dtype++)
        for (size_t tokens = 256; tokens <= 512; tokens += 256)
            run_matrix(suite, (enum lte_dtype)dtype, tokens);
}
