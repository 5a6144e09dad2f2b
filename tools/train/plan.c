// SPDX-License-Identifier: BSD-2-Clause
// Reading a training configuration; lte-train(5) describes it.
#include "config.h"

#include "tools/train/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/message.h"

static bool load(struct plan *p, const char *path)
{
    json_error_t error;
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    p->document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!p->document) {
        message_error("%s: line %d, column %d: %s", path, error.line, error.column, error.text);
        return false;
    }
    p->folder = malloc(length + 1);
    if (!p->folder) {
        message_error("out of memory");
        return false;
    }
    memcpy(p->folder, path, length);
    p->folder[length] = 0;
    p->file = (struct reader_file){.path = path, .folder = p->folder};
    return true;
}

static void read_model(struct plan *p, const json_t *value)
{
    struct reader r;
    reader_open(&r, &p->file, value, "model");
    p->config = reader_path(&r, "config");
    p->tokenizer = reader_path(&r, "tokenizer");
    p->start = reader_path(&r, "start");
    if (!p->config && !p->start)
        reader_fail(&r, "config", "is missing: the path of the model's config.json");
    if (p->tokenizer && p->start)
        reader_fail(&r, "tokenizer", "cannot go with model.start, which brings its own");
    reader_end(&r);
}

static void read_options(struct plan *p, struct reader *top)
{
    static const char *const types[] = {"f32", "bf16", NULL};
    static const enum lte_dtype dtypes[] = {LTE_DTYPE_F32, LTE_DTYPE_BF16};
    struct lte_train_options *o = &p->options;
    struct reader r;
    lte_train_options_init(o);
    reader_open(&r, &p->file, reader_value(top, "train"), "train");
    o->steps = reader_integer(&r, "steps", o->steps, 1, 1000000000);
    o->rows = (uint32_t)reader_integer(&r, "rows", o->rows, 2, 1 << 24);
    o->micro_batches = (uint32_t)reader_integer(&r, "micro_batches", o->micro_batches, 1, 1 << 20);
    o->learning_rate = reader_real(&r, "learning_rate", o->learning_rate, 0, 1000);
    o->final_rate = reader_real(&r, "final_rate", o->final_rate, 0, 1);
    o->warmup_steps = reader_integer(&r, "warmup_steps", o->warmup_steps, 0, 1000000000);
    o->weight_decay = reader_real(&r, "weight_decay", o->weight_decay, 0, 1000);
    o->decay_all = reader_bool(&r, "decay_all", o->decay_all != 0);
    o->beta1 = reader_real(&r, "beta1", o->beta1, 0, 0.999999);
    o->beta2 = reader_real(&r, "beta2", o->beta2, 0, 0.999999);
    o->epsilon = reader_real(&r, "epsilon", o->epsilon, 0, 1);
    o->router_rate = reader_real(&r, "router_rate", o->router_rate, 0, 1000);
    o->router_epsilon = reader_real(&r, "router_epsilon", o->router_epsilon, 0, 1000);
    o->router_steps = reader_integer(&r, "router_steps", o->router_steps, 0, 1000000000);
    o->router_settle = reader_bool(&r, "router_settle", o->router_settle != 0);
    o->index_weight = reader_real(&r, "index_weight", o->index_weight, 0, 1e6);
    o->index_dense_steps = reader_integer(&r, "index_dense_steps", o->index_dense_steps, 0, 1000000000);
    o->index_only = reader_bool(&r, "index_only", o->index_only != 0);
    o->clip = reader_real(&r, "clip", o->clip, 0, 1e30);
    o->weights = dtypes[reader_choice(&r, "weights", types, 0)];
    o->recompute = reader_bool(&r, "recompute", o->recompute != 0);
    reader_end(&r);
    o->seed = reader_integer(top, "seed", 0, 0, INT64_MAX);
}

// What a looped model with an exit gate learns from: every loop's loss, or the gate's own.
static void read_exits(struct plan *p, const json_t *value)
{
    static const char *const kinds[] = {"all", "gate", NULL};
    static const enum lte_objective_kind objectives[] = {LTE_OBJECTIVE_EXITS,
                                                         LTE_OBJECTIVE_EXIT_GATE};
    struct reader r;
    if (!value)
        return;
    reader_open(&r, &p->file, value, "exits");
    p->options.objective = objectives[reader_choice(&r, "train", kinds, 0)];
    p->options.exit_entropy = reader_real(&r, "entropy", p->options.exit_entropy, 0, 1000);
    reader_end(&r);
}

static void read_distill(struct plan *p, const json_t *value)
{
    static const char *const stages[] = {"layers", "logits", NULL};
    static const enum lte_objective_kind objectives[] = {LTE_OBJECTIVE_ALIGN, LTE_OBJECTIVE_DISTILL};
    struct lte_train_options *o = &p->options;
    struct reader r;
    if (!value)
        return;
    reader_open(&r, &p->file, value, "distill");
    p->teacher = reader_path(&r, "teacher");
    if (!p->teacher)
        reader_fail(&r, "teacher", "is missing: the folder of the model to learn from");
    if (o->objective != LTE_OBJECTIVE_LAST)
        reader_fail(&r, "stage", "cannot go with \"exits\"");
    if (!reader_has(&r, "stage"))
        reader_fail(&r, "stage", "is missing: \"layers\" or \"logits\"");
    o->objective = objectives[reader_choice(&r, "stage", stages, 0)];
    o->every_loop = reader_real(&r, "every_loop", o->every_loop, 0, 1);
    o->temperature = reader_real(&r, "temperature", o->temperature, 0.001, 1000);
    o->rest_rate = reader_real(&r, "rest_rate", o->rest_rate, 0, 1000);
    reader_end(&r);
}

// The name of an evaluation goes into a picture, as the name of a line of its own.
static void read_name(struct plan *p, struct reader *r, size_t i)
{
    struct plan_evaluation *e = &p->evaluation[i];
    const char *text = reader_text(r, "name");
    bool plain = text && text[0] && strlen(text) < sizeof e->name;
    for (const char *c = text; plain && *c; c++)
        plain = (unsigned char)*c >= ' ';
    if (!plain) {
        reader_fail(r, "name", "must be a text of 1..%zu bytes, without control characters",
                    sizeof e->name - 1);
        return;
    }
    snprintf(e->name, sizeof e->name, "%s", text);
    bool taken = !strcmp(e->name, "training");
    for (size_t k = 0; k < i; k++)
        taken = taken || !strcmp(e->name, p->evaluation[k].name);
    if (taken)
        reader_fail(r, "name", "is \"%s\", which is taken", e->name);
}

static void read_evaluation(struct plan *p, const json_t *value, size_t i)
{
    struct plan_evaluation *e = &p->evaluation[i];
    struct reader r;
    char name[32];
    snprintf(name, sizeof name, "evaluate[%zu]", i);
    reader_open(&r, &p->file, value, name);
    read_name(p, &r, i);
    e->every = reader_integer(&r, "every", 100, 1, 1000000000);
    e->batches = (uint32_t)reader_integer(&r, "batches", 4, 1, 1 << 20);
    e->data = reader_value(&r, "data");
    if (!e->data)
        reader_fail(&r, "data", "is missing");
    reader_end(&r);
}

static void read_evaluations(struct plan *p, struct reader *top)
{
    const json_t *list;
    p->evaluations = reader_list(top, "evaluate", &list);
    if (p->evaluations > PLAN_EVALUATIONS) {
        reader_fail(top, "evaluate", "may list %d evaluations at most", (int)PLAN_EVALUATIONS);
        p->evaluations = 0;
    }
    for (size_t i = 0; i < p->evaluations; i++)
        read_evaluation(p, json_array_get(list, i), i);
}

bool plan_read(struct plan *p, const char *path)
{
    struct reader top;
    *p = (struct plan){.document = NULL};
    if (!load(p, path))
        return false;
    reader_open(&top, &p->file, p->document, "");
    p->output = reader_path(&top, "output");
    if (!p->output)
        reader_fail(&top, "output", "is missing: the folder of checkpoints and log");
    read_model(p, reader_value(&top, "model"));
    read_options(p, &top);
    read_exits(p, reader_value(&top, "exits"));
    read_distill(p, reader_value(&top, "distill"));
    p->data = reader_value(&top, "data");
    read_evaluations(p, &top);
    p->log_every = reader_integer(&top, "log_every", 10, 1, 1000000000);
    p->save_every = reader_integer(&top, "save_every", 100, 1, 1000000000);
    reader_end(&top);
    return !p->file.failed;
}

void plan_end(struct plan *p)
{
    free(p->config);
    free(p->tokenizer);
    free(p->start);
    free(p->teacher);
    free(p->output);
    free(p->folder);
    json_decref(p->document);
}
