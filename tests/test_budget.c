// SPDX-License-Identifier: BSD-2-Clause
// The controller of the retention budget: the published sequence of lambdas, the moving average,
// the start-up rules, the ways of sharing, and what a checkpoint holds.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/train/budget.h"
#include "tests/check.h"
#include "tests/fixture.h"

// Two LTE layers of three heads, in slots 1 and 3 of four; margin 7, buffer 9.
enum { LAYERS = 2, HEADS = 3, PAIRS = LAYERS * HEADS, MARGIN = 7, LONGEST = 4096 };

static struct lte_model *configured(struct fixture *f)
{
    struct lte_model *model = NULL;
    size_t size;
    void *json = fixture_read(fixture_source("tests/data/models/lte.json"), &size);
    if (!json || lte_model_configure(f->context, "lte.json", json, size, &model) != LTE_OK)
        exit(99);
    free(json);
    return model;
}

static struct lte_budget *budget_of(const struct lte_model *model, uint32_t micros)
{
    struct lte_budget *b = NULL;
    if (lte_budget_new(model, LONGEST, micros, &b) != LTE_OK || !b)
        exit(99);
    return b;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b);
}

static void check_keys(struct fixture *f)
{
    struct lte_model *m = configured(f);
    const struct lte_budget_config *c = &m->budget;
    check_ok(c->dropout == 0.1f && c->routing_grad && c->freeze_steps == 0 && c->warmup_steps == 0 &&
                 c->initial_steps == 0 && c->update_steps == 32 && c->shared == LTE_LAMBDA_HEAD,
             "the config's keys are kept");
    check_ok(c->lambda_init == 1e-9 && c->lambda_min == 1e-9 && c->lambda_max == 1 &&
                 c->alpha == 1.5 && c->alpha_neg == 2 && c->tolerate[0] == 0.95 && c->tolerate[1] == 1,
             "the numbers among them");
    lte_model_free(m);
}

static void check_new(struct fixture *f)
{
    struct lte_model *m = configured(f);
    struct lte_budget *b = budget_of(m, 1);
    const uint32_t slots[] = {UINT32_MAX, 0, UINT32_MAX, 1};
    bool good = b->layers == LAYERS && b->heads == HEADS && b->buffer == 9 && b->margin == MARGIN &&
                b->slots == 4 && !memcmp(b->layer_of_slot, slots, sizeof slots) && b->enabled &&
                b->routing_grad && !b->frozen;
    for (size_t i = 0; i < PAIRS; i++)
        good = good && b->lambda[i] == 0 && b->num_kept[i] == LONGEST;
    check_ok(good, "a new controller");
    lte_budget_free(m->context, b);

    m->loops = 2;
    b = budget_of(m, 1);
    const uint32_t twice[] = {UINT32_MAX, 0, UINT32_MAX, 1, UINT32_MAX, 0, UINT32_MAX, 1};
    check_ok(!memcmp(b->layer_of_slot, twice, sizeof twice), "layers that run twice");
    lte_budget_free(m->context, b);

    fixture_clear(f);
    f->fail_at = 1;
    check_ok(lte_budget_new(m, LONGEST, 1, &b) == LTE_ERR_MEMORY && !b, "without memory");
    f->fail_at = 0;
    for (uint32_t i = 0; i < m->layers; i++)
        m->layer[i].mixer = LTE_MIXER_GDN;
    check_ok(lte_budget_new(m, LONGEST, 1, &b) == LTE_OK && !b, "a model without eviction");
    lte_budget_free(m->context, b);
    lte_model_free(m);
}

// A step in which every head of every sequence keeps `kept` tokens.
static void step(struct lte_budget *b, uint64_t number, double kept)
{
    const size_t rows = LONGEST;
    lte_budget_begin_step(b, number);
    for (uint32_t i = 0; i < b->micros; i++) {
        lte_budget_begin_micro(b, &rows, 1);
        for (size_t j = 0; j < PAIRS; j++)
            b->positive[j] = kept;
        lte_budget_end_micro(b);
    }
    lte_budget_end_step(b);
}

// The published lambdas: with update_steps 2 the average is the step's own value.
static void check_lambdas(struct fixture *f)
{
    static const double kept[] = {600, 600, 500, 400, 490, 600, 512, 486.4};
    static const double want[] = {1e-9, 1.5e-9, 1.5e-9, 0, 1e-9, 1.5e-9, 2.25e-9, 1.125e-9};
    struct lte_model *m = configured(f);
    m->budget.update_steps = 2;
    struct lte_budget *b = budget_of(m, 1);
    b->buffer = 512;
    bool good = true;
    for (uint64_t i = 0; i < 8; i++) {
        const float before = b->lambda[0];
        step(b, 2 * i + 1, 1000);
        good = good && b->lambda[0] == before; // not in this step
        step(b, 2 * i + 2, kept[i]);
        for (size_t j = 0; j < PAIRS; j++)
            good = good && near(b->lambda[j], want[i]);
        if (!good) {
            check_note("update %d: lambda %g, want %g", (int)i, (double)b->lambda[0], want[i]);
            break;
        }
    }
    check_ok(good, "the published sequence of lambdas");
    b->config.lambda_max = 2e-9;
    for (uint64_t i = 0; i < 4; i++)
        step(b, 18 + 2 * i, 600);
    check_ok(b->lambda[0] == 2e-9f, "lambda has a bound");
    lte_budget_free(m->context, b);
    lte_model_free(m);
}

static void check_average(struct fixture *f)
{
    struct lte_model *m = configured(f);
    struct lte_budget *b = budget_of(m, 1);
    step(b, 1, 0);
    check_ok(near(b->num_kept[0], 3614.117647), "the published moving average, %.6f", b->num_kept[0]);
    for (uint64_t i = 2; i < 32; i++)
        step(b, i, 4000);
    const bool none = b->lambda[0] == 0;
    step(b, 32, 4000);
    check_ok(none && b->lambda[0] == 1e-9f, "the first lambda comes with step 32");
    lte_budget_free(m->context, b);
    lte_model_free(m);
}

// Sequences with no counted row, several in a batch, several micro-batches.
static void check_micros(struct fixture *f)
{
    const size_t first[] = {MARGIN, MARGIN + 4, 1, MARGIN + 2}, second[] = {MARGIN + 1}, none[] = {3};
    struct lte_model *m = configured(f);
    m->budget.update_steps = 2;
    struct lte_budget *b = budget_of(m, 3);
    for (size_t i = 0; i < PAIRS; i++)
        b->lambda[i] = 0.5f;
    lte_budget_begin_step(b, 1);
    lte_budget_begin_micro(b, first, 4);
    bool good = near(b->scale, 1.0 / (6 * PAIRS) / 3);
    b->positive[1] = 5;
    b->score_sum[1] = 2.25;
    good = good && near(lte_budget_end_micro(b), 0.5 * 2.25 / (6 * PAIRS));
    lte_budget_begin_micro(b, second, 1);
    good = good && near(b->scale, 1.0 / PAIRS / 3) && b->positive[1] == 0 && b->score_sum[1] == 0;
    b->positive[1] = 1;
    good = good && lte_budget_end_micro(b) == 0;
    lte_budget_begin_micro(b, none, 1);
    good = good && b->scale == 0 && lte_budget_end_micro(b) == 0;
    lte_budget_end_step(b);
    check_ok(good, "scale and l1 of micro-batches");
    check_ok(b->num_kept[1] == 1.75 && b->num_kept[0] == 0,
             "tokens kept: mean over sequences, then over the micro-batches that count some");
    lte_budget_begin_micro(b, second, 1); // an evaluation
    b->positive[1] = 1;
    lte_budget_end_micro(b);
    lte_budget_begin_step(b, 2);
    lte_budget_end_step(b);
    check_ok(b->num_kept[1] == 1.75, "an evaluation and an empty step leave no trace");
    lte_budget_free(m->context, b);
    lte_model_free(m);
}

static void check_start(struct fixture *f)
{
    struct lte_model *m = configured(f);
    m->budget.warmup_steps = 3;
    m->budget.freeze_steps = 5;
    m->budget.initial_steps = 64;
    struct lte_budget *b = budget_of(m, 1);
    bool good = !b->enabled && !b->routing_grad && b->frozen;
    for (uint64_t i = 1; i <= 96; i++) {
        step(b, i, 4000);
        good = good && b->enabled == (i > 3) && b->routing_grad == (i > 3) && b->frozen == (i <= 5) &&
               b->lambda[0] == (i < 96 ? 0 : 1e-9f);
    }
    check_ok(good, "warm-up, frozen routers, the first lambda after the initial steps");
    b->config.routing_grad = false;
    lte_budget_begin_step(b, 97);
    check_ok(b->enabled && !b->routing_grad, "routing_grad may be off for good");
    step(b, 128, 4000);
    check_ok(near(b->lambda[0], 1.5e-9), "later updates multiply");
    lte_budget_free(m->context, b);
    lte_model_free(m);
}

// A run whose retention settles: not before every head is below the budget, at an update, with
// routers that learn; then for good, whatever the counts.
static void check_settling(struct fixture *f)
{
    struct lte_model *m = configured(f);
    m->budget.update_steps = 2;
    m->budget.freeze_steps = 4;
    struct lte_budget *b = budget_of(m, 1), *never = budget_of(m, 1);
    b->settle = true;
    for (uint64_t i = 1; i <= 5; i++)
        step(b, i, 1); // below, but the routers have not learnt or there is no update
    bool good = b->met == 0 && b->frozen == false;
    step(b, 6, 9); // the buffer
    step(b, 7, 1);
    good = good && b->met == 0;
    step(b, 8, 8);
    check_ok(good && b->met == 8 && !b->settled, "the budget is met in step %d", (int)b->met);
    const float lambda = b->lambda[0];
    const size_t rows = LONGEST;
    step(b, 9, 1000);
    step(b, 10, 1000);
    lte_budget_begin_micro(b, &rows, 1);
    b->score_sum[0] = 1;
    check_ok(b->settled && b->enabled && b->frozen && !b->routing_grad && b->lambda[0] == lambda &&
                 b->scale == 0 && lte_budget_end_micro(b) == 0,
             "after it routers and lambda stay, and there is no L1 term");
    never->last_step = 9;
    for (uint64_t i = 1; i <= 9; i++)
        step(never, i, 1);
    good = never->met == 0 && !never->settled && !never->frozen;
    lte_budget_begin_step(never, 10);
    check_ok(good && never->settled && never->frozen, "or after a step that was given");
    lte_budget_free(m->context, b);
    lte_budget_free(m->context, never);
    lte_model_free(m);
}

// num_kept 8 everywhere but in one head; buffer 9: 9 of that layer's mean, 8.5 of all.
static void check_sharing(struct fixture *f)
{
    static const size_t lambdas[] = {1, LAYERS, PAIRS};
    for (unsigned shared = LTE_LAMBDA_ALL; shared <= LTE_LAMBDA_HEAD; shared++) {
        struct lte_model *m = configured(f);
        m->budget.shared = shared;
        m->budget.update_steps = 2;
        struct lte_budget *b = budget_of(m, 1), *again = budget_of(m, 1);
        const size_t rows = LONGEST;
        float lambda[PAIRS], kept[PAIRS];
        for (size_t i = 0; i < PAIRS; i++)
            b->lambda[i] = 8e-9f;
        lte_budget_begin_step(b, 4); // not the first update
        lte_budget_begin_micro(b, &rows, 1);
        for (size_t i = 0; i < PAIRS; i++)
            b->positive[i] = i == 4 ? 11 : 8;
        lte_budget_end_micro(b);
        lte_budget_end_step(b);
        bool good = true;
        for (size_t i = 0; i < PAIRS; i++) {
            const bool more = shared == LTE_LAMBDA_HEAD ? i == 4
                              : shared == LTE_LAMBDA_LAYER ? i >= HEADS : false;
            good = good && near(b->lambda[i], more ? 12e-9 : 4e-9);
        }
        check_ok(good && lte_budget_lambdas(b) == lambdas[shared], "lambda shared, way %u", shared);
        lte_budget_export(b, lambda, kept);
        lte_budget_import(again, lambda, kept);
        check_ok(!memcmp(again->lambda, b->lambda, PAIRS * sizeof *b->lambda) &&
                     !memcmp(again->num_kept, b->num_kept, PAIRS * sizeof *b->num_kept) &&
                     kept[4] == 11,
                 "a checkpoint holds all of it, way %u", shared);
        lte_budget_free(m->context, b);
        lte_budget_free(m->context, again);
        lte_model_free(m);
    }
}

// What is taken up again goes on to the bit.
static void check_resume(struct fixture *f)
{
    struct lte_model *m = configured(f);
    m->budget.update_steps = 8;
    m->budget.warmup_steps = 20;
    struct lte_budget *b = budget_of(m, 1), *again = budget_of(m, 1);
    float lambda[PAIRS], kept[PAIRS];
    for (uint64_t i = 1; i < 60; i++) {
        step(b, i, (double)(i * 37 % 23));
        if (i == 17) {
            lte_budget_export(b, lambda, kept);
            lte_budget_import(again, lambda, kept);
        }
        if (i > 17)
            step(again, i, (double)(i * 37 % 23));
    }
    check_ok(!memcmp(again->lambda, b->lambda, PAIRS * sizeof *b->lambda) && b->lambda[0] > 0 &&
                 !memcmp(again->num_kept, b->num_kept, PAIRS * sizeof *b->num_kept),
             "a run taken up again is the same run");
    lte_budget_free(m->context, b);
    lte_budget_free(m->context, again);
    lte_model_free(m);
}

int main(int argc, char **argv)
{
    struct fixture f;
    check_begin(argc, argv, "test_budget");
    fixture_open(&f);
    check_keys(&f);
    check_new(&f);
    check_lambdas(&f);
    check_average(&f);
    check_micros(&f);
    check_start(&f);
    check_settling(&f);
    check_sharing(&f);
    check_resume(&f);
    check_ok(fixture_close(&f), "no memory is left");
    return check_end();
}
