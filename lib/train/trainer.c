// SPDX-License-Identifier: BSD-2-Clause
// The optimizer step: micro-batches, gradients, budget, clipping, AdamW.
#include "config.h"

#include "lib/train/trainer.h"

#include <inttypes.h>
#include <math.h>

#include "lib/random.h"
#include "lib/train/adamw.h"
#include "lib/train/clip.h"
#include "lib/train/schedule.h"
#include "lib/train/teaching.h"

// A source is the caller's: what it wrote is checked before it is used.
static enum lte_status check_batch(const struct lte_trainer *t, const struct lte_batch *b)
{
    const struct lte_context *c = t->context;
    const uint32_t vocabulary = t->model->vocabulary;
    size_t rows = 0;
    if (b->rows > t->options.rows || b->segments > t->options.segments || !b->rows || !b->segments)
        return lte_fail(c, LTE_ERR_ARGUMENT,
                        "training: a micro-batch of %zu rows in %zu sequences; it may have 1..%" PRIu32
                        " in 1..%" PRIu32, b->rows, b->segments, t->options.rows,
                        t->options.segments);
    for (size_t i = 0; i < b->segments; i++) {
        if (!b->segment[i] || b->segment[i] > b->rows - rows)
            return lte_fail(c, LTE_ERR_ARGUMENT,
                            "training: sequence %zu of a micro-batch has %zu rows", i, b->segment[i]);
        rows += b->segment[i];
    }
    if (rows != b->rows)
        return lte_fail(c, LTE_ERR_ARGUMENT,
                        "training: the sequences of a micro-batch have %zu rows, not %zu", rows,
                        b->rows);
    for (size_t i = 0; i < rows; i++)
        if (b->token[i] >= vocabulary ||
            (b->target[i] >= vocabulary && b->target[i] != LTE_IGNORE))
            return lte_fail(c, LTE_ERR_ARGUMENT,
                            "training: row %zu has token %" PRIu32 " and target %" PRIu32
                            ": the vocabulary has ids 0..%" PRIu32, i, b->token[i], b->target[i],
                            vocabulary - 1);
    return LTE_OK;
}

static enum lte_status next_batch(struct lte_trainer *t, lte_batch_fn *source, void *opaque,
                                  uint64_t step, uint32_t micro)
{
    t->batch.rows = t->options.rows;
    t->batch.segments = t->options.segments;
    LTE_TRY(source(opaque, step, micro, &t->batch));
    return check_batch(t, &t->batch);
}

static size_t counted_targets(const struct lte_batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->rows; i++)
        n += b->target[i] != LTE_IGNORE;
    return n;
}

// One micro-batch of `micros`; adds to the report. Means over micro-batches, each a mean over its
// own targets.
static void run_micro(struct lte_trainer *t, uint32_t micros, uint64_t key, bool training,
                      struct lte_train_report *report)
{
    const size_t targets = counted_targets(&t->batch);
    const double index_terms = (double)t->batch.rows * (double)t->index_slots;
    struct lte_reverse_run run = {
        .batch = &t->batch,
        .segment = t->segment,
        .loss = t->options.loss,
        .loss_opaque = t->options.loss_opaque,
        .scale = targets ? (float)(1.0 / ((double)targets * micros)) : 0,
        .training = training,
    };
    run.objective = lte_teaching_micro(t, run.scale, micros);
    t->reverse.tape.range = t->parameters.range;
    t->reverse.tape.ranges = t->parameters.ranges;
    t->reverse.tape.dropout_key = key;
    if (t->budget)
        lte_budget_begin_micro(t->budget, t->batch.segment, t->batch.segments);
    t->index.sum = 0;
    t->index.scale = index_terms > 0 ? (float)(t->options.index_weight / (index_terms * micros)) : 0;
    lte_reverse_run(&t->reverse, &run);
    if (index_terms > 0)
        report->index_loss += t->index.sum / index_terms / micros;
    if (t->budget)
        report->l1 += lte_budget_end_micro(t->budget) / micros;
    report->loss += lte_teaching_loss(t, &run.result, targets) / micros;
    report->accuracy += (double)run.result.right; // made a part of the targets at the end
    report->tokens += t->batch.rows;
    report->targets += targets;
}

static void finish_report(struct lte_train_report *report)
{
    report->accuracy = report->targets ? report->accuracy / (double)report->targets : 0;
}

struct update {
    struct lte_trainer *trainer;
    struct lte_train_report *report;
};

// The update, unless the gradient is not finite: then nothing changes but the count.
static void update(struct lte_par *par, void *arg)
{
    const struct update *u = arg;
    struct lte_trainer *t = u->trainer;
    const double norm = u->report->gradient_norm = lte_gradient_norm(par, &t->parameters);
    if (!isfinite(norm)) {
        t->skipped++;
        return;
    }
    t->router_updates += !t->parameters.router_frozen;
    const struct lte_adamw adamw = {
        .options = &t->options,
        .rate = u->report->learning_rate,
        .gradient_scale = lte_clip_factor(norm, t->options.clip),
        .updates = t->step + 1 - t->skipped,
        .router_updates = t->router_updates,
    };
    lte_adamw_update(par, &t->parameters, &adamw);
}

static void update_weights(struct lte_trainer *t, struct lte_train_report *report)
{
    struct update u = {t, report};
    lte_par_run(t->context->par, update, &u);
    if (isfinite(report->gradient_norm))
        lte_trainer_publish(t);
    else
        lte_log(t->context, LTE_LOG_WARNING,
                "training: step %" PRIu64 ": the gradient is not finite; the weights stay", t->step + 1);
}

enum lte_status lte_trainer_step(struct lte_trainer *t, lte_batch_fn *source, void *opaque,
                                 struct lte_train_report *report)
{
    struct lte_train_report own;
    if (!t || !source)
        return LTE_ERR_ARGUMENT;
    report = report ? report : &own;
    *report = (struct lte_train_report){.learning_rate = lte_schedule_rate(&t->options, t->step)};
    if (t->budget) {
        lte_budget_begin_step(t->budget, t->step + 1);
        lte_parameters_freeze_router(&t->parameters, t->budget->frozen);
    }
    t->index.dense = t->options.index_only || t->step < t->options.index_dense_steps;
    lte_parameters_clear_gradients(&t->parameters);
    lte_teaching_step(t, true);
    const uint64_t key = lte_random_key(t->options.seed, "dropout");
    for (uint32_t m = 0; m < t->options.micro_batches; m++) {
        LTE_TRY(next_batch(t, source, opaque, t->step, m));
        run_micro(t, t->options.micro_batches,
                  lte_random_bits(key, t->step * t->options.micro_batches + m), true, report);
    }
    lte_parameters_collect_gradients(&t->parameters);
    if (t->budget)
        lte_budget_end_step(t->budget);
    update_weights(t, report);
    finish_report(report);
    report->step = ++t->step;
    report->skipped = t->skipped;
    return LTE_OK;
}

enum lte_status lte_trainer_evaluate(struct lte_trainer *t, lte_batch_fn *source, void *opaque,
                                     uint32_t batches, struct lte_train_report *report)
{
    if (!t || !source || !batches || !report)
        return LTE_ERR_ARGUMENT;
    *report = (struct lte_train_report){.step = t->step, .skipped = t->skipped};
    t->index.dense = false;
    lte_teaching_step(t, false);
    for (uint32_t m = 0; m < batches; m++) {
        LTE_TRY(next_batch(t, source, opaque, 0, m));
        run_micro(t, batches, 0, false, report);
    }
    finish_report(report);
    return LTE_OK;
}

uint64_t lte_trainer_steps(const struct lte_trainer *t)
{
    return t ? t->step : 0;
}

const struct lte_model *lte_trainer_model(const struct lte_trainer *t)
{
    return t ? t->model : NULL;
}

void lte_trainer_plan(const struct lte_trainer *t, struct lte_train_plan *plan)
{
    if (!plan)
        return;
    *plan = (struct lte_train_plan){0};
    if (!t)
        return;
    const struct lte_parameters *p = &t->parameters;
    plan->weights = p->elements * (4 * sizeof(float) + (p->copy ? sizeof *p->copy : 0)) +
                    p->prepared_floats * sizeof(float) + t->graph->prepared_bytes +
                    t->model->graph->prepared_bytes;
    plan->activations = t->reverse.plan.total + lte_teaching_bytes(t);
    plan->total = plan->weights + plan->activations;
}

size_t lte_trainer_retention(const struct lte_trainer *t, size_t index,
                             struct lte_retention_info *info)
{
    const struct lte_budget *b = t ? t->budget : NULL;
    const size_t count = b ? b->layers * b->heads : 0;
    if (index >= count || !info)
        return count;
    *info = (struct lte_retention_info){.kept = b->num_kept[index], .lambda = b->lambda[index]};
    for (uint32_t slot = 0; slot < b->slots && slot < t->model->layers; slot++)
        if (b->layer_of_slot[slot] == index / b->heads)
            info->layer = slot;
    return count;
}
