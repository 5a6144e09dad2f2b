// SPDX-License-Identifier: BSD-2-Clause
// Models at the library's edge: load, free, describe, check.
#include "config.h"

#include "lib/model.h"

#include <inttypes.h>
#include <string.h>

#include "lib/backend.h"
#include "lib/file.h"
#include "lib/graph.h"
#include "lib/trial.h"

enum { MAX_CONFIG = 16 << 20 };

static enum lte_status configure(struct lte_context *context, const char *path,
                                 struct lte_model **model)
{
    struct lte_file file;
    LTE_TRY(lte_file_map(context, path, MAX_CONFIG, &file));
    const enum lte_status status =
        lte_model_configure(context, path, file.bytes, file.size, model);
    lte_file_unmap(&file);
    return status;
}

// A folder without a tokenizer is a model that only speaks token ids.
static enum lte_status load_tokenizer(struct lte_context *context, const char *folder,
                                      struct lte_model *model)
{
    enum lte_status status = LTE_OK;
    char *path = lte_path_join(context, folder, "tokenizer.json");
    if (!path)
        return lte_fail_memory(context, "a path", strlen(folder) + 16);
    if (lte_path_exists(path))
        status = lte_tokenizer_load(context, path, &model->tokenizer);
    if (model->tokenizer && lte_tokenizer_size(model->tokenizer) > model->vocabulary)
        lte_log(context, LTE_LOG_WARNING,
                "%s: has ids up to %" PRIu32 ", the model's vocabulary ends at %" PRIu32, path,
                lte_tokenizer_size(model->tokenizer) - 1, model->vocabulary - 1);
    lte_release(context, path, strlen(path) + 1);
    return status;
}

// What to name when a tensor is missing: the file if there is but one.
static const char *checkpoint_name(const struct lte_tensors *tensors, const char *folder)
{
    const size_t count = lte_tensors_count(tensors);
    const char *file = count ? lte_tensors_at(tensors, 0)->file : folder;
    for (size_t i = 1; i < count; i++)
        if (strcmp(lte_tensors_at(tensors, i)->file, file))
            return folder;
    return file;
}

void lte_model_unload(struct lte_model *model)
{
    if (model->program)
        model->context->backend->unload(model->program);
    model->program = NULL;
}

// A graph that the device cannot run stays on the CPU.
static enum lte_status load_device(const struct lte_context *c, struct lte_model *model)
{
    if (!c->device)
        return LTE_OK;
    const enum lte_status status = c->backend->load(c->device, model->graph, &model->program);
    if (status == LTE_OK)
        return lte_trial_judge(model);
    if (status != LTE_ERR_UNSUPPORTED && !c->automatic)
        return status;
    lte_log(c, LTE_LOG_WARNING, "this model runs on the CPU");
    return LTE_OK;
}

static enum lte_status load_weights(struct lte_context *context, const char *folder,
                                    struct lte_model *model)
{
    LTE_TRY(lte_tensors_open(context, folder, &model->tensors));
    LTE_TRY(lte_model_bind(model, model->tensors, checkpoint_name(model->tensors, folder)));
    LTE_TRY(lte_graph_build(model, LTE_GRAPH_INFERENCE, &model->graph));
    return load_device(context, model);
}

void lte_model_params_init(struct lte_model_params *params)
{
    if (params)
        *params = (struct lte_model_params){0};
}

enum lte_status lte_model_load(struct lte_context *context, const char *folder,
                               struct lte_model **model)
{
    return lte_model_load_with(context, folder, NULL, model);
}

enum lte_status lte_model_load_with(struct lte_context *context, const char *folder,
                                    const struct lte_model_params *params, struct lte_model **model)
{
    struct lte_model *m = NULL;
    if (model)
        *model = NULL;
    if (!context || !folder || !model)
        return LTE_ERR_ARGUMENT;
    char *path = lte_path_join(context, folder, "config.json");
    if (!path)
        return lte_fail_memory(context, "a path", strlen(folder));
    enum lte_status status = configure(context, path, &m);
    lte_release(context, path, strlen(path) + 1);
    if (status == LTE_OK && params && params->loops)
        status = lte_model_set_loops(m, params->loops);
    if (status == LTE_OK)
        status = load_weights(context, folder, m);
    if (status == LTE_OK)
        status = load_tokenizer(context, folder, m);
    if (status == LTE_OK)
        *model = m;
    else
        lte_model_free(m);
    return status;
}

void lte_model_free(struct lte_model *model)
{
    if (!model)
        return;
    const struct lte_context *c = model->context;
    lte_tokenizer_free(model->tokenizer);
    lte_model_unload(model);
    lte_graph_free(c, model->graph);
    lte_tensors_close(model->tensors);
    lte_release(c, model->layer, model->layers * sizeof *model->layer);
    lte_release(c, model->looping.window,
                (size_t)model->looping.trained * model->layers * sizeof *model->looping.window);
    lte_release(c, model, sizeof *model);
}

const struct lte_tokenizer *lte_model_tokenizer(const struct lte_model *model)
{
    return model ? model->tokenizer : NULL;
}

void lte_model_describe(const struct lte_model *model, struct lte_model_info *info)
{
    if (!info)
        return;
    *info = (struct lte_model_info){0};
    if (!model)
        return;
    info->family = model->family;
    info->layers = model->layers;
    info->loops = model->loops;
    info->width = model->width;
    info->vocabulary = model->vocabulary;
    info->parameters = model->parameters;
    info->weight_bytes = model->weight_bytes;
    info->bos = model->bos;
    info->eos = model->eos;
    info->tensors = model->tensor_count;
    info->buffers = model->buffer_count;
    info->exit_threshold = model->looping.exit_gate ? model->looping.exit_threshold : 0;
    info->trained_loops = model->looping.trained;
}

static void describe_delta(enum lte_mixer mixer, const struct lte_gdn *gdn,
                           struct lte_layer_info *info)
{
    info->mixer = mixer == LTE_MIXER_KDA         ? "kda"
                  : mixer == LTE_MIXER_DELTA_NET ? "delta_net"
                                                 : "gdn";
    info->query_heads = info->key_heads = gdn->heads;
    info->value_heads = gdn->value_heads;
    info->key_dim = gdn->key_dim;
    info->value_dim = gdn->value_dim;
}

static void describe_retnet(const struct lte_retnet *r, struct lte_layer_info *info)
{
    info->mixer = "retnet";
    info->query_heads = r->heads;
    info->key_heads = info->value_heads = r->key_heads;
    info->key_dim = r->key_dim;
    info->value_dim = r->value_dim;
}

static void describe_hgrn2(const struct lte_hgrn2 *h, struct lte_layer_info *info)
{
    info->mixer = "hgrn2";
    info->query_heads = info->key_heads = info->value_heads = h->heads;
    info->key_dim = h->key_dim;
    info->value_dim = h->value_dim;
}

static void describe_mamba2(const struct lte_mamba2 *m, struct lte_layer_info *info)
{
    info->mixer = "mamba2";
    info->query_heads = info->key_heads = m->groups;
    info->value_heads = m->heads;
    info->key_dim = m->state;
    info->value_dim = m->head_dim;
}

static void describe_attention(const struct lte_attention *a, enum lte_mixer mixer, uint32_t window,
                               struct lte_layer_info *info)
{
    const bool evicts = mixer == LTE_MIXER_LTE;
    if (mixer == LTE_MIXER_NSA || mixer == LTE_MIXER_DSA)
        info->mixer = mixer == LTE_MIXER_NSA ? "nsa" : "dsa";
    else
        info->mixer = evicts ? "lte" : window ? "window" : "attention";
    info->query_heads = a->heads;
    info->key_heads = info->value_heads = a->key_heads;
    info->key_dim = info->value_dim = a->head_dim;
    info->window = mixer == LTE_MIXER_NSA ? a->window : window;
    if (mixer == LTE_MIXER_NSA || mixer == LTE_MIXER_DSA)
        info->selected = mixer == LTE_MIXER_NSA ? a->top * a->block : a->index.top;
    info->buffer = evicts ? a->evict.buffer : 0;
    info->sinks = evicts ? a->evict.sinks : 0;
}

enum lte_status lte_model_layer(const struct lte_model *model, uint32_t layer,
                                struct lte_layer_info *info)
{
    if (!model || !info || layer >= model->layers)
        return LTE_ERR_ARGUMENT;
    const struct lte_layer *l = &model->layer[layer];
    *info = (struct lte_layer_info){0};
    if (lte_mixer_is_delta(l->mixer))
        describe_delta(l->mixer, &l->gdn, info);
    else if (l->mixer == LTE_MIXER_RETNET)
        describe_retnet(&l->retnet, info);
    else if (l->mixer == LTE_MIXER_HGRN2)
        describe_hgrn2(&l->hgrn2, info);
    else if (l->mixer == LTE_MIXER_MAMBA2)
        describe_mamba2(&l->mamba2, info);
    else
        describe_attention(&l->attention, l->mixer, lte_model_window(model, layer), info);
    return LTE_OK;
}

// Values whose exponent is all ones.
static uint64_t not_finite(const struct lte_tensor *t)
{
    const unsigned char *p = t->data;
    uint64_t count = 0;
    if (t->type == LTE_FILE_F32) {
        for (uint64_t i = 0; i < t->elements; i++) {
            uint32_t bits;
            memcpy(&bits, p + 4 * i, sizeof bits);
            count += (bits & 0x7f800000) == 0x7f800000;
        }
    } else {
        const uint16_t mask = t->type == LTE_FILE_F16 ? 0x7c00 : 0x7f80;
        for (uint64_t i = 0; i < t->elements; i++) {
            uint16_t bits;
            memcpy(&bits, p + 2 * i, sizeof bits);
            count += (bits & mask) == mask;
        }
    }
    return count;
}

enum lte_status lte_model_check(const struct lte_model *model, uint64_t *count)
{
    if (!model || !count)
        return LTE_ERR_ARGUMENT;
    *count = 0;
    for (size_t i = 0; i < lte_tensors_count(model->tensors); i++) {
        const struct lte_tensor *t = lte_tensors_at(model->tensors, i);
        const uint64_t bad = not_finite(t);
        if (bad)
            lte_log(model->context, LTE_LOG_WARNING,
                    "%s: tensor \"%s\": %" PRIu64 " of %" PRIu64 " values are not finite", t->file,
                    t->name, bad, t->elements);
        *count += bad;
    }
    return LTE_OK;
}
