// SPDX-License-Identifier: BSD-2-Clause
// What a training run needs, from its configuration.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/context.h"
#include "tools/message.h"
#include "tools/train/folder.h"
#include "tools/train/resume.h"
#include "tools/train/run.h"
#include "tools/train/source.h"

static const char state_file[] = "trainer.safetensors";

static int open_context(struct run *r)
{
    struct lte_options o;
    lte_options_init(&o);
    o.threads = (unsigned)r->settings->engine.threads;
    o.cpu = r->settings->engine.cpu;
    return context_open(&o, &r->context);
}

// A folder with a run is only gone on with; one with another model is left alone.
static int check_output(const struct run *r)
{
    const char *output = r->plan.output;
    if (folder_holds(output, state_file)) {
        if (r->settings->resume)
            return resume_same_model(&r->plan) ? STATUS_OK : STATUS_FAILED;
        message_error("%s: holds a run already; --resume continues it, another \"output\" leaves it "
                      "alone", output);
        return STATUS_FAILED;
    }
    if (!folder_holds(output, "model.safetensors") &&
        !folder_holds(output, "model.safetensors.index.json"))
        return STATUS_OK;
    message_error("%s: holds a model that no run here made; training would replace it", output);
    return STATUS_FAILED;
}

// The tokenizer, needed before the trainer: how much a batch holds depends on the sources.
static int load_tokenizer(struct run *r)
{
    const struct plan *p = &r->plan;
    char *path = p->tokenizer;
    enum lte_status status = LTE_OK;
    if (!path && (!p->start || !folder_holds(p->start, "tokenizer.json")))
        return STATUS_OK;
    if (!path && !(path = folder_path(p->start, "tokenizer.json")))
        return STATUS_FAILED;
    status = lte_tokenizer_load(r->context, path, &r->tokenizer);
    const int result = status == LTE_OK ? STATUS_OK : message_failed(path, status);
    if (path != p->tokenizer)
        free(path);
    return result;
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
static int make_sources(struct run *r)
{
    struct plan *p = &r->plan;
    struct source_setting setting = {.context = r->context,
                                     .tokenizer = r->tokenizer,
                                     .longest = &p->options.longest,
                                     .seed = p->options.seed,
                                     .rows = p->options.rows,
                                     .micro_batches = p->options.micro_batches};
    p->options.segments = 1;
    r->data = source_make(&setting, &p->file, p->data, "data");
    if (!r->data)
        return STATUS_FAILED;
    setting.longest = NULL;
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

static int load_teacher(struct run *r)
{
    struct plan *p = &r->plan;
    if (!p->teacher)
        return STATUS_OK;
    const enum lte_status status = lte_model_load(r->context, p->teacher, &r->teacher);
    p->options.teacher = r->teacher;
    return status == LTE_OK ? STATUS_OK : message_failed(p->teacher, status);
}

static int make_trainer(struct run *r)
{
    const struct plan *p = &r->plan;
    enum lte_status status;
    if (folder_holds(p->output, state_file))
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

int run_take_folder(struct run *r)
{
    const char *output = r->plan.output;
    if (r->lock >= 0)
        return STATUS_OK;
    if (!folder_make(output) || !folder_lock(output, &r->lock))
        return STATUS_FAILED;
    if (lte_trainer_steps(r->trainer) == 0 && folder_holds(output, state_file)) {
        message_error("%s: another process has made a run in it", output);
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

// Before anything is read in it. A folder that is not there is made and locked when all else is
// well: a configuration with a mistake writes nothing.
static int lock_output(struct run *r)
{
    const bool wanted = !r->settings->check && folder_holds(r->plan.output, "");
    return !wanted || folder_lock(r->plan.output, &r->lock) ? STATUS_OK : STATUS_FAILED;
}

int run_prepare(struct run *r)
{
    int status = open_context(r);
    if (status == STATUS_OK)
        status = lock_output(r);
    if (status == STATUS_OK)
        status = check_output(r);
    if (status == STATUS_OK)
        status = load_tokenizer(r);
    if (status == STATUS_OK)
        status = make_sources(r);
    if (status == STATUS_OK)
        status = load_teacher(r);
    if (status == STATUS_OK)
        status = make_trainer(r);
    return status == STATUS_OK ? check_vocabularies(r) : status;
}

void run_end(struct run *r)
{
    log_end(&r->log);
    lte_trainer_free(r->trainer);
    lte_model_free(r->teacher);
    lte_data_free(r->data);
    for (size_t i = 0; i < PLAN_EVALUATIONS; i++)
        lte_data_free(r->evaluation[i]);
    lte_tokenizer_free(r->tokenizer);
    lte_close(r->context);
    plan_end(&r->plan);
    if (r->lock >= 0)
        close(r->lock);
}
