// SPDX-License-Identifier: BSD-2-Clause
// What a training step does once a row of logits and once a weight: the loss, and the optimizer.
#include "config.h"

#include <stdio.h>

#include "bench/cases.h"

enum { ROWS = 64, VOCABULARY = 32000, PIECE = 1 << 14 };

struct loss {
    const struct lte_kernels *kernels;
    float *logits, *gradient;
};

static void loss_row(void *arg, size_t row, unsigned thread)
{
    const struct loss *l = arg;
    bool first;
    (void)thread;
    l->kernels->cross_entropy(l->logits + row * VOCABULARY, VOCABULARY, row * 389 % VOCABULARY, 1e-3f,
                              l->gradient + row * VOCABULARY, &first);
}

// Logits are read and the gradient written; both passes over a row but the first find it in the
// cache.
static void run_loss(const struct suite *suite)
{
    char shape[64];
    snprintf(shape, sizeof shape, "n%d width %d", ROWS, VOCABULARY);
    if (!bench_wanted("cross_entropy", shape))
        return;
    const size_t n = (size_t)ROWS * VOCABULARY;
    struct loss l = {suite->kernels, bench_floats(n, 4), bench_floats(n, 0)};
    const double bytes = 2.0 * (double)(n * sizeof(float));
    const struct bench_case c = {.op = "cross_entropy", .shape = shape, .items = ROWS,
                                 .fn = loss_row, .arg = &l, .tokens = ROWS, .bytes = bytes,
                                 .roof = roof_for(suite->team, (size_t)bytes, true)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

struct optimizer {
    const struct lte_kernels *kernels;
    float *w, *m, *v, *gradient;
};

static void step_piece(void *arg, size_t item, unsigned thread)
{
    const struct optimizer *o = arg;
    static const struct lte_adamw_rates rates = {
        .gradient = 1, .beta1 = 0.9f, .gain1 = 0.1f, .beta2 = 0.95f, .gain2 = 0.05f, .rate = 1e-6f,
        .second = 1, .epsilon = 1e-8f, .decay = 1e-7f};
    const size_t at = item * PIECE;
    (void)thread;
    o->kernels->adamw(o->w + at, o->m + at, o->v + at, o->gradient + at, PIECE, &rates);
}

// Weight and moments are read and written, the gradient is read.
static void run_optimizer(const struct suite *suite, size_t pieces, const char *where)
{
    char shape[64];
    const size_t n = pieces * PIECE;
    snprintf(shape, sizeof shape, "%zu weights %s", n, where);
    if (!bench_wanted("adamw", shape))
        return;
    struct optimizer o = {suite->kernels, bench_floats(n, 1), bench_floats(n, 1e-3f),
                          bench_floats(n, 0), bench_floats(n, 1e-3f)};
    const size_t bytes = 7 * n * sizeof(float);
    const struct bench_case c = {.op = "adamw", .shape = shape, .items = pieces, .fn = step_piece,
                                 .arg = &o, .tokens = -1, .bytes = (double)bytes,
                                 .roof = roof_for(suite->team, 4 * n * sizeof(float), true)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

void cases_train(const struct suite *suite)
{
    run_loss(suite);
    run_optimizer(suite, 4, "in L2");
    run_optimizer(suite, 1024, "in RAM");
}
