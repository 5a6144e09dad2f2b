// SPDX-License-Identifier: BSD-2-Clause
// Training as a whole: what a step must not depend on, and what its gradient must say.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/train/trainer.h"
#include "tests/check.h"
#include "tests/fixture.h"
#include "tests/inside.h"

static const char *const models[] = {
    "lte", "lte_layer", "full", "swa", "gva", "qk_norm", "transformer", "ungated", "kda",
    "kda_bounded", "delta_net", "delta_net_gated", "nsa", "hybrid_nsa", "lt2_gdn_dsa",
    "retnet", "retnet_plain", "lt2_linear",
    "hgrn2", "hgrn2_free", "mamba2", "mamba2_plain"};
enum { MODELS = sizeof models / sizeof models[0], ROWS = 60 };

// Of the steps that are enough; one still reads all, goes back through all and moves all.
static unsigned some(unsigned n)
{
    return check_is_slow() ? 1 : n;
}

// Sequences of odd lengths whose tokens follow from their numbers; some targets do not count.
struct source {
    size_t segments, segment[4];
    uint32_t vocabulary;
    uint64_t first; // of the sequences shown
};

static enum lte_status fill(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *batch)
{
    const struct source *s = opaque;
    size_t row = 0;
    for (size_t i = 0; i < s->segments; i++) {
        const uint64_t number = step * 16 + micro * 4 + s->first + i;
        for (size_t t = 0; t < s->segment[i]; t++, row++) {
            batch->token[row] = (uint32_t)((number * 7919 + t * t * 31 + t) % s->vocabulary);
            batch->target[row] = (t * 5 + number) % 7 == 3
                                     ? LTE_IGNORE
                                     : (uint32_t)((number * 13 + t * 17) % s->vocabulary);
        }
        batch->segment[i] = s->segment[i];
    }
    batch->rows = row;
    batch->segments = s->segments;
    return LTE_OK;
}

static struct source source_of(const struct lte_trainer *t)
{
    return (struct source){3, {23, 4, 31}, lte_trainer_model(t)->vocabulary, 0};
}

static struct lte_train_options options(void)
{
    struct lte_train_options o;
    lte_train_options_init(&o);
    o.rows = ROWS;
    o.segments = 4;
    o.micro_batches = 2;
    o.learning_rate = 3e-3;
    o.warmup_steps = 2;
    o.steps = 8;
    o.seed = 7;
    return o;
}

static struct lte_trainer *make(struct lte_context *c, const char *model,
                                const struct lte_train_options *o)
{
    char name[64];
    struct lte_trainer *t;
    snprintf(name, sizeof name, "tests/data/models/%s.json", model);
    if (lte_trainer_new(c, fixture_source(name), NULL, o, &t) != LTE_OK)
        exit(99);
    return t;
}

static void steps(struct lte_trainer *t, unsigned n)
{
    struct source s = source_of(t);
    struct lte_train_report report;
    for (unsigned i = 0; i < n; i++)
        if (lte_trainer_step(t, fill, &s, &report) != LTE_OK)
            exit(99);
}

static bool same_weights(const struct lte_trainer *a, const struct lte_trainer *b)
{
    const struct lte_parameters *p = &a->parameters, *q = &b->parameters;
    const size_t size = p->elements * sizeof *p->master;
    return p->elements == q->elements && !memcmp(p->master, q->master, size) &&
           !memcmp(p->moment1, q->moment1, size) && !memcmp(p->moment2, q->moment2, size);
}

static struct lte_trainer *trained(struct lte_context *c, const char *model,
                                   const struct lte_train_options *o, unsigned n)
{
    struct lte_trainer *t = make(c, model, o);
    steps(t, n);
    return t;
}

static void check_threads(const char *model)
{
    struct lte_context *one = inside_context(NULL, 1), *three = inside_context(NULL, 3);
    struct lte_train_options o = options(), again = options();
    again.recompute = 1;
    struct lte_trainer *a = trained(one, model, &o, some(3)), *b = trained(three, model, &o, some(3));
    struct lte_trainer *c = trained(three, model, &again, some(3));
    check_ok(same_weights(a, b), "%s: the same weights with 1 and 3 threads", model);
    check_ok(same_weights(a, c), "%s: the same weights when values are recomputed", model);
    struct lte_train_plan kept, recomputed;
    lte_trainer_plan(b, &kept);
    lte_trainer_plan(c, &recomputed);
    check_ok(recomputed.activations < kept.activations, "%s: recomputing takes %.0f of %.0f KiB",
             model, (double)recomputed.activations / 1024, (double)kept.activations / 1024);
    lte_trainer_free(a);
    lte_trainer_free(b);
    lte_trainer_free(c);
    lte_close(one);
    lte_close(three);
}

static double evaluate(struct lte_trainer *t, struct source *s)
{
    struct lte_train_report report;
    if (lte_trainer_evaluate(t, fill, s, 1, &report) != LTE_OK)
        exit(99);
    return report.loss * (double)report.targets;
}

// Sequences of one micro-batch do not see each other.
static void check_packing(struct lte_context *c, const char *model)
{
    struct lte_train_options o = options();
    struct lte_trainer *t = trained(c, model, &o, some(2));
    struct source all = source_of(t);
    double sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct source one = {1, {all.segment[i]}, all.vocabulary, i};
        sum += evaluate(t, &one);
    }
    const double packed = evaluate(t, &all);
    check_ok(fabs(packed - sum) <= 1e-6 * sum, "%s: packed %.7f, one by one %.7f", model, packed, sum);
    lte_trainer_free(t);
}

// Rows of a sequence in which no retained buffer overflows: then a session sees what training sees.
static size_t no_overflow(const struct lte_model *m)
{
    size_t rows = 24;
    for (uint32_t n = 0; n < m->layers; n++) {
        struct lte_layer_info info;
        lte_model_layer(m, n, &info);
        if (info.buffer && info.window + info.buffer < rows)
            rows = info.window + info.buffer;
    }
    return rows;
}

// What the trainer calls the loss is what a session reads.
static void check_session(struct lte_context *c, const char *model)
{
    struct lte_train_options o = options();
    struct lte_trainer *t = trained(c, model, &o, some(2));
    const struct lte_model *m = lte_trainer_model(t);
    struct source one = {1, {no_overflow(m)}, m->vocabulary, 0};
    uint32_t token[ROWS], target[ROWS];
    size_t segment[4];
    struct lte_batch batch = {token, target, segment, ROWS, 4};
    fill(&one, 0, 0, &batch);
    float *logits = malloc(batch.rows * m->vocabulary * sizeof *logits);
    struct lte_session *s = inside_session(m, 16);
    if (lte_session_feed(s, token, batch.rows, LTE_LOGITS_ALL, logits) != LTE_OK)
        exit(99);
    double sum = 0;
    for (size_t r = 0; r < batch.rows; r++) {
        double total = 0;
        for (size_t i = 0; i < m->vocabulary; i++)
            total += exp(logits[r * m->vocabulary + i]);
        if (target[r] != LTE_IGNORE)
            sum += log(total) - logits[r * m->vocabulary + target[r]];
    }
    const double loss = evaluate(t, &one);
    check_ok(fabs(loss - sum) <= 1e-5 * sum, "%s: loss %.6f, by a session %.6f", model, loss, sum);
    lte_session_free(s);
    free(logits);
    lte_trainer_free(t);
}

static void move(struct lte_trainer *t, const float *direction, float by)
{
    for (size_t i = 0; i < t->parameters.elements; i++)
        t->parameters.master[i] += by * direction[i];
    lte_trainer_publish(t);
}

// The gradient of the whole model along random directions near it against the difference of losses.
// Not for models whose choice of tokens, by retention or by selection, has steps.
static void check_direction(struct lte_context *c, const char *model)
{
    struct lte_train_options o = options();
    o.micro_batches = 1;
    o.clip = 0;
    o.learning_rate = 0; // the weights stay where they are
    struct lte_trainer *t = make(c, model, &o);
    struct source s = source_of(t);
    struct lte_train_report report;
    lte_trainer_step(t, fill, &s, &report);
    const struct lte_parameters *p = &t->parameters;
    float *direction = calloc(p->elements, sizeof *direction);
    double worst = 0;
    for (unsigned trial = 0; trial < 4; trial++) {
        double slope = 0, norm = 0;
        memset(direction, 0, p->elements * sizeof *direction);
        for (size_t i = trial; i < p->count; i += 4) // a quarter of the weights each time
            for (size_t k = 0; k < p->parameter[i].weight.elements; k++)
                norm += pow(p->gradient[p->parameter[i].first + k], 2);
        for (size_t i = trial; i < p->count; i += 4)
            for (size_t k = 0; k < p->parameter[i].weight.elements; k++) {
                const size_t at = p->parameter[i].first + k;
                direction[at] = p->gradient[at] / (float)sqrt(norm) * check_uniform(0.2f, 1.8f);
                slope += (double)p->gradient[at] * direction[at];
            }
        const float h = 0.001f;
        move(t, direction, h);
        const double up = evaluate(t, &s);
        move(t, direction, -2 * h);
        const double down = evaluate(t, &s);
        move(t, direction, h);
        const double measured = (up - down) / (2 * h) / (double)report.targets;
        worst = fmax(worst, fabs(measured - slope) / slope);
    }
    check_ok(worst < 3e-2, "%s: slope along directions near the gradient, worst error %.1e", model, worst);
    free(direction);
    lte_trainer_free(t);
}

static void check_learning(struct lte_context *c, const char *model)
{
    struct lte_train_options o = options();
    o.micro_batches = 1;
    o.steps = 40;
    o.learning_rate = 1e-2;
    o.weight_decay = 0;
    struct lte_trainer *t = make(c, model, &o);
    struct source s = {2, {11, 4}, lte_trainer_model(t)->vocabulary, 0};
    struct lte_train_report first, last = {0};
    lte_trainer_evaluate(t, fill, &s, 1, &first);
    for (unsigned i = 0; i < o.steps; i++) {
        t->step = i; // the schedule goes on, the batch stays
        struct lte_train_report report;
        s.first = 0 - UINT64_C(16) * i; // cancels the step in the numbering of sequences
        lte_trainer_step(t, fill, &s, &report);
    }
    s.first = 0;
    lte_trainer_evaluate(t, fill, &s, 1, &last);
    check_ok(last.loss < 0.3 * first.loss && last.accuracy > 0.9,
             "%s: learns a batch by heart: loss %.3f to %.3f, accuracy %.2f", model, first.loss,
             last.loss, last.accuracy);
    lte_trainer_free(t);
}

// How many weights of indexers, and of all else, differ from `before`.
static void count_changed(const struct lte_trainer *t, const float *before, size_t changed[2])
{
    const struct lte_parameters *p = &t->parameters;
    changed[0] = changed[1] = 0;
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->parameter[i].weight.elements; k++) {
            const size_t at = p->parameter[i].first + k;
            changed[p->parameter[i].indexer] += before[at] != p->master[at];
        }
}

// Indexers alone learn, and get better at it; or they alone do not.
static void check_indexers(struct lte_context *c)
{
    for (int only = 0; only < 2; only++) {
        struct lte_train_options o = options();
        struct lte_train_report first = {0}, last = {0};
        o.steps = 20;
        o.index_only = only;
        o.index_weight = only;
        struct lte_trainer *t = make(c, "lt2_gdn_dsa", &o);
        struct source s = source_of(t);
        const size_t bytes = t->parameters.elements * sizeof(float);
        float *before = malloc(bytes);
        size_t changed[2];
        memcpy(before, t->parameters.master, bytes);
        lte_trainer_step(t, fill, &s, &first);
        while (lte_trainer_steps(t) < o.steps)
            lte_trainer_step(t, fill, &s, &last);
        count_changed(t, before, changed);
        check_ok(only ? !changed[0] && changed[1] : changed[0] && !changed[1],
                 only ? "index_only: indexers change, and nothing else"
                      : "index_weight 0: all but indexers change");
        if (only)
            check_ok(last.index_loss < 0.9 * first.index_loss, "their loss falls from %.3f to %.3f",
                     first.index_loss, last.index_loss);
        free(before);
        lte_trainer_free(t);
    }
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "trainer");
    struct lte_context *c = inside_context(NULL, 2);
    for (size_t i = 0; i < MODELS; i++) {
        check_threads(models[i]);
        check_packing(c, models[i]);
        check_session(c, models[i]);
        if (!strstr(models[i], "lte") && !strstr(models[i], "nsa") && !strstr(models[i], "dsa"))
            check_direction(c, models[i]);
        if (!check_is_slow() || i % 8 == 0)
            check_learning(c, models[i]);
    }
    check_indexers(c);
    lte_close(c);
    return check_end();
}
