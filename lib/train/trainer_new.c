// SPDX-License-Identifier: BSD-2-Clause
// Making trainers, and taking them apart.
#include "config.h"

#include <string.h>

#include "lib/file.h"
#include "lib/graph.h"
#include "lib/train/options.h"
#include "lib/train/teaching.h"
#include "lib/train/trainer.h"

enum { MAX_CONFIG = 16 << 20, MAX_TOKENIZER = 1 << 28 };

static enum lte_status keep(const struct lte_context *c, const char *path, size_t limit,
                            struct lte_keepsake *kept)
{
    struct lte_file file;
    LTE_TRY(lte_file_map(c, path, limit, &file));
    kept->size = file.size;
    kept->bytes = lte_alloc(c, file.size);
    if (kept->bytes)
        memcpy(kept->bytes, file.bytes, file.size);
    lte_file_unmap(&file);
    return kept->bytes ? LTE_OK : lte_fail_memory(c, path, kept->size);
}

static enum lte_status set_index(struct lte_trainer *t)
{
    for (uint32_t n = 0; n < t->model->layers; n++)
        if (t->model->layer[n].mixer == LTE_MIXER_DSA)
            t->index_slots += t->model->loops;
    t->parameters.index_only = t->options.index_only != 0;
    t->parameters.index_frozen = !(t->options.index_weight > 0);
    if (t->options.index_only && !t->index_slots)
        return lte_fail(t->context, LTE_ERR_ARGUMENT,
                        "training: index_only, but no layer of this model has an indexer");
    return LTE_OK;
}

static enum lte_status make_model(struct lte_trainer *t, const char *config, const char *tokenizer)
{
    const struct lte_context *c = t->context;
    LTE_TRY(keep(c, config, MAX_CONFIG, &t->config));
    if (tokenizer)
        LTE_TRY(keep(c, tokenizer, MAX_TOKENIZER, &t->tokenizer));
    LTE_TRY(lte_model_configure(t->context, config, t->config.bytes, t->config.size, &t->model));
    if (tokenizer)
        LTE_TRY(lte_tokenizer_load(t->context, tokenizer, &t->model->tokenizer));
    LTE_TRY(lte_parameters_init(&t->parameters, t->model, t->options.weights,
                                t->options.decay_all != 0));
    LTE_TRY(set_index(t));
    LTE_TRY(lte_graph_build(t->model, LTE_GRAPH_INFERENCE, &t->model->graph));
    LTE_TRY(lte_teaching_graph(t));
    return lte_parameters_attach(&t->parameters, t->graph);
}

static enum lte_status make_batch(struct lte_trainer *t)
{
    const struct lte_train_options *o = &t->options;
    const struct lte_context *c = t->context;
    t->batch.token = lte_alloc_array(c, o->rows, sizeof *t->batch.token);
    t->batch.target = lte_alloc_array(c, o->rows, sizeof *t->batch.target);
    t->batch.segment = lte_alloc_array(c, o->segments, sizeof *t->batch.segment);
    t->segment = lte_alloc_array(c, o->segments, sizeof *t->segment);
    if (t->batch.token && t->batch.target && t->batch.segment && t->segment)
        return LTE_OK;
    return lte_fail_memory(c, "a batch", o->rows * sizeof *t->batch.token);
}

static enum lte_status make_rest(struct lte_trainer *t)
{
    const struct lte_tape_limits limits = {t->options.rows, t->options.segments};
    LTE_TRY(make_batch(t));
    LTE_TRY(lte_budget_new(t->model, t->options.longest ? t->options.longest : t->options.rows,
                           t->options.micro_batches, &t->budget));
    if (t->budget) {
        t->budget->last_step = t->options.router_steps;
        t->budget->settle = t->options.router_settle != 0;
    }
    LTE_TRY(lte_reverse_init(&t->reverse, t->context, t->graph, &limits, t->options.recompute != 0));
    t->reverse.tape.budget = t->budget;
    t->reverse.tape.index = t->index_slots ? &t->index : NULL;
    return lte_teaching_begin(t);
}

enum lte_status lte_trainer_make(struct lte_context *context, const char *config,
                                 const char *tokenizer, const struct lte_train_options *options,
                                 struct lte_trainer **trainer)
{
    struct lte_train_options defaults;
    lte_train_options_init(&defaults);
    options = options ? options : &defaults;
    *trainer = NULL;
    LTE_TRY(lte_train_options_check(context, options));
    struct lte_trainer *t = lte_alloc_zero(context, sizeof *t);
    if (!t)
        return lte_fail_memory(context, "the trainer", sizeof *t);
    t->context = context;
    t->options = *options;
    enum lte_status status = make_model(t, config, tokenizer);
    if (status == LTE_OK)
        status = make_rest(t);
    if (status == LTE_OK)
        *trainer = t;
    else
        lte_trainer_free(t);
    return status;
}

void lte_trainer_free(struct lte_trainer *t)
{
    if (!t)
        return;
    const struct lte_context *c = t->context;
    const struct lte_train_options *o = &t->options;
    lte_teaching_end(t);
    lte_reverse_end(&t->reverse);
    lte_budget_free(c, t->budget);
    lte_release(c, t->batch.token, o->rows * sizeof *t->batch.token);
    lte_release(c, t->batch.target, o->rows * sizeof *t->batch.target);
    lte_release(c, t->batch.segment, o->segments * sizeof *t->batch.segment);
    lte_release(c, t->segment, o->segments * sizeof *t->segment);
    lte_graph_free(c, t->graph);
    lte_parameters_end(&t->parameters);
    lte_model_free(t->model);
    lte_release(c, t->config.bytes, t->config.size);
    lte_release(c, t->tokenizer.bytes, t->tokenizer.size);
    lte_release(c, t, sizeof *t);
}

void lte_trainer_publish(struct lte_trainer *t)
{
    const struct lte_graph *const graphs[] = {t->graph, t->model->graph};
    lte_parameters_publish(&t->parameters, graphs, 2);
}

enum lte_status lte_trainer_new(struct lte_context *context, const char *config,
                                const char *tokenizer, const struct lte_train_options *options,
                                struct lte_trainer **trainer)
{
    if (trainer)
        *trainer = NULL;
    if (!context || !config || !trainer)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_trainer_make(context, config, tokenizer, options, trainer));
    lte_parameters_draw(&(*trainer)->parameters, (*trainer)->options.seed);
    lte_trainer_publish(*trainer);
    return LTE_OK;
}

// The weights of a checkpoint into a trainer whose retention scorers have been drawn. Its budget is
// not taken over: a new run has its own.
static enum lte_status load_weights(struct lte_trainer *t, const char *folder)
{
    struct lte_tensors *tensors;
    lte_parameters_draw(&t->parameters, t->options.seed);
    LTE_TRY(lte_tensors_open(t->context, folder, &tensors));
    enum lte_status status = lte_parameters_load(&t->parameters, t->model, tensors, folder);
    lte_tensors_close(tensors);
    lte_trainer_publish(t);
    return status;
}

static void release_path(const struct lte_context *c, char *path)
{
    lte_release(c, path, path ? strlen(path) + 1 : 0);
}

enum lte_status lte_trainer_load(struct lte_context *context, const char *folder,
                                 const char *config, const struct lte_train_options *options,
                                 struct lte_trainer **trainer)
{
    if (trainer)
        *trainer = NULL;
    if (!context || !folder || !trainer)
        return LTE_ERR_ARGUMENT;
    char *own = lte_path_join(context, folder, "config.json");
    char *tokenizer = lte_path_join(context, folder, "tokenizer.json");
    enum lte_status status = LTE_ERR_MEMORY;
    if (own && tokenizer)
        status = lte_trainer_make(context, config ? config : own,
                                  lte_path_exists(tokenizer) ? tokenizer : NULL, options, trainer);
    if (status == LTE_OK)
        status = load_weights(*trainer, folder);
    if (status != LTE_OK) {
        lte_trainer_free(*trainer);
        *trainer = NULL;
    }
    release_path(context, own);
    release_path(context, tokenizer);
    return status;
}
