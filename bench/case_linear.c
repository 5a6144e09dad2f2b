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

// The three products of a training step, split as lib/op/linear.c and lib/grad/linear.c do:
// forward, the input's gradient, the weights'.
struct training {
    struct linear l;
    float *dx, *dw;
};
enum { TOKENS = 256, DW_ROWS = 128 };

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

static void forward_block(void *arg, size_t item, unsigned thread)
{
    const struct linear *l = &((const struct training *)arg)->l;
    const size_t groups = l->tokens / TOKENS, t = item % groups * TOKENS;
    const size_t row = item / groups * GEMM_BLOCK, rows = at_most(l->rows - row, GEMM_BLOCK);
    l->kernels->gemm[l->dtype](l->y + t * l->rows + row, l->rows, l->x + t * l->cols, l->cols, TOKENS,
                               weights(l, row), l->cols, rows, l->cols,
                               l->scratch + thread * l->scratch_bytes);
}

static void input_block(void *arg, size_t item, unsigned thread)
{
    const struct training *g = arg;
    const struct linear *l = &g->l;
    const size_t groups = l->tokens / TOKENS, t = item % groups * TOKENS;
    const size_t column = item / groups * GEMM_BLOCK;
    const size_t columns = at_most(l->cols - column, GEMM_BLOCK);
    l->kernels->gemm_nn[l->dtype](g->dx + t * l->cols + column, l->cols, l->y + t * l->rows, l->rows,
                                  TOKENS, (const char *)l->w + column * lte_dtype_size(l->dtype),
                                  l->cols, columns, l->rows,
                                  l->scratch + thread * l->scratch_bytes);
}

static void weight_block(void *arg, size_t item, unsigned thread)
{
    const struct training *g = arg;
    const struct linear *l = &g->l;
    const size_t across = (l->cols + GEMM_BLOCK - 1) / GEMM_BLOCK;
    const size_t row = item / across * DW_ROWS, column = item % across * GEMM_BLOCK;
    l->kernels->gemm_tn(g->dw + row * l->cols + column, l->cols, l->y + row, l->rows, DW_ROWS,
                        l->x + column, l->cols, at_most(l->cols - column, GEMM_BLOCK), l->tokens,
                        l->scratch + thread * l->scratch_bytes);
}

static void run_training(const struct suite *suite, enum lte_dtype dtype, size_t tokens, size_t rows,
                         size_t cols)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%s n%zu %zux%zu", lte_dtype_name(dtype), tokens, rows, cols);
    if (!bench_wanted("train", shape))
        return;
    struct training g = {.l = {.kernels = suite->kernels, .dtype = dtype, .tokens = tokens,
                               .rows = rows, .cols = cols}};
    fill(&g.l);
    g.dx = bench_floats(tokens * cols, 1);
    g.dw = bench_floats(rows * cols, 1);
    g.l.scratch_bytes = (suite->kernels->gemm_scratch(TOKENS, GEMM_BLOCK, tokens + rows) + 63) / 64 * 64;
    g.l.scratch = bench_alloc(lte_par_size(suite->team) * g.l.scratch_bytes);
    const double flops = 2.0 * (double)(tokens * rows * cols);
    const size_t groups = tokens / TOKENS, down = (rows + GEMM_BLOCK - 1) / GEMM_BLOCK;
    const size_t across = (cols + GEMM_BLOCK - 1) / GEMM_BLOCK;
    const struct bench_case c[] = {
        {.op = "train forward", .shape = shape, .items = groups * down, .fn = forward_block,
         .arg = &g, .tokens = (double)tokens, .flops = flops, .roof = ROOF_FMA},
        {.op = "train dx", .shape = shape, .items = groups * across, .fn = input_block, .arg = &g,
         .tokens = (double)tokens, .flops = flops, .roof = ROOF_FMA},
        {.op = "train dw", .shape = shape, .items = rows / DW_ROWS * across, .fn = weight_block,
         .arg = &g, .tokens = (double)tokens, .flops = flops, .roof = ROOF_FMA},
    };
    suite_run(suite, c, 3);
    bench_free_all();
}

void cases_linear(const struct suite *suite)
{
    static const size_t training[][3] = {
        {1024, 128, 128}, {4096, 128, 128}, {4096, 512, 384}, {1024, 1024, 1024}, {4096, 2048, 2048}};
    for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_F16; dtype++)
        run_vector(suite, (enum lte_dtype)dtype, 1);
    for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_F16; dtype++)
        run_vector(suite, (enum lte_dtype)dtype, 4);
    for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_BF16; dtype++)
        for (size_t tokens = 256; tokens <= 512; tokens += 256)
            run_matrix(suite, (enum lte_dtype)dtype, tokens);
    for (size_t i = 0; i < sizeof training / sizeof *training; i++)
        run_training(suite, LTE_DTYPE_F32, training[i][0], training[i][1], training[i][2]);
    run_training(suite, LTE_DTYPE_BF16, 1024, 1024, 1024);
}
