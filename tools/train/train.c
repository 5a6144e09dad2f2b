// SPDX-License-Identifier: BSD-2-Clause
// lte train: a run from a configuration, step by step, resumable at any moment.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/progress.h"
#include "tools/train/folder.h"
#include "tools/train/plot.h"
#include "tools/train/run.h"

#define SETTING(member) .offset = offsetof(struct train_settings, member)

static const struct option_spec options[] = {
    {.name = "resume", .kind = OPTION_FLAG, SETTING(resume),
     .help = "go on from the last checkpoint in the output folder;\nfrom the start if there is none"},
    {.name = "until", .kind = OPTION_INTEGER, SETTING(until), .argument = "STEP", .low = 1,
     .high = 1000000000,
     .help = "save and stop after STEP, with the learning rate of the whole\nschedule; --resume goes on"},
    {.name = "check", .kind = OPTION_FLAG, SETTING(check),
     .help = "read the configuration, say what the run takes, and stop"},
    ENGINE_OPTIONS(struct train_settings),
    {.name = NULL}};

static void say_plan(const struct run *r)
{
    struct lte_train_plan plan;
    struct lte_model_info info;
    lte_trainer_plan(r->trainer, &plan);
    lte_model_describe(lte_trainer_model(r->trainer), &info);
    fprintf(stderr,
            "lte: %s, %llu parameters; weights and optimizer %.1f MiB, activations %.1f MiB\n",
            info.family, (unsigned long long)info.parameters, (double)plan.weights / 1048576,
            (double)plan.activations / 1048576);
}

static double mean_kept(const struct lte_trainer *trainer)
{
    const size_t count = lte_trainer_retention(trainer, 0, NULL);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct lte_retention_info info;
        lte_trainer_retention(trainer, i, &info);
        sum += info.kept;
    }
    return count ? sum / (double)count : 0;
}

static void wipe(struct run *r)
{
    if (r->shown)
        fputs("\r\033[K", stderr);
    r->shown = false;
}

static void show(struct run *r, const struct lte_train_report *report, double seconds)
{
    const uint64_t total = r->plan.options.steps, done = report->step - r->first_step;
    const double each = (seconds_now() - r->started) / (double)done;
    const double left = each * (double)(total - report->step);
    char kept[32] = "";
    if (!r->terminal)
        return;
    if (lte_trainer_retention(r->trainer, 0, NULL))
        snprintf(kept, sizeof kept, "  kept %.1f", mean_kept(r->trainer));
    fprintf(stderr, "\r\033[Kstep %llu/%llu  loss %.4f  accuracy %.1f %%  %.0f tokens/s%s  %.0f:%02d left",
            (unsigned long long)report->step, (unsigned long long)total, report->loss,
            100 * report->accuracy, (double)report->tokens / seconds, kept, floor(left / 60),
            (int)fmod(left, 60));
    r->shown = true;
}

static int evaluate(struct run *r, uint64_t step)
{
    for (size_t i = 0; i < r->plan.evaluations; i++) {
        const struct plan_evaluation *e = &r->plan.evaluation[i];
        struct lte_train_report report;
        if (step % e->every && step != r->plan.options.steps)
            continue;
        const enum lte_status status =
            lte_trainer_evaluate(r->trainer, lte_data_batch, r->evaluation[i], e->batches, &report);
        if (status != LTE_OK)
            return message_failed(e->name, status);
        wipe(r);
        fprintf(stderr, "step %llu  %s: loss %.4f, accuracy %.2f %% of %llu targets\n",
                (unsigned long long)step, e->name, report.loss, 100 * report.accuracy,
                (unsigned long long)report.targets);
        if (!log_add(&r->log, log_evaluation(e->name, &report)))
            return STATUS_FAILED;
    }
    return STATUS_OK;
}

static int save(struct run *r)
{
    if (!log_sync(&r->log))
        return STATUS_FAILED;
    const enum lte_status status = lte_trainer_save(r->trainer, r->plan.output);
    if (status != LTE_OK)
        return message_failed(r->plan.output, status);
    return plot_write(r->log.records, r->plan.output) ? STATUS_OK : STATUS_FAILED;
}

static int step(struct run *r)
{
    struct lte_train_report report;
    const double before = seconds_now();
    const enum lte_status status =
        lte_trainer_step(r->trainer, lte_data_batch, r->data, &report);
    if (status != LTE_OK)
        return message_failed("cannot go on", status);
    const double seconds = seconds_now() - before;
    const bool last = report.step >= r->plan.options.steps;
    show(r, &report, seconds);
    if ((report.step % r->plan.log_every == 0 || last) &&
        !log_add(&r->log, log_step(r->trainer, &report, seconds)))
        return STATUS_FAILED;
    const int result = evaluate(r, report.step);
    if (result == STATUS_OK && (report.step % r->plan.save_every == 0 || last))
        return save(r);
    return result;
}

// Asked to stop here, before the end of the schedule.
static bool halted(const struct run *r)
{
    return r->settings->until && lte_trainer_steps(r->trainer) >= r->settings->until;
}

static bool finished(const struct run *r)
{
    return lte_trainer_steps(r->trainer) >= r->plan.options.steps;
}

// After Ctrl-C the run is saved as it is. So is one that was finished before: its last save may
// have been cut short when only the trainer's file had been replaced.
static int train(struct run *r)
{
    int status = STATUS_OK;
    r->first_step = lte_trainer_steps(r->trainer);
    r->started = seconds_now();
    r->terminal = isatty(STDERR_FILENO);
    if (r->first_step)
        fprintf(stderr, "lte: going on after step %llu\n", (unsigned long long)r->first_step);
    if (finished(r))
        return save(r);
    while (status == STATUS_OK && !finished(r) && !halted(r) && !interrupted())
        status = step(r);
    wipe(r);
    if (status != STATUS_OK || finished(r))
        return status;
    status = save(r);
    if (status != STATUS_OK)
        return status;
    fprintf(stderr, "lte: stopped after step %llu; --resume goes on\n",
            (unsigned long long)lte_trainer_steps(r->trainer));
    return interrupted() ? STATUS_INTERRUPTED : STATUS_OK;
}

static int train_in_folder(struct run *r)
{
    const char *folder = r->plan.output;
    const int status = run_take_folder(r);
    if (status != STATUS_OK)
        return status;
    if (!folder_clean(folder) || !log_open(&r->log, folder, lte_trainer_steps(r->trainer)))
        return STATUS_FAILED;
    return train(r);
}

static int run(int argc, char **argv)
{
    struct train_settings s = {0};
    const char *path;
    int status;
    if (!options_parse(&train_command, &s, argc, argv, &path, &status))
        return status;
    struct run r = {.settings = &s, .lock = -1};
    interrupt_catch();
    status = plan_read(&r.plan, path) ? run_prepare(&r) : STATUS_FAILED;
    if (status == STATUS_OK) {
        say_plan(&r);
        if (!s.check)
            status = train_in_folder(&r);
    }
    run_end(&r);
    return status;
}

const struct command train_command = {
    .name = "train",
    .summary = "train a model from a configuration",
    .operands = "CONFIG",
    .about = "Trains a model as the file CONFIG says; lte-train(5) describes it. The output folder\n"
             "gets checkpoints that every other command loads, log.jsonl with a line for every few\n"
             "steps, and plot.svg. Ctrl-C saves and stops; --resume goes on bit for bit, also after\n"
             "a crash.\n",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = run};
