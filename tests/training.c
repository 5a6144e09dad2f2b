// SPDX-License-Identifier: BSD-2-Clause
// Ten optimizer steps of small models against answers recorded from PyTorch in float64
// (tests/reference/record_training.py says what is in them).
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/train/trainer.h"
#include "tests/check.h"
#include "tests/fixture.h"
#include "tests/inside.h"

static const char *const models[] = {"gdn-lte", "gdn-lte-layer", "gdn-window", "gdn-full",
                                     "transformer", "lt2", "ouro",
                                     "lt2-dsa", "lt2-linear"};
enum { MODELS = sizeof models / sizeof models[0], STEPS = 10, MICROS = 2, ROWS = 40, SEGMENTS = 3 };

struct recorded {
    const char *name;
    struct lte_tensors *answers;
    struct lte_trainer *trainer;
};

static const void *answer(const struct recorded *r, const char *name, uint64_t elements)
{
    const struct lte_tensor *t = lte_tensors_find(r->answers, name);
    if (!t || t->elements != elements) {
        printf("Bail out! %s: no answer \"%s\" of %llu values\n", r->name, name,
               (unsigned long long)elements);
        exit(99);
    }
    return t->data;
}

static enum lte_status source(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *batch)
{
    const struct recorded *r = opaque;
    const size_t at = (size_t)(step * MICROS + micro) * ROWS;
    const int32_t *ids = answer(r, "input_ids", STEPS * MICROS * ROWS);
    const int32_t *targets = answer(r, "targets", STEPS * MICROS * ROWS);
    const int32_t *segments = answer(r, "segments", MICROS * SEGMENTS);
    for (size_t i = 0; i < ROWS; i++) {
        batch->token[i] = (uint32_t)ids[at + i];
        batch->target[i] = targets[at + i] < 0 ? LTE_IGNORE : (uint32_t)targets[at + i];
    }
    for (size_t i = 0; i < SEGMENTS; i++)
        batch->segment[i] = (size_t)segments[micro * SEGMENTS + i];
    batch->rows = ROWS;
    batch->segments = SEGMENTS;
    return LTE_OK;
}

static double relative(double got, double want)
{
    return fabs(got - want) / (fabs(want) + 1e-12);
}

// Norm of the difference over the norm, the worst tensor by name.
static double compare(const struct recorded *r, const char *prefix, const float *array,
                      const char **worst_name)
{
    const struct lte_parameters *p = &r->trainer->parameters;
    double worst = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct lte_weight *w = &p->parameter[i].weight;
        const float *got = array + p->parameter[i].first;
        char name[2 * LTE_WEIGHT_NAME];
        double difference = 0, norm = 0;
        snprintf(name, sizeof name, "%s%s", prefix, w->name);
        const float *want = answer(r, name, w->elements);
        for (size_t k = 0; k < w->elements; k++) {
            difference += pow((double)got[k] - want[k], 2);
            norm += pow(want[k], 2);
        }
        const double error = sqrt(difference) / (sqrt(norm) + 1e-12);
        if (!(error <= worst)) { // NaN too
            worst = error;
            *worst_name = w->name;
        }
    }
    return worst;
}

static void check_gradients(const struct recorded *r, const char *level, unsigned step)
{
    char prefix[32];
    const char *name = "";
    snprintf(prefix, sizeof prefix, "gradient.%u.", step);
    const double worst = compare(r, prefix, r->trainer->parameters.gradient, &name);
    check_ok(worst < 1e-3, "%s %s: gradients of step %u, worst %.1e in %s", r->name, level, step,
             worst, name);
}

static double budget_error(const struct recorded *r, unsigned step)
{
    const struct lte_budget *b = r->trainer->budget;
    if (!b)
        return 0;
    const size_t heads = b->layers * b->heads, lambdas = lte_budget_lambdas(b);
    float lambda[16], kept[16];
    const float *want_lambda = answer(r, "lambda", (STEPS + 1) * lambdas);
    const float *want_kept = answer(r, "num_kept", (STEPS + 1) * heads);
    double worst = 0;
    lte_budget_export(b, lambda, kept);
    for (size_t i = 0; i < lambdas; i++)
        worst = fmax(worst, fabs(lambda[i] - want_lambda[step * lambdas + i]));
    for (size_t i = 0; i < heads; i++)
        worst = fmax(worst, fabs(kept[i] - want_kept[step * heads + i]) / 24);
    return worst;
}

static void check_steps(struct recorded *r, const char *level)
{
    const float *ce = answer(r, "ce", STEPS * MICROS), *l1 = answer(r, "l1", STEPS * MICROS);
    const bool indexed = lte_tensors_find(r->answers, "index_loss") != NULL;
    const float *index = indexed ? answer(r, "index_loss", STEPS * MICROS) : NULL;
    const float *norm = answer(r, "gradient_norm", STEPS), *rate = answer(r, "learning_rate", STEPS);
    double loss_error = 0, l1_error = 0, norm_error = 0, rate_error = 0, budget = 0;
    double index_error = 0;
    for (unsigned s = 0; s < STEPS; s++) {
        struct lte_train_report report;
        if (lte_trainer_step(r->trainer, source, r, &report) != LTE_OK)
            exit(99);
        loss_error = fmax(loss_error, relative(report.loss, (ce[2 * s] + (double)ce[2 * s + 1]) / 2));
        l1_error = fmax(l1_error, fabs(report.l1 - (l1[2 * s] + (double)l1[2 * s + 1]) / 2));
        if (index)
            index_error = fmax(index_error, relative(report.index_loss,
                                                     (index[2 * s] + (double)index[2 * s + 1]) / 2));
        norm_error = fmax(norm_error, relative(report.gradient_norm, norm[s]));
        rate_error = fmax(rate_error, relative(report.learning_rate, rate[s]));
        budget = fmax(budget, budget_error(r, s + 1));
        if (s + 1 == 1 || s + 1 == 2 || s + 1 == STEPS)
            check_gradients(r, level, s + 1);
    }
    check_ok(loss_error < 1e-4 && l1_error < 1e-5, "%s %s: losses of ten steps, worst %.1e, l1 %.1e",
             r->name, level, loss_error, l1_error);
    check_ok(norm_error < 1e-3 && rate_error < 1e-6, "%s %s: norms, worst %.1e; rates %.1e", r->name,
             level, norm_error, rate_error);
    if (index)
        check_ok(index_error < 1e-4, "%s %s: the indexers' loss, worst %.1e", r->name, level, index_error);
    if (r->trainer->budget)
        check_ok(budget < 1e-5, "%s %s: lambda and retained tokens, worst %.1e", r->name, level,
                 budget);
    const char *name = "";
    const double worst = compare(r, "final.", r->trainer->parameters.master, &name);
    check_ok(worst < 1e-3, "%s %s: weights after ten steps, worst %.1e in %s", r->name, level, worst,
             name);
}

static void check_model(const char *name, const char *level, unsigned threads, int recompute)
{
    struct recorded r = {.name = name};
    struct lte_context *c = inside_context(level, threads);
    struct lte_train_options o;
    char folder[128], path[160];
    lte_train_options_init(&o);
    o.rows = ROWS;
    o.segments = SEGMENTS;
    o.longest = 24;
    o.micro_batches = MICROS;
    o.steps = STEPS;
    o.warmup_steps = 3;
    o.learning_rate = 1e-2;
    o.recompute = recompute;
    o.index_dense_steps = 3;
    snprintf(folder, sizeof folder, "tests/data/training/%s", name);
    snprintf(path, sizeof path, "%s/answers.safetensors", folder);
    if (lte_tensors_open(c, fixture_source(path), &r.answers) != LTE_OK ||
        lte_trainer_load(c, fixture_source(folder), NULL, &o, &r.trainer) != LTE_OK)
        exit(99);
    check_steps(&r, level);
    lte_trainer_free(r.trainer);
    lte_tensors_close(r.answers);
    lte_close(c);
}

int main(int argc, char **argv)
{
    const char *const *levels = inside_levels();
    check_begin(argc, argv, "training");
    for (size_t l = 0; levels[l]; l++)
        for (size_t i = 0; i < MODELS; i++)
            check_model(models[i], levels[l], l % 2 + 1, l % 2);
    return check_end();
}
