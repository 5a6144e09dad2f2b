// SPDX-License-Identifier: BSD-2-Clause
// A trainer's edges: resuming, gradients that are not finite, bad batches and options, broken
// files, running out of memory.
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/train/trainer.h"
#include "tests/fixture.h"

enum { ROWS = 32 };
static const char config[] = "tests/data/models/lte.json";

static enum lte_status fill(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *batch)
{
    (void)opaque;
    batch->rows = ROWS;
    batch->segments = 2;
    batch->segment[0] = 20;
    batch->segment[1] = ROWS - 20;
    for (size_t i = 0; i < ROWS; i++) {
        batch->token[i] = (uint32_t)((step * 31 + micro * 7 + i * i) % 200);
        batch->target[i] = (uint32_t)((i * 3 + step) % 200);
    }
    return LTE_OK;
}

static struct lte_train_options options(void)
{
    struct lte_train_options o;
    lte_train_options_init(&o);
    o.rows = ROWS;
    o.segments = 2;
    o.steps = 6;
    o.warmup_steps = 1;
    o.learning_rate = 1e-2;
    o.seed = 3;
    return o;
}

static struct lte_trainer *make(struct fixture *f, const struct lte_train_options *o)
{
    struct lte_trainer *t;
    assert_int_equal(lte_trainer_new(f->context, fixture_source(config), NULL, o, &t), LTE_OK);
    return t;
}

static void steps(struct lte_trainer *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(lte_trainer_step(t, fill, NULL, NULL), LTE_OK);
}

static void assert_same(const struct lte_trainer *a, const struct lte_trainer *b)
{
    const size_t size = a->parameters.elements * sizeof(float);
    const size_t heads = a->budget->layers * a->budget->heads;
    assert_int_equal(a->step, b->step);
    assert_memory_equal(a->parameters.master, b->parameters.master, size);
    assert_memory_equal(a->parameters.moment1, b->parameters.moment1, size);
    assert_memory_equal(a->parameters.moment2, b->parameters.moment2, size);
    assert_memory_equal(a->budget->num_kept, b->budget->num_kept, heads * sizeof(double));
    assert_memory_equal(a->budget->lambda, b->budget->lambda, heads * sizeof(float));
}

static void resumes_to_the_bit(void **state)
{
    struct fixture f;
    const struct lte_train_options o = options();
    struct lte_trainer *again;
    (void)state;
    fixture_open(&f);
    struct lte_trainer *whole = make(&f, &o), *part = make(&f, &o);
    const char *folder = fixture_path(&f, "run");
    steps(whole, 6);
    steps(part, 3);
    assert_int_equal(lte_trainer_save(part, folder), LTE_OK);
    steps(part, 1); // goes on after a save as if there had been none
    assert_int_equal(lte_trainer_resume(f.context, folder, &o, &again), LTE_OK);
    assert_int_equal(lte_trainer_steps(again), 3);
    steps(again, 3);
    assert_same(whole, again);
    steps(part, 2);
    assert_same(whole, part);
    lte_trainer_free(whole);
    lte_trainer_free(part);
    lte_trainer_free(again);
    assert_true(fixture_close(&f));
}

// The weights of the retention scorers that differ between two arrays, and of the rest.
static void count_moved(const struct lte_trainer *t, const float *before, size_t *routers, size_t *rest)
{
    *routers = *rest = 0;
    for (size_t i = 0; i < t->parameters.count; i++) {
        const struct lte_parameter *q = &t->parameters.parameter[i];
        for (size_t k = q->first; k < q->first + q->weight.elements; k++)
            *(q->router ? routers : rest) += t->parameters.master[k] != before[k];
    }
}

// Three steps that teach the scorers something, of which the budget is met in the second if `most`
// is large: after them the scorers stay to the bit, and the budget adds nothing and moves nothing.
// A run that is resumed then knows it.
static void settle(const struct lte_train_options *o, double most)
{
    struct fixture f;
    struct lte_train_report report;
    struct lte_trainer *again;
    size_t routers, rest;
    fixture_open(&f);
    struct lte_trainer *t = make(&f, o);
    const size_t size = t->parameters.elements * sizeof(float);
    float *before = malloc(size);
    memcpy(before, t->parameters.master, size);
    t->budget->config.update_steps = 2;
    t->budget->config.tolerate[0] = 0;
    t->budget->config.tolerate[1] = most;
    steps(t, 3);
    count_moved(t, before, &routers, &rest);
    assert_true(routers > 0 && rest > 0 && t->budget->lambda[0] > 0);
    assert_int_equal(t->budget->met, o->router_settle ? 2 : 0);
    const float lambda = t->budget->lambda[0];
    const char *folder = fixture_path(&f, "run");
    assert_int_equal(lte_trainer_save(t, folder), LTE_OK);
    memcpy(before, t->parameters.master, size);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(lte_trainer_step(t, fill, NULL, &report), LTE_OK);
        assert_true(report.l1 == 0 && t->budget->lambda[0] == lambda);
    }
    count_moved(t, before, &routers, &rest);
    assert_true(routers == 0 && rest > 0);
    assert_int_equal(lte_trainer_resume(f.context, folder, o, &again), LTE_OK);
    again->budget->config = t->budget->config;
    steps(again, 3);
    assert_same(t, again);
    free(before);
    lte_trainer_free(t);
    lte_trainer_free(again);
    assert_true(fixture_close(&f));
}

static void settles_retention(void **state)
{
    struct lte_train_options at_a_step = options(), when_met = options();
    (void)state;
    at_a_step.router_steps = 3;
    settle(&at_a_step, 0); // and lambda would grow with every second step
    when_met.router_settle = 1;
    settle(&when_met, 1e6);
}

static void saves_a_model(void **state)
{
    struct fixture f;
    const struct lte_train_options o = options();
    struct lte_trainer *t, *loaded;
    struct lte_model *m;
    struct lte_train_report before, after;
    (void)state;
    fixture_open(&f);
    t = make(&f, &o);
    steps(t, 2);
    const char *folder = fixture_path(&f, "model");
    assert_int_equal(lte_trainer_save(t, folder), LTE_OK);
    assert_int_equal(lte_model_load(f.context, folder, &m), LTE_OK);
    struct lte_model_info info;
    lte_model_describe(m, &info);
    assert_int_equal(info.buffers, 2); // l1_lambda and num_kept
    lte_model_free(m);
    assert_int_equal(lte_trainer_load(f.context, folder, NULL, &o, &loaded), LTE_OK);
    assert_int_equal(lte_trainer_steps(loaded), 0);
    assert_int_equal(lte_trainer_evaluate(t, fill, NULL, 2, &before), LTE_OK);
    assert_int_equal(lte_trainer_evaluate(loaded, fill, NULL, 2, &after), LTE_OK);
    assert_true(before.loss == after.loss && before.accuracy == after.accuracy);
    lte_trainer_free(loaded);
    lte_trainer_free(t);
    assert_true(fixture_close(&f));
}

static double broken_loss(void *opaque, const float *logits, const uint32_t *target, size_t rows,
                          size_t vocabulary, float scale, float *gradient)
{
    const bool *broken = opaque;
    (void)logits, (void)target, (void)scale;
    for (size_t i = 0; gradient && i < rows * vocabulary; i++)
        gradient[i] = *broken ? NAN : 1e-3f;
    return 1;
}

static void skips_what_is_not_finite(void **state)
{
    struct fixture f;
    struct lte_train_options o = options();
    struct lte_train_report report;
    bool broken = true;
    (void)state;
    fixture_open(&f);
    o.loss = broken_loss;
    o.loss_opaque = &broken;
    struct lte_trainer *t = make(&f, &o);
    const size_t size = t->parameters.elements * sizeof(float);
    float *before = malloc(size);
    memcpy(before, t->parameters.master, size);
    assert_int_equal(lte_trainer_step(t, fill, NULL, &report), LTE_OK);
    assert_int_equal(report.skipped, 1);
    assert_int_equal(report.step, 1);
    assert_false(isfinite(report.gradient_norm));
    assert_memory_equal(before, t->parameters.master, size);
    assert_true(fixture_said(&f, "step 1", "not finite", NULL));
    broken = false;
    assert_int_equal(lte_trainer_step(t, fill, NULL, &report), LTE_OK);
    assert_int_equal(report.skipped, 1);
    assert_true(isfinite(report.gradient_norm) && report.gradient_norm > 0);
    assert_memory_not_equal(before, t->parameters.master, size);
    free(before);
    lte_trainer_free(t);
    assert_true(fixture_close(&f));
}

static enum lte_status bad_token(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *b)
{
    fill(opaque, step, micro, b);
    b->token[5] = 100000;
    return LTE_OK;
}

static enum lte_status bad_target(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *b)
{
    fill(opaque, step, micro, b);
    b->target[5] = 211; // the first id after the vocabulary
    return LTE_OK;
}

static enum lte_status bad_segment(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *b)
{
    fill(opaque, step, micro, b);
    b->segment[1]++;
    return LTE_OK;
}

static enum lte_status empty_segment(void *opaque, uint64_t step, uint32_t micro,
                                     struct lte_batch *b)
{
    fill(opaque, step, micro, b);
    b->segment[0] = 0;
    return LTE_OK;
}

static enum lte_status too_long(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *b)
{
    fill(opaque, step, micro, b);
    b->rows = ROWS + 1;
    return LTE_OK;
}

static enum lte_status failing(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *b)
{
    (void)opaque, (void)step, (void)micro, (void)b;
    return LTE_ERR_IO;
}

static void refuses_bad_batches(void **state)
{
    static const struct {
        lte_batch_fn *source;
        enum lte_status status;
        const char *said;
    } bad[] = {{bad_token, LTE_ERR_ARGUMENT, "row 5"},     {bad_target, LTE_ERR_ARGUMENT, "row 5"},
               {bad_segment, LTE_ERR_ARGUMENT, "sequence 1"},
               {empty_segment, LTE_ERR_ARGUMENT, "sequence 0"},
               {too_long, LTE_ERR_ARGUMENT, "33 rows"},    {failing, LTE_ERR_IO, ""}};
    struct fixture f;
    struct lte_train_options o = options();
    (void)state;
    fixture_open(&f);
    struct lte_trainer *t = make(&f, &o), *other = make(&f, &o);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fixture_clear(&f);
        assert_int_equal(lte_trainer_step(t, bad[i].source, NULL, NULL), bad[i].status);
        assert_true(fixture_said(&f, bad[i].said, NULL));
        assert_int_equal(lte_trainer_steps(t), 0);
    }
    steps(t, 2); // and goes on as if nothing had been
    steps(other, 2);
    assert_same(t, other);
    lte_trainer_free(t);
    lte_trainer_free(other);
    assert_true(fixture_close(&f));
}

static void refuses_bad_options(void **state)
{
    struct fixture f;
    struct lte_trainer *t;
    (void)state;
    fixture_open(&f);
    struct lte_train_options bad[8];
    static const char *const said[] = {"steps", "rows", "segments", "learning_rate", "beta2", "F32",
                                       "router_rate", "router_epsilon"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bad[i] = options();
    bad[0].steps = 0;
    bad[1].rows = 0;
    bad[2].segments = ROWS + 1;
    bad[3].learning_rate = NAN;
    bad[4].beta2 = 1;
    bad[5].weights = LTE_DTYPE_F16;
    bad[6].router_rate = -1;
    bad[7].router_epsilon = NAN;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fixture_clear(&f);
        assert_int_equal(lte_trainer_new(f.context, fixture_source(config), NULL, &bad[i], &t),
                         LTE_ERR_ARGUMENT);
        assert_null(t);
        assert_true(fixture_said(&f, said[i], NULL));
    }
    assert_int_equal(lte_trainer_new(f.context, "/nowhere/config.json", NULL, NULL, &t), LTE_ERR_IO);
    assert_null(t);
    assert_true(fixture_close(&f));
}

// Every byte of a run's state cut off is noticed, and what cannot be resumed leaves nothing behind.
static void refuses_broken_states(void **state)
{
    struct fixture f;
    const struct lte_train_options o = options();
    struct lte_trainer *t;
    size_t size;
    char path[256];
    (void)state;
    fixture_open(&f);
    t = make(&f, &o);
    steps(t, 1);
    const char *folder = fixture_path(&f, "run");
    assert_int_equal(lte_trainer_save(t, folder), LTE_OK);
    lte_trainer_free(t);
    snprintf(path, sizeof path, "%s/trainer.safetensors", folder);
    unsigned char *bytes = fixture_read(path, &size);
    static const double cuts[] = {0, 1e-6, 1e-3, 0.5, 0.999999};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        FILE *file = fopen(path, "wb");
        fwrite(bytes, 1, (size_t)(cuts[i] * (double)size), file);
        fclose(file);
        assert_int_equal(lte_trainer_resume(f.context, folder, &o, &t), LTE_ERR_FORMAT);
        assert_null(t);
    }
    free(bytes);
    assert_int_equal(lte_trainer_resume(f.context, "/nowhere", &o, &t), LTE_ERR_IO);
    assert_true(fixture_close(&f));
}

static enum lte_status new_trainer(struct fixture *f, void *opaque)
{
    const struct lte_train_options o = options();
    struct lte_trainer *t;
    (void)opaque;
    const enum lte_status status =
        lte_trainer_new(f->context, fixture_source(config), NULL, &o, &t);
    lte_trainer_free(t);
    return status;
}

static void survives_out_of_memory(void **state)
{
    struct fixture f;
    const struct lte_train_options o = options();
    struct lte_trainer *t;
    (void)state;
    fixture_open(&f);
    assert_true(fixture_starve(&f, new_trainer, NULL, 20));
    assert_int_equal(lte_trainer_new(f.context, fixture_source(config), NULL, &o, &t), LTE_OK);
    const size_t calls = f.calls;
    steps(t, 2);
    assert_int_equal(f.calls, calls); // a step allocates nothing
    lte_trainer_free(t);
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumes_to_the_bit),      cmocka_unit_test(saves_a_model),
        cmocka_unit_test(settles_retention),
        cmocka_unit_test(skips_what_is_not_finite), cmocka_unit_test(refuses_bad_batches),
        cmocka_unit_test(refuses_bad_options),     cmocka_unit_test(refuses_broken_states),
        cmocka_unit_test(survives_out_of_memory),
    };
    return cmocka_run_group_tests_name("trainer", tests, NULL, NULL);
}
