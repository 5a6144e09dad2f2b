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

enum form { LINEAR, GEMM, GEMM_NN, GEMM_TN, FORMS };
static const char *const form_name[FORMS] = {"linear", "gemm", "gemm_nn", "gemm_tn"};

struct problem {
    enum form form;
    size_t tokens, rows, cols, ys;
    size_t x_step[2], w_step[2]; // from one token or row to the next, from one column to the next
    int dtype;
    float *x, *was; // was: what y holds before
    unsigned char *w;
};

static size_t x_stride(const struct problem *p)
{
    return p->x_step[p->form == GEMM_TN];
}

static size_t w_stride(const struct problem *p)
{
    return p->w_step[p->form >= GEMM_NN];
}

// Random strides; weights at an odd address as often as not.
static struct problem problem_make(enum form form, size_t tokens, size_t rows, size_t cols,
                                   int dtype, enum check_fill fill)
{
    struct problem p = {.form = form, .tokens = tokens, .rows = rows, .cols = cols, .dtype = dtype};
    const bool x_turned = form == GEMM_TN, w_turned = form >= GEMM_NN;
    p.x_step[x_turned] = (x_turned ? tokens : cols) + check_below(4);
    p.x_step[!x_turned] = 1;
    p.w_step[w_turned] = (w_turned ? rows : cols) + check_below(4);
    p.w_step[!w_turned] = 1;
    p.ys = rows + check_below(4);
    const size_t weights = (w_turned ? cols : rows) * w_stride(&p);
    const size_t inputs = (x_turned ? cols : tokens) * x_stride(&p);
    p.x = check_floats(inputs);
    check_fill(p.x, inputs, fill);
    p.was = check_floats(tokens * p.ys);
    for (size_t t = 0; form >= GEMM_NN && t < tokens; t++)
        check_fill(p.was + t * p.ys, rows, fill);
    float *wide = check_floats(weights);
    check_fill(wide, weights, check_below(2) ? fill : CHECK_NORMAL);
    p.w = check_buffer(weights * element_size[dtype], check_below(3));
    check_ref()->narrow[dtype](p.w, wide, weights);
    return p;
}

static float *run(const struct problem *p, const struct lte_kernels *k)
{
    float *y = check_floats(p->tokens * p->ys);
    if (p->form == LINEAR) {
        k->linear[p->dtype](y, p->ys, p->x, x_stride(p), p->tokens, p->w, w_stride(p), p->rows,
                            p->cols);
        return y;
    }
    for (size_t t = 0; t < p->tokens; t++)
        memcpy(y + t * p->ys, p->was + t * p->ys, p->rows * sizeof *y);
    lte_gemm_fn *gemm = p->form == GEMM      ? k->gemm[p->dtype]
                        : p->form == GEMM_NN ? k->gemm_nn[p->dtype]
                                             : k->gemm_tn;
    void *scratch = check_buffer(k->gemm_scratch(p->tokens, p->rows, p->cols), 0);
    gemm(y, p->ys, p->x, x_stride(p), p->tokens, p->w, w_stride(p), p->rows, p->cols, scratch);
    return y;
}

// sum_c |w x| and what was there, with the absolute part of the tolerance folded in.
static double scale_of(const struct problem *p, size_t t, size_t r, double tolerance)
{
    double sum = (double)p->cols * 0x1p-149 / tolerance;
    if (p->form >= GEMM_NN)
        sum += fabs((double)p->was[t * p->ys + r]);
    for (size_t c = 0; c < p->cols; c++) {
        float w;
        const size_t at = r * p->w_step[0] + c * p->w_step[1];
        check_ref()->widen[p->dtype](&w, p->w + at * element_size[p->dtype], 1);
        sum += fabs((double)w * p->x[t * p->x_step[0] + c * p->x_step[1]]);
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

static bool compare(const struct problem *p, const struct lte_kernels *k, double *worst)
{
    const double tolerance = 4e-7 * sqrt(p->cols ? (double)p->cols : 1);
    const float *want = run(p, check_ref()), *got = run(p, k);
    bool good = check_guards() && gaps_untouched(p, got);
    for (size_t t = 0; good && t < p->tokens; t++)
        for (size_t r = 0; good && r < p->rows; r++)
            good = check_near(got + t * p->ys + r, want + t * p->ys + r, 1,
                              scale_of(p, t, r, tolerance), tolerance, worst, "y");
    if (!good)
        check_note("%s %s: tokens %zu rows %zu cols %zu strides %zu %zu %zu", form_name[p->form],
                   dtype_name[p->dtype], p->tokens, p->rows, p->cols, x_stride(p), w_stride(p),
                   p->ys);
    check_free_buffers();
    return good;
}

static bool one(const struct lte_kernels *k, enum form form, int dtype, size_t tokens, size_t rows,
                size_t cols, double *worst)
{
    const struct problem p =
        problem_make(form, tokens, rows, cols, dtype, (enum check_fill)check_below(CHECK_FILLS));
    return compare(&p, k, worst);
}

// Counts of a few rows and tokens, all columns about the vector and chain lengths, and sizes that
// cross the depth, the panel and the block of tokens of the packed product.
static void sweep(const struct check_level *l, enum form form, int dtype)
{
    static const size_t large[][3] = {
        {33, 70, 700}, {259, 37, 270}, {17, 97, 64}, {28, 64, 512}, {15, 33, 257}, {64, 1, 31},
    };
    double worst = 0;
    bool good = true;
    for (size_t cols = 0; good && cols <= 35; cols++)
        for (size_t i = 0; good && i < 4; i++)
            good = one(l->kernels, form, dtype, check_below(10), check_below(10), cols, &worst);
    for (size_t tokens = 0; good && tokens < 10; tokens++)
        for (size_t rows = 0; good && rows < 10; rows++)
            good = one(l->kernels, form, dtype, tokens, rows, check_below(200), &worst);
    for (size_t i = 0; good && i < sizeof large / sizeof large[0]; i++)
        good = one(l->kernels, form, dtype, large[i][0], large[i][1], large[i][2], &worst);
    for (size_t tokens = 10; good && tokens < 32; tokens++)
        good = one(l->kernels, form, dtype, tokens, 1 + check_below(70), 40, &worst);
    check_ok(good, "%s %s %s", form_name[form], dtype_name[dtype], l->name);
    check_note("worst error %.3g of sum |w x|", worst);
}

// A block of rows and tokens computed apart has the bits it has in the whole.
static bool block_agrees(const struct problem *whole_p, const struct lte_kernels *k,
                         const float *whole)
{
    struct problem part = *whole_p;
    const struct problem *p = &part;
    const size_t t0 = check_below(p->tokens), r0 = check_below(p->rows);
    const size_t tokens = 1 + check_below(p->tokens - t0), rows = 1 + check_below(p->rows - r0);
    part.tokens = tokens;
    part.rows = rows;
    part.x += t0 * p->x_step[0];
    part.was += t0 * p->ys + r0;
    part.w += r0 * p->w_step[0] * element_size[p->dtype];
    const float *y = run(p, k);
    for (size_t t = 0; t < tokens; t++)
        if (memcmp(y + t * p->ys, whole + (t0 + t) * p->ys + r0, rows * sizeof *y)) {
            check_note("tokens %zu+%zu rows %zu+%zu cols %zu differ from the whole", t0, tokens, r0,
                       rows, p->cols);
            return false;
        }
    return true;
}

static void independence(const struct check_level *l, enum form form, int dtype)
{
    static const size_t cols[] = {1, 7, 16, 40, 63, 64, 65, 129, 1000, 9000};
    bool good = true;
    for (size_t i = 0; good && i < sizeof cols / sizeof cols[0]; i++) {
        const struct problem p = problem_make(form, 19, 37, cols[i], dtype, CHECK_NORMAL);
        const float *whole = run(&p, l->kernels);
        for (size_t j = 0; good && j < 20; j++)
            good = block_agrees(&p, l->kernels, whole);
        check_free_buffers();
    }
    check_ok(good, "%s %s %s: bits do not depend on tokens and rows", form_name[form],
             dtype_name[dtype], l->name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "linear");
    const struct check_level ref = {"ref", check_ref()};
    for (int dtype = 0; dtype < DTYPES; dtype++)
        independence(&ref, LINEAR, dtype);
    for (const struct check_level *l = check_levels(); l->name; l++)
        for (int form = 0; form < FORMS; form++)
            for (int dtype = 0; dtype < (form == GEMM_TN ? 1 : DTYPES); dtype++) {
                sweep(l, (enum form)form, dtype);
                independence(l, (enum form)form, dtype);
            }
    return check_end();
}
