// SPDX-License-Identifier: BSD-2-Clause
// What looped models learn from besides the last loop's loss: steps against answers recorded from
// PyTorch in float64 (tests/reference/record_distill.py), slopes against differences of the loss,
// what a step must not depend on, what is refused.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/train/trainer.h"
#include "tests/check.h"
#include "tests/fixture.h"
#include "tests/inside.h"

enum { RECORDED = 10, STEPS = 4, MICROS = 2, ROWS = 40, SEGMENTS = 3 };

static const char teacher_folder[] = "tests/data/training/ouro", student_folder[] = "tests/data/distill";

static const struct run {
    const char *name;
    enum lte_objective_kind objective;
    bool taught; // by the teacher; else the model is the teacher itself
    unsigned steps; // that fp32 follows: the divergence bends too sharply for more than one
} runs[] = {
    {"layers", LTE_OBJECTIVE_ALIGN, true, STEPS},
    {"logits", LTE_OBJECTIVE_DISTILL, true, 1},
    {"exits", LTE_OBJECTIVE_EXITS, false, STEPS},
    {"gate", LTE_OBJECTIVE_EXIT_GATE, false, STEPS},
};
enum { RUNS = sizeof runs / sizeof runs[0] };

struct bench {
    struct lte_context *context;
    struct lte_tensors *data, *answers;
    struct lte_model *teacher;
    struct lte_train_options options;
    struct lte_trainer *trainer;
};

static const void *find(const struct lte_tensors *tensors, const char *name, uint64_t elements)
{
    const struct lte_tensor *t = lte_tensors_find(tensors, name);
    if (!t || t->elements != elements) {
        printf("Bail out! no answer \"%s\" of %llu values\n", name, (unsigned long long)elements);
        exit(99);
    }
    return t->data;
}

static enum lte_status fill(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *batch)
{
    const struct bench *b = opaque;
    const size_t at = (size_t)(step * MICROS + micro) * ROWS;
    const int32_t *ids = find(b->data, "input_ids", RECORDED * MICROS * ROWS);
    const int32_t *targets = find(b->data, "targets", RECORDED * MICROS * ROWS);
    const int32_t *segments = find(b->data, "segments", MICROS * SEGMENTS);
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

static struct lte_tensors *tensors(struct lte_context *c, const char *path)
{
    struct lte_tensors *t;
    if (lte_tensors_open(c, fixture_source(path), &t) != LTE_OK)
        exit(99);
    return t;
}

static void open_bench(struct bench *b, const struct run *r, struct lte_context *context)
{
    *b = (struct bench){.context = context};
    b->data = tensors(context, "tests/data/training/ouro/answers.safetensors");
    b->answers = tensors(context, "tests/data/distill/answers.safetensors");
    b->teacher = inside_model(context, teacher_folder);
    lte_train_options_init(&b->options);
    b->options.rows = ROWS;
    b->options.segments = SEGMENTS;
    b->options.micro_batches = MICROS;
    b->options.steps = RECORDED;
    b->options.warmup_steps = 3;
    b->options.learning_rate = 1e-2;
    b->options.temperature = 1.5;
    b->options.objective = r->objective;
    b->options.teacher = r->taught ? b->teacher : NULL;
}

static void make(struct bench *b, const struct run *r)
{
    const char *folder = r->taught ? student_folder : teacher_folder;
    if (lte_trainer_load(b->context, fixture_source(folder), NULL, &b->options, &b->trainer) != LTE_OK)
        exit(99);
}

static void close_bench(struct bench *b)
{
    lte_trainer_free(b->trainer);
    lte_model_free(b->teacher);
    lte_tensors_close(b->data);
    lte_tensors_close(b->answers);
}

static void steps(struct bench *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (lte_trainer_step(b->trainer, fill, b, NULL) != LTE_OK)
            exit(99);
}

static double relative(double got, double want)
{
    return fabs(got - want) / (fabs(want) + 1e-12);
}

// Norm of the difference over the norm, the worst weight by name; *frozen: weights that were not to
// learn and have not.
static double compare(const struct bench *b, const struct run *r, const struct lte_tensors *initial,
                      const char **worst_name, bool *frozen)
{
    const struct lte_parameters *p = &b->trainer->parameters;
    double worst = 0;
    *frozen = true;
    for (size_t i = 0; i < p->count; i++) {
        const struct lte_weight *w = &p->parameter[i].weight;
        const float *got = p->master + p->parameter[i].first;
        char name[2 * LTE_WEIGHT_NAME];
        double difference = 0, norm = 0;
        snprintf(name, sizeof name, "%s.final.%s", r->name, w->name);
        if (!lte_tensors_find(b->answers, name)) {
            *frozen = *frozen && p->parameter[i].frozen &&
                      !memcmp(got, find(initial, w->name, w->elements), w->elements * sizeof *got);
            continue;
        }
        const float *want = find(b->answers, name, w->elements);
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

static void check_recorded(const struct run *r, const char *level, unsigned threads, int recompute)
{
    struct bench b;
    char name[64], path[96];
    const char *worst_name = "";
    bool frozen;
    double loss_error = 0, norm_error = 0;
    struct lte_context *c = inside_context(level, threads);
    open_bench(&b, r, c);
    b.options.recompute = recompute;
    make(&b, r);
    snprintf(name, sizeof name, "%s.loss", r->name);
    const float *loss = find(b.answers, name, STEPS);
    snprintf(name, sizeof name, "%s.gradient_norm", r->name);
    const float *norm = find(b.answers, name, STEPS);
    for (unsigned s = 0; s < r->steps; s++) {
        struct lte_train_report report;
        if (lte_trainer_step(b.trainer, fill, &b, &report) != LTE_OK)
            exit(99);
        loss_error = fmax(loss_error, relative(report.loss, loss[s]));
        norm_error = fmax(norm_error, relative(report.gradient_norm, norm[s]));
    }
    check_ok(loss_error < 1e-4 && norm_error < 1e-3, "%s %s: losses, worst %.1e; norms, worst %.1e",
             r->name, level, loss_error, norm_error);
    snprintf(path, sizeof path, "%s/model.safetensors", r->taught ? student_folder : teacher_folder);
    struct lte_tensors *initial = tensors(c, path);
    const double worst = compare(&b, r, initial, &worst_name, &frozen);
    check_ok((worst < 1e-3 || r->steps < STEPS) && frozen, "%s %s: weights, worst %.1e in %s; the others stay", r->name,
             level, worst, worst_name);
    lte_tensors_close(initial);
    close_bench(&b);
    lte_close(c);
}

static void move(struct lte_trainer *t, const float *direction, float by)
{
    for (size_t i = 0; i < t->parameters.elements; i++)
        t->parameters.master[i] += by * direction[i];
    lte_trainer_publish(t);
}

static double evaluate(struct bench *b)
{
    struct lte_train_report report;
    if (lte_trainer_evaluate(b->trainer, fill, b, MICROS, &report) != LTE_OK)
        exit(99);
    return report.loss;
}

// The gradient along random directions near it, for a part of the weights at a time, against the
// difference of losses.
static void check_slope(const struct run *r)
{
    struct bench b;
    struct lte_context *c = inside_context(NULL, 2);
    open_bench(&b, r, c);
    b.options.learning_rate = 0; // the weights stay where they are
    b.options.every_loop = 0;    // an evaluation looks at the last loop
    make(&b, r);
    steps(&b, 1);
    const struct lte_parameters *p = &b.trainer->parameters;
    float *direction = malloc(p->elements * sizeof *direction);
    double worst = 0;
    for (unsigned trial = 0; trial < 3; trial++) {
        double slope = 0, norm = 0;
        memset(direction, 0, p->elements * sizeof *direction);
        for (int write = 0; write < 2; write++)
            for (size_t i = 0; i < p->count; i++)
                for (size_t k = 0; (r->objective == LTE_OBJECTIVE_EXIT_GATE || i % 3 == trial) &&
                                   !p->parameter[i].frozen && k < p->parameter[i].weight.elements; k++) {
                    const size_t at = p->parameter[i].first + k;
                    if (!write) {
                        norm += pow(p->gradient[at], 2);
                        continue;
                    }
                    direction[at] = p->gradient[at] / (float)sqrt(norm) * check_uniform(0.2f, 1.8f);
                    slope += (double)p->gradient[at] * direction[at];
                }
        // The divergence bends sharply where a fresh layer has small keys.
        const float h = r->objective == LTE_OBJECTIVE_DISTILL ? 1e-4f : 2e-3f;
        move(b.trainer, direction, h);
        const double up = evaluate(&b);
        move(b.trainer, direction, -2 * h);
        const double down = evaluate(&b);
        move(b.trainer, direction, h);
        worst = fmax(worst, fabs((up - down) / (2 * h) - slope) / slope);
    }
    check_ok(worst < 3e-2, "%s: slope along directions near the gradient, worst error %.1e", r->name,
             worst);
    free(direction);
    close_bench(&b);
    lte_close(c);
}

static bool same_weights(const struct lte_trainer *a, const struct lte_trainer *b)
{
    const struct lte_parameters *p = &a->parameters, *q = &b->parameters;
    const size_t size = p->elements * sizeof *p->master;
    return p->elements == q->elements && !memcmp(p->master, q->master, size) &&
           !memcmp(p->moment1, q->moment1, size) && !memcmp(p->moment2, q->moment2, size);
}

static void remove_run(struct fixture *f)
{
    static const char *const files[] = {"run/config.json", "run/model.safetensors",
                                        "run/trainer.safetensors"};
    for (size_t i = 0; i < 3; i++)
        unlink(fixture_path(f, files[i]));
    rmdir(fixture_path(f, "run"));
}

// Threads, recomputing, and stopping and going on change no bit.
static void check_bits(const struct run *r)
{
    struct bench a, b;
    struct fixture f;
    struct lte_context *one = inside_context(NULL, 1), *three = inside_context(NULL, 3);
    fixture_open(&f);
    open_bench(&a, r, one);
    make(&a, r);
    steps(&a, 4);
    open_bench(&b, r, three);
    b.options.recompute = 1;
    make(&b, r);
    steps(&b, 1);
    if (lte_trainer_save(b.trainer, fixture_path(&f, "run")) != LTE_OK)
        exit(99);
    lte_trainer_free(b.trainer);
    if (lte_trainer_resume(three, fixture_path(&f, "run"), &b.options, &b.trainer) != LTE_OK)
        exit(99);
    steps(&b, 3);
    check_ok(same_weights(a.trainer, b.trainer),
             "%s: the same bits with 3 threads, recomputed, stopped and resumed", r->name);
    close_bench(&a);
    close_bench(&b);
    remove_run(&f);
    fixture_close(&f);
    lte_close(one);
    lte_close(three);
}

// The student learns: what it is told to make smaller becomes smaller on the sequences that it
// sees.
static void check_learning(const struct run *r)
{
    struct bench b;
    struct lte_context *c = inside_context(NULL, 1);
    open_bench(&b, r, c);
    b.options.rest_rate = 0.3;
    b.options.every_loop = 0;
    b.options.steps = 60;
    b.options.weight_decay = 0;
    make(&b, r);
    const double before = evaluate(&b);
    for (unsigned i = 0; i < 30; i++) {
        b.trainer->step = 0; // the same sequences again
        steps(&b, 1);
    }
    const double after = evaluate(&b);
    check_ok(after < 0.9 * before, "%s: the loss falls from %.4f to %.4f", r->name, before, after);
    close_bench(&b);
    lte_close(c);
}

static void refused(const struct bench *b, struct fixture *f, const char *folder, const char *said)
{
    struct lte_trainer *t;
    fixture_clear(f);
    const enum lte_status status =
        lte_trainer_load(f->context, fixture_source(folder), NULL, &b->options, &t);
    check_ok(status == LTE_ERR_ARGUMENT && !t && fixture_said(f, said, NULL), "refused: %s", said);
}

static void check_refused(void)
{
    struct fixture f;
    struct bench b;
    fixture_open(&f);
    struct lte_context *other = inside_context(NULL, 1);
    open_bench(&b, &runs[0], f.context);
    refused(&b, &f, teacher_folder, "of another kind to be aligned");
    b.options.teacher = NULL;
    refused(&b, &f, student_folder, "no teacher");
    b.options.objective = LTE_OBJECTIVE_LAST;
    b.options.teacher = b.teacher;
    refused(&b, &f, student_folder, "nothing is learnt from it");
    b.options.objective = LTE_OBJECTIVE_EXITS;
    b.options.teacher = NULL;
    refused(&b, &f, "tests/data/training/lt2", "3 and no exit gate");
    struct lte_model *foreign = inside_model(other, teacher_folder);
    b.options.objective = LTE_OBJECTIVE_DISTILL;
    b.options.teacher = foreign;
    refused(&b, &f, student_folder, "of another context");
    b.options.teacher = b.teacher;
    b.options.temperature = 0;
    refused(&b, &f, student_folder, "temperature is 0");
    lte_model_free(foreign);
    close_bench(&b);
    lte_close(other);
    check_ok(fixture_close(&f), "nothing is left");
}

static void check_memory(const struct run *r)
{
    struct fixture f;
    struct bench b;
    fixture_open(&f);
    open_bench(&b, r, f.context);
    const size_t live = f.live;
    enum lte_status status = LTE_ERR_MEMORY;
    bool good = true;
    size_t n = 1;
    for (; status != LTE_OK && n < 3000; n++) {
        const char *folder = r->taught ? student_folder : teacher_folder;
        fixture_clear(&f);
        f.fail_at = n;
        status = lte_trainer_load(f.context, fixture_source(folder), NULL, &b.options, &b.trainer);
        f.fail_at = 0;
        good = good && (status == LTE_OK ||
                        (status == LTE_ERR_MEMORY && !b.trainer && f.live == live));
    }
    check_ok(good && n > 20 && n < 3000, "%s: out of memory at any of %zu allocations", r->name, n - 1);
    close_bench(&b);
    check_ok(fixture_close(&f), "nothing is left");
}

int main(int argc, char **argv)
{
    const char *const *levels = inside_levels();
    check_begin(argc, argv, "distill");
    for (size_t i = 0; i < RUNS; i++) {
        for (size_t l = 0; levels[l]; l++)
            check_recorded(&runs[i], levels[l], l % 2 + 1, l % 2);
        check_slope(&runs[i]);
        check_bits(&runs[i]);
        check_memory(&runs[i]);
    }
    check_learning(&runs[0]);
    check_learning(&runs[1]);
    check_refused();
    return check_end();
}
