// SPDX-License-Identifier: BSD-2-Clause
// Cross-entropy of a block of logits: against sums in double, with ignored rows, for any number of
// threads.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/train/loss.h"
#include "tests/check.h"
#include "tests/inside.h"

enum { MAX_ROWS = 203, VOCABULARY = 61 };

static float logits[MAX_ROWS * VOCABULARY];
static uint32_t target[MAX_ROWS];

struct call {
    const struct lte_kernels *kernels; // NULL: count
    struct lte_loss_block block;
    float scale, *gradient;
    struct lte_loss loss;
};

static void call(struct lte_par *par, void *arg)
{
    struct call *c = arg;
    c->loss = c->kernels ? lte_cross_entropy(par, c->kernels, &c->block, c->scale, c->gradient)
                         : lte_count_right(par, &c->block);
}

static void fill(size_t rows, float spread)
{
    for (size_t i = 0; i < rows * VOCABULARY; i++)
        logits[i] = spread * check_normal();
    for (size_t i = 0; i < rows; i++)
        target[i] = check_below(4) ? (uint32_t)check_below(VOCABULARY) : LTE_IGNORE;
}

// One row in double.
static double row_loss(const float *x, size_t at, double *p)
{
    double top = x[0], sum = 0;
    for (size_t i = 0; i < VOCABULARY; i++)
        top = fmax(top, x[i]);
    for (size_t i = 0; i < VOCABULARY; i++)
        sum += p[i] = exp(x[i] - top);
    for (size_t i = 0; i < VOCABULARY; i++)
        p[i] /= sum;
    return log(sum) + top - x[at];
}

static struct lte_loss expected(const struct lte_loss_block *b, float scale, double *gradient)
{
    struct lte_loss loss = {0, 0, 0};
    memset(gradient, 0, b->rows * VOCABULARY * sizeof *gradient);
    for (size_t t = 0; t < b->rows; t++) {
        const float *x = b->logits + t * VOCABULARY;
        const size_t at = b->target[t];
        double p[VOCABULARY];
        size_t best = 0;
        if (b->target[t] == LTE_IGNORE)
            continue;
        loss.sum += row_loss(x, at, p);
        loss.counted++;
        for (size_t i = 0; i < VOCABULARY; i++) {
            best = x[i] > x[best] ? i : best;
            gradient[t * VOCABULARY + i] = scale * (p[i] - (i == at));
        }
        loss.right += best == at;
    }
    return loss;
}

static void agrees(struct lte_context *context, size_t rows, float spread)
{
    static float gradient[2][MAX_ROWS * VOCABULARY];
    static double want[MAX_ROWS * VOCABULARY];
    fill(rows, spread);
    for (size_t i = 0; i < rows; i += 3) // some that are right, some by a tie
        if (target[i] != LTE_IGNORE)
            logits[i * VOCABULARY + target[i]] = logits[i * VOCABULARY + VOCABULARY / 2] = 4 * spread;
    const struct lte_loss_block block = {logits, target, rows, VOCABULARY};
    struct call c = {&context->kernels, block, 0.25f, gradient[0], {0, 0, 0}};
    const struct lte_loss loss = expected(&block, c.scale, want);
    lte_par_run(context->par, call, &c);
    double worst = 0;
    for (size_t i = 0; i < rows * VOCABULARY; i++)
        worst = fmax(worst, fabs(gradient[0][i] - want[i]));
    check_ok(fabs(c.loss.sum - loss.sum) <= 1e-6 * (1 + loss.sum) && c.loss.right == loss.right &&
                 c.loss.counted == loss.counted && worst < 1e-6,
             "%zu rows, spread %g: loss %.9g for %.9g, %zu right of %zu, gradient off by %.2g", rows,
             (double)spread, c.loss.sum, loss.sum, c.loss.right, c.loss.counted, worst);

    const double alone = lte_cross_entropy_loss(&context->kernels, logits, target, rows, VOCABULARY,
                                                c.scale, gradient[1]);
    check_ok(!memcmp(&alone, &c.loss.sum, sizeof alone) &&
                 !memcmp(gradient[0], gradient[1], rows * VOCABULARY * sizeof(float)),
             "one thread = two");
    struct call count = {.block = block};
    lte_par_run(context->par, call, &count);
    check_ok(count.loss.right == loss.right && count.loss.counted == loss.counted, "counts alone");
    c.gradient = logits;
    lte_par_run(context->par, call, &c);
    check_ok(!memcmp(logits, gradient[0], rows * VOCABULARY * sizeof(float)) && c.loss.sum == alone,
             "in place");
}

static void not_finite(struct lte_context *context)
{
    fill(20, 1);
    target[7] = 3;
    target[8] = LTE_IGNORE;
    struct call c = {&context->kernels, {logits, target, 20, VOCABULARY}, 1, NULL, {0, 0, 0}};
    logits[8 * VOCABULARY] = NAN;
    lte_par_run(context->par, call, &c);
    check_ok(isfinite(c.loss.sum), "NaN in an ignored row is not seen");
    logits[7 * VOCABULARY + 40] = NAN;
    lte_par_run(context->par, call, &c);
    check_ok(isnan(c.loss.sum), "NaN in a row that counts is");
    for (size_t i = 0; i < 20; i++)
        target[i] = LTE_IGNORE;
    lte_par_run(context->par, call, &c);
    check_ok(c.loss.sum == 0 && !c.loss.counted && !c.loss.right, "all ignored: 0");
    c.block.rows = 0;
    lte_par_run(context->par, call, &c);
    check_ok(c.loss.sum == 0 && !c.loss.counted, "no rows: 0");
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "test_loss");
    struct lte_context *context = inside_context(NULL, 2);
    static const size_t rows[] = {1, 2, 63, 64, 65, MAX_ROWS};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        agrees(context, rows[i], i % 2 ? 3.0f : 1e4f);
    not_finite(context);
    lte_close(context);
    return check_end();
}
