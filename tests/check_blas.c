// SPDX-License-Identifier: BSD-2-Clause
// The OpenBLAS seam: what it takes it computes rightly, what it declines it leaves alone. bench/
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

int main(int argc, char **argv)
{
    check_begin(argc, argv, "blas");
    level(check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++)
        level(l->kernels);
    return check_end();
}
