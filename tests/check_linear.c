// SPDX-License-Identifier: BSD-2-Clause
// Matrix products: every level against the reference; sums that do not depend on their neighbours.
#include "config.h"

#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "lte/base.h"

enum { DTYPES = 3 };

static const size_t element_size[DTYPES] = {4, 2, 2};
static const char *const dtype_name[DTYPES] = {"f32", "bf16", "f16"};

struct problem {
    size_t tokens, rows, cols, xs, ws, ys;
    int dtype;
    float *x;
    unsigned char *w;
};

// Random strides; weights at an odd address as often as not.
static struct problem problem_make(size_t tokens, size_t rows, size_t cols, int dtype,
                                   enum check_fill fill)
{
    struct problem p = {.tokens = tokens, .rows = rows, .cols = cols, .dtype = dtype};
    p.xs = cols + check_below(4);
    p.ws = cols + check_below(4);
    p.ys = rows + check_below(4);
    const size_t weights = rows * p.ws;
    p.x = check_floats(tokens * p.xs);
    check_fill(p.x, tokens * p.xs, fill);
    float *wide = check_floats(weights);
    check_fill(wide, weights, check_below(2) ? fill : CHECK_NORMAL);
    p.w = check_buffer(weights * element_size[dtype], check_below(3));
    check_ref()->narrow[dtype](p.w, wide, weights);
    return p;
}

static float *run(const struct problem *p, const struct lte_kernels *k, bool gemm)
{
    float *y = check_floats(p->tokens * p->ys);
    if (gemm) {
        void *scratch = check_buffer(k->gemm_scratch(p->tokens, p->rows, p->cols), 0);
        k->gemm[p->dtype](y, p->ys, p->x, p->xs, p->tokens, p->w, p->ws, p->rows, p->cols, scratch);
    } else {
        k->linear[p->dtype](y, p->ys, p->x, p->xs, p->tokens, p->w, p->ws, p->rows, p->cols);
    }
    return y;
}

// sum_c |w x|, with the absolute part of the tolerance folded in.
static double scale_of(const struct problem *p, size_t t, size_t r, double tolerance)
{
    double sum = (double)p->cols * 0x1p-149 / tolerance;
    for (size_t c = 0; c < p->cols; c++) {
        float w;
        check_ref()->widen[p->dtype](&w, p->w + (r * p->ws + c) * element_size[p->dtype], 1);
        sum += fabs((double)w * p->x[t * p->xs + c]);
    }
    return sum;
}

static bool gaps_untouched(const struct problem *p, const float *y)
{
    static const unsigned char fill[4] = {0xA5, 0xA5, 0xA5, 0xA5};
    for (size_t t = 0; t < p->tokens; t++)
        for (size_t r = p->rows; r < p->ys; r++)
            if (memcmp(y + t * p->ys + r, fill, sizeof fill)) {
                check_note("y was written past its rows at token %zu", t);
                return false;
            }
    return true;
}

static bool compare(const struct problem *p, const struct lte_kernels *k, bool gemm, double *worst)
{
    const double tolerance = 4e-7 * sqrt(p->cols ? (double)p->cols : 1);
    const float *want = run(p, check_ref(), gemm), *got = run(p, k, gemm);
    bool good = check_guards() && gaps_untouched(p, got);
    for (size_t t = 0; good && t < p->tokens; t++)
        for (size_t r = 0; good && r < p->rows; r++)
            good = check_near(got + t * p->ys + r, want + t * p->ys + r, 1,
                              scale_of(p, t, r, tolerance), tolerance, worst, "y");
    if (!good)
        check_note("%s %s: tokens %zu rows %zu cols %zu strides %zu %zu %zu",
                   gemm ? "gemm" : "linear", dtype_name[p->dtype], p->tokens, p->rows, p->cols,
                   p->xs, p->ws, p->ys);
    check_free_buffers();
    return good;
}

static bool one(const struct lte_kernels *k, bool gemm, int dtype, size_t tokens, size_t rows,
                size_t cols, double *worst)
{
    const struct problem p =
        problem_make(tokens, rows, cols, dtype, (enum check_fill)check_below(CHECK_FILLS));
    return compare(&p, k, gemm, worst);
}

// Counts of a few rows and tokens, all columns about the vector and chain lengths, and sizes that
// cross the depth, the panel and the block of tokens of the packed product.
static void sweep(const struct check_level *l, bool gemm, int dtype)
{
    static const size_t large[][3] = {
        {33, 70, 700}, {259, 37, 270}, {17, 97, 64}, {28, 64, 512}, {15, 33, 257}, {64, 1, 31},
    };
    double worst = 0;
    bool good = true;
    for (size_t cols = 0; good && cols <= 35; cols++)
        for (size_t i = 0; good && i < 4; i++)
            good = one(l->kernels, gemm, dtype, check_below(10), check_below(10), cols, &worst);
    for (size_t tokens = 0; good && tokens < 10; tokens++)
        for (size_t rows = 0; good && rows < 10; rows++)
            good = one(l->kernels, gemm, dtype, tokens, rows, check_below(200), &worst);
    for (size_t i = 0; good && i < sizeof large / sizeof large[0]; i++)
        good = one(l->kernels, gemm, dtype, large[i][0], large[i][1], large[i][2], &worst);
    for (size_t tokens = 10; good && tokens < 32; tokens++)
        good = one(l->kernels, gemm, dtype, tokens, 1 + check_below(70), 40, &worst);
    check_ok(good, "%s %s %s", gemm ? "gemm" : "linear", dtype_name[dtype], l->name);
    check_note("worst error %.3g of sum |w x|", worst);
}

// A block of rows and tokens computed apart has the bits it has in the whole.
static bool block_agrees(const struct problem *p, const struct lte_kernels *k, const float *whole)
{
    const size_t t0 = check_below(p->tokens), r0 = check_below(p->rows);
    const size_t tokens = 1 + check_below(p->tokens - t0), rows = 1 + check_below(p->rows - r0);
    float *y = check_floats(tokens * rows);
    k->linear[p->dtype](y, rows, p->x + t0 * p->xs, p->xs, tokens,
                        p->w + r0 * p->ws * element_size[p->dtype], p->ws, rows, p->cols);
    for (size_t t = 0; t < tokens; t++)
        if (memcmp(y + t * rows, whole + (t0 + t) * p->ys + r0, rows * sizeof *y)) {
            check_note("tokens %zu+%zu rows %zu+%zu cols %zu differ from the whole", t0, tokens, r0,
                       rows, p->cols);
            return false;
        }
    return true;
}

static void independence(const struct check_level *l, int dtype)
{
    static const size_t cols[] = {1, 7, 16, 40, 63, 64, 65, 129, 1000, 9000};
    bool good = true;
    for (size_t i = 0; good && i < sizeof cols / sizeof cols[0]; i++) {
        const struct problem p = problem_make(9, 19, cols[i], dtype, CHECK_NORMAL);
        const float *whole = run(&p, l->kernels, false);
        for (size_t j = 0; good && j < 40; j++)
            good = block_agrees(&p, l->kernels, whole);
        check_free_buffers();
    }
    check_ok(good, "linear %s %s: bits do not depend on tokens and rows", dtype_name[dtype],
             l->name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "linear");
    const struct check_level ref = {"ref", check_ref()};
    for (int dtype = 0; dtype < DTYPES; dtype++)
        independence(&ref, dtype);
    for (const struct check_level *l = check_levels(); l->name; l++)
        for (int dtype = 0; dtype < DTYPES; dtype++) {
            sweep(l, false, dtype);
            sweep(l, true, dtype);
            independence(l, dtype);
        }
    return check_end();
}
