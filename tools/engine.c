// SPDX-License-Identifier: BSD-2-Clause
// Opening context, model and session.
#include "config.h"

#include "tools/engine.h"

#include <string.h>

#include "tools/context.h"
#include "tools/message.h"
#include "tools/number.h"
#include "tools/shipped.h"

const char *const engine_dtypes[] = {
    [LTE_DTYPE_F32] = "f32", [LTE_DTYPE_BF16] = "bf16", [LTE_DTYPE_F16] = "f16", NULL};

static bool choose_device(struct lte_options *options, const char *name)
{
    static const char *const names[] = {
        [LTE_DEVICE_CPU] = "cpu", [LTE_DEVICE_AUTO] = "auto", [LTE_DEVICE_VULKAN] = "vulkan"};
    uint64_t number = 0;
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) {
            options->device = (enum lte_device)i;
            return true;
        }
    if (!name)
        return true;
    if (strncmp(name, "vulkan:", 7) || !number_integer(name + 7, &number) || number > 255) {
        message_error("--device \"%s\": expected one of cpu, auto, vulkan, or vulkan:N", name);
        return false;
    }
    options->device = LTE_DEVICE_VULKAN;
    options->device_number = (unsigned)number;
    return true;
}

int engine_open(struct engine *engine, const struct engine_settings *settings, const char *folder)
{
    struct lte_options options;
    lte_options_init(&options);
    *engine = (struct engine){0};
    if (!choose_device(&options, settings->device))
        return STATUS_USAGE;
    engine->folder = folder ? shipped_named(folder) : shipped_model();
    if (!engine->folder)
        return STATUS_FAILED;
    options.threads = (unsigned)settings->threads;
    options.cpu = settings->cpu;
    const int opened = context_open(&options, &engine->context);
    if (opened != STATUS_OK)
        return opened;
    struct lte_model_params params;
    lte_model_params_init(&params);
    params.loops = (uint32_t)settings->loops;
    const enum lte_status status =
        lte_model_load_with(engine->context, engine->folder, &params, &engine->model);
    if (status != LTE_OK)
        return message_failed(engine->folder, status);
    lte_model_describe(engine->model, &engine->info);
    return STATUS_OK;
}

void engine_close(struct engine *engine)
{
    lte_model_free(engine->model);
    lte_close(engine->context);
    *engine = (struct engine){0};
}

struct lte_session_params engine_session_params(const struct engine_settings *settings,
                                                uint64_t needed)
{
    struct lte_session_params params;
    lte_session_params_init(&params);
    params.kv_dtype = (enum lte_dtype)settings->kv;
    params.exit_threshold = settings->exit_threshold;
    params.exit_weighted = (uint32_t)settings->exit_weighted;
    params.share_loops = settings->share_loops;
    if (settings->batch)
        params.batch = (uint32_t)settings->batch;
    if (settings->max_tokens)
        params.max_tokens = settings->max_tokens;
    else if (needed)
        params.max_tokens = needed;
    return params;
}

int engine_session(const struct engine *engine, const struct engine_settings *settings,
                   uint64_t needed, struct lte_session **session, struct lte_plan *plan)
{
    const struct lte_session_params params = engine_session_params(settings, needed);
    *session = NULL;
    enum lte_status status = lte_session_plan(engine->model, &params, plan);
    if (status != LTE_OK)
        return message_failed("cannot plan a session", status);
    if (plan->max_tokens < needed) {
        message_error("this needs a context of %llu tokens: raise --max-tokens %llu",
                      (unsigned long long)needed, (unsigned long long)plan->max_tokens);
        return STATUS_FAILED;
    }
    status = lte_session_new(engine->model, &params, session);
    return status == LTE_OK ? STATUS_OK : message_failed("cannot make a session", status);
}

const struct lte_tokenizer *engine_tokenizer(const struct engine *engine)
{
    const struct lte_tokenizer *tokenizer = lte_model_tokenizer(engine->model);
    if (!tokenizer)
        message_error("%s has no tokenizer.json: put the one that belongs to the model there",
                      engine->folder);
    return tokenizer;
}

int engine_read(struct engine *engine, const struct engine_settings *settings, const char *folder,
                const char *words, const char *file, bool special, struct tokens *tokens)
{
    struct text text;
    int status = text_read(&text, words, file);
    if (status == STATUS_OK)
        status = engine_open(engine, settings, folder);
    const struct lte_tokenizer *tokenizer = status == STATUS_OK ? engine_tokenizer(engine) : NULL;
    if (tokenizer)
        status = text_encode(&text, tokenizer, special, tokens);
    else if (status == STATUS_OK)
        status = STATUS_FAILED;
    text_free(&text);
    return status;
}
