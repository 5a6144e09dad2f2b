// SPDX-License-Identifier: BSD-2-Clause
// lte train: a run from a configuration, step by step, resumable at any moment.
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/engine.h"
#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/progress.h"
#include "tools/train/log.h"
#include "tools/train/plan.h"
#include "tools/train/plot.h"
#include "tools/train/source.h"

struct settings {
    struct engine_settings engine;
    bool resume, check;
};

#define SETTING(member) .offset = offsetof(struct settings, member)

static const struct option_spec options[] = {
    {.name = "resume", .kind = OPTION_FLAG, SETTING(resume),
     .help = "go on from the last checkpoint in the output folder;\nfrom the start if there is none"},
    {.name = "check", .kind = OPTION_FLAG, SETTING(check),
     .help = "read the configuration, say what the run takes, and stop"},
    ENGINE_OPTIONS(struct settings),
    {.name = NULL}};

struct run {
    const struct settings *settings;
    struct plan plan;
    struct lte_context *context;
    struct lte_trainer *trainer;
    struct lte_data *data, *evaluation[PLAN_EVALUATIONS];
    struct log log;
    bool terminal, shown;
    double started, step_started;
    uint64_t first_step;
};

static bool has_state(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/trainer.safetensors", folder);
    return access(path, F_OK) == 0;
}

// The tokenizer, needed before the trainer: how much a batch holds depends on the sources.
static int load_tokenizer(struct run *r, struct lte_tokenizer **tokenizer)
{
    const struct plan *p = &r->plan;
    char path[4096];
    *tokenizer = NULL;
    if (p->tokenizer)
        snprintf(path, sizeof path, "%s", p->tokenizer);
    else if (p->start)
        snprintf(path, sizeof path, "%s/tokenizer.json", p->start);
    else
        return STATUS_OK;
    if (!p->tokenizer && access(path, F_OK) != 0)
        return STATUS_OK;
    const enum lte_status status = lte_tokenizer_load(r->context, path, tokenizer);
    return status == LTE_OK ? STATUS_OK : message_failed(path, status);
}

static void grow_options(struct run *r, const struct lte_data *data)
{
    uint32_t rows, segments;
    lte_data_size(data, &rows, &segments);
    if (r->plan.options.rows < rows)
        r->plan.options.rows = rows;
    if (r->plan.options.segments < segments)
        r->plan.options.segments = segments;
}

// An evaluation has its own seed, so that it shows nothing that was trained on, and as many
// micro-batches in its one step as it asks for.
static int make_sources(struct run *r, const struct lte_tokenizer *tokenizer)
{
    struct plan *p = &r->plan;
    struct source_setting setting = {.context = r->context,
                                     .tokenizer = tokenizer,
                                     .seed = p->options.seed,
                                     .rows = p->options.rows,
                                     .micro_batches = p->options.micro_batches};
    p->options.segments = 1;
    r->data = source_make(&setting, &p->file, p->data, "data");
    if (!r->data)
        return STATUS_FAILED;
    grow_options(r, r->data);
    for (size_t i = 0; i < p->evaluations; i++) {
        char name[48];
        snprintf(name, sizeof name, "evaluate[%zu].data", i);
        setting.seed = p->options.seed ^ UINT64_C(0x65766131) ^ (i << 32);
        setting.micro_batches = p->evaluation[i].batches;
        r->evaluation[i] = source_make(&setting, &p->file, p->evaluation[i].data, name);
        if (!r->evaluation[i])
            return STATUS_FAILED;
        grow_options(r, r->evaluation[i]);
    }
    return STATUS_OK;
}

static int make_trainer(struct run *r)
{
    const struct plan *p = &r->plan;
    enum lte_status status;
    if (has_state(p->output) && !r->settings->resume) {
        message_error("%s: holds a run already; --resume continues it, another \"output\" leaves it "
                      "alone", p->output);
        return STATUS_FAILED;
    }
    if (has_state(p->output))
        status = lte_trainer_resume(r->context, p->output, &p->options, &r->trainer);
    else if (p->start)
        status = lte_trainer_load(r->context, p->start, p->config, &p->options, &r->trainer);
    else
        status = lte_trainer_new(r->context, p->config, p->tokenizer, &p->options, &r->trainer);
    return status == LTE_OK ? STATUS_OK : message_failed("cannot make the trainer", status);
}

// Ids that the model does not know would fail only when they come up.
static int check_vocabulary(const struct run *r, const struct lte_data *data, const char *what)
{
    struct lte_model_info info;
    lte_model_describe(lte_trainer_model(r->trainer), &info);
    if (lte_data_vocabulary(data) <= info.vocabulary)
        return STATUS_OK;
    message_error("%s: %s gives ids up to %u, the model's vocabulary ends at %u", r->plan.file.path,
                  what, (unsigned)lte_data_vocabulary(data) - 1, (unsigned)info.vocabulary - 1);
    return STATUS_FAILED;
}

static int check_vocabularies(const struct run *r)
{
    int status = check_vocabulary(r, r->data, "data");
    for (size_t i = 0; i < r->plan.evaluations && status == STATUS_OK; i++)
        status = check_vocabulary(r, r->evaluation[i], r->plan.evaluation[i].name);
    return status;
}

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
            (int)left % 60);
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

// After Ctrl-C the run is saved as it is.
static int train(struct run *r)
{
    int status = STATUS_OK;
    r->first_step = lte_trainer_steps(r->trainer);
    r->started = seconds_now();
    r->terminal = isatty(STDERR_FILENO);
    if (r->first_step)
        fprintf(stderr, "lte: going on after step %llu\n", (unsigned long long)r->first_step);
    while (status == STATUS_OK && lte_trainer_steps(r->trainer) < r->plan.options.steps &&
           !interrupted())
        status = step(r);
    wipe(r);
    if (status != STATUS_OK || !interrupted())
        return status;
    status = save(r);
    fprintf(stderr, "lte: stopped after step %llu; --resume goes on\n",
            (unsigned long long)lte_trainer_steps(r->trainer));
    return status == STATUS_OK ? STATUS_INTERRUPTED : status;
}

static int train_in_folder(struct run *r)
{
    const char *folder = r->plan.output;
    if (mkdir(folder, 0777) && errno != EEXIST) {
        message_error("%s: %s", folder, strerror(errno));
        return STATUS_FAILED;
    }
    return log_open(&r->log, folder, lte_trainer_steps(r->trainer)) ? train(r) : STATUS_FAILED;
}

static int open_context(struct run *r)
{
    struct lte_options o;
    lte_options_init(&o);
    o.threads = (unsigned)r->settings->engine.threads;
    o.cpu = r->settings->engine.cpu;
    o.device = (enum lte_device)r->settings->engine.device;
    o.log = message_log;
    const enum lte_status status = lte_open(&o, &r->context);
    return status == LTE_OK ? STATUS_OK : message_failed("cannot start", status);
}

static int prepare(struct run *r)
{
    struct lte_tokenizer *tokenizer = NULL;
    int status = open_context(r);
    if (status == STATUS_OK)
        status = load_tokenizer(r, &tokenizer);
    if (status == STATUS_OK)
        status = make_sources(r, tokenizer);
    if (status == STATUS_OK)
        status = make_trainer(r);
    if (status == STATUS_OK)
        status = check_vocabularies(r);
    if (status == STATUS_OK) {
        say_plan(r);
        if (!r->settings->check)
            status = train_in_folder(r);
    }
    lte_tokenizer_free(tokenizer);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {0};
    const char *path;
    int status;
    if (!options_parse(&train_command, &s, argc, argv, &path, &status))
        return status;
    struct run r = {.settings = &s};
    interrupt_catch();
    status = plan_read(&r.plan, path) ? prepare(&r) : STATUS_FAILED;
    log_end(&r.log);
    lte_trainer_free(r.trainer);
    lte_data_free(r.data);
    for (size_t i = 0; i < PLAN_EVALUATIONS; i++)
        lte_data_free(r.evaluation[i]);
    lte_close(r.context);
    plan_end(&r.plan);
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
