// SPDX-License-Identifier: BSD-2-Clause
// The OpenBLAS seam: what it takes it computes rightly, what it declines it leaves alone. --bench
// sets OpenBLAS beside the kernels' own product, which is what its policy rests on.
#include "config.h"

#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "lib/blas.h"
#include "lte/base.h"

#if !HAVE_OPENBLAS
#define HAVE_OPENBLAS 0
#endif

struct size {
    size_t tokens, rows, cols;
};

static bool all_bytes(const void *p, size_t n, unsigned char value)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < n; i++)
        if (c[i] != value)
            return false;
    return true;
}

static bool right(struct size s, const float *x, size_t xs, const float *w, size_t ws,
                  const float *y, size_t ys, double *worst)
{
    const double tolerance = 4e-7 * sqrt((double)s.cols);
    for (size_t t = 0; t < s.tokens; t++)
        for (size_t r = 0; r < s.rows; r++) {
            double sum = 0, scale = 0;
            for (size_t c = 0; c < s.cols; c++) {
                const double product = (double)w[r * ws + c] * x[t * xs + c];
                sum += product;
                scale += fabs(product);
            }
            const float want = (float)sum;
            if (!check_near(y + t * ys + r, &want, 1, scale, tolerance, worst, "y"))
                return false;
        }
    return true;
}

// True if the product was handed over as `taken` says and the result is what that means.
static bool product(const struct lte_kernels *k, struct size s, size_t offset, bool taken,
                    double *worst)
{
    const size_t xs = s.cols + check_below(4), ws = s.cols + check_below(4), ys = s.rows + 3;
    float *x = check_floats(s.tokens * xs), *y = check_floats(s.tokens * ys);
    unsigned char *w = check_buffer(s.rows * ws * sizeof(float), offset);
    check_fill(x, s.tokens * xs, CHECK_NORMAL);
    float *fill = check_floats(s.rows * ws);
    check_fill(fill, s.rows * ws, CHECK_NORMAL);
    memcpy(w, fill, s.rows * ws * sizeof *fill);
    const float *weights = (const float *)(const void *)w;
    const bool was = lte_blas_gemm(k, y, ys, x, xs, s.tokens, weights, ws, s.rows, s.cols);
    bool good = was == taken && check_guards();
    if (was)
        good = good && right(s, x, xs, fill, ws, y, ys, worst);
    else
        good = good && all_bytes(y, s.tokens * ys * sizeof *y, 0xA5);
    for (size_t t = 0; was && good && t < s.tokens; t++)
        good = all_bytes(y + t * ys + s.rows, 3 * sizeof *y, 0xA5);
    if (!good)
        check_note("%s: tokens %zu rows %zu cols %zu offset %zu: %s", k->name, s.tokens, s.rows,
                   s.cols, offset, was ? "taken" : "declined");
    check_free_buffers();
    return good;
}

static void level(const struct lte_kernels *k)
{
    static const struct size large[] = {{8, 16, 16}, {17, 33, 65}, {64, 96, 128}, {100, 64, 301}};
    static const struct size small[] = {
        {0, 64, 64}, {1, 64, 64}, {64, 0, 64}, {64, 1, 64}, {64, 64, 0},
    };
    const bool taken = HAVE_OPENBLAS && (!strcmp(k->name, "ref") || !strcmp(k->name, "neon"));
    double worst = 0;
    bool good = true;
    lte_blas_open(k);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        good = product(k, large[i], 0, taken, &worst) && good;
    check_ok(good, "blas %s: %s", k->name, taken ? "takes fp32 products" : "declines");
    if (taken)
        check_note("worst error %.3g of sum |w x|", worst);
    good = true;
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
        good = product(k, small[i], 0, false, &worst) && good;
    check_ok(good, "blas %s: declines what is too small", k->name);
    good = product(k, large[2], 1, false, &worst);
    check_ok(product(k, large[2], 2, false, &worst) && good, "blas %s: declines unaligned weights",
             k->name);
}

// ---- --bench: rows in the blocks that lib/par.c would hand out ----

enum { BLOCK = 256 };

static struct {
    const struct lte_kernels *kernels;
    struct size size;
    const float *x, *w;
    float *y;
    void *scratch;
    bool blas;
} bench;

static void bench_blocks(void *arg)
{
    (void)arg;
    const struct size s = bench.size;
    for (size_t r = 0; r < s.rows; r += BLOCK) {
        const size_t n = s.rows - r < BLOCK ? s.rows - r : BLOCK;
        const float *w = bench.w + r * s.cols;
        if (bench.blas)
            lte_blas_gemm(check_ref(), bench.y + r, s.rows, bench.x, s.cols, s.tokens, w, s.cols, n,
                          s.cols);
        else
            bench.kernels->gemm[LTE_DTYPE_F32](bench.y + r, s.rows, bench.x, s.cols, s.tokens, w,
                                               s.cols, n, s.cols, bench.scratch);
    }
}

static double bench_rate(bool blas)
{
    bench.blas = blas;
    return 2e-9 * (double)(bench.size.tokens * bench.size.rows * bench.size.cols) /
           check_time(bench_blocks, NULL);
}

static int bench_all(void)
{
    static const struct size sizes[] = {
        {16, 1024, 1024}, {64, 1024, 1024}, {256, 1024, 1024}, {16, 2816, 1024},
        {64, 2816, 1024}, {256, 2816, 1024}, {16, 5632, 2048}, {64, 5632, 2048},
        {256, 5632, 2048},
    };
    float *x = check_floats((size_t)256 * 2048), *w = check_floats((size_t)5632 * 2048);
    check_fill(x, (size_t)256 * 2048, CHECK_NORMAL);
    check_fill(w, (size_t)5632 * 2048, CHECK_NORMAL);
    bench.x = x;
    bench.w = w;
    bench.y = check_floats((size_t)256 * 5632);
    bench.scratch = check_buffer(4 << 20, 0);
    lte_blas_open(check_ref());
    for (const struct check_level *l = check_levels(); HAVE_OPENBLAS && l->name; l++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            bench.kernels = l->kernels;
            bench.size = sizes[i];
            const double own = bench_rate(false), blas = bench_rate(true);
            check_note("%-6s f32 %4zu x %4zu tokens %3zu: own %6.1f, OpenBLAS %6.1f GFLOP/s, %.2f",
                       l->name, sizes[i].rows, sizes[i].cols, sizes[i].tokens, own, blas,
                       own / blas);
        }
    check_free_buffers();
    return check_end();
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "blas");
    if (check_benching())
        return bench_all();
    level(check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++)
        level(l->kernels);
    return check_end();
}
