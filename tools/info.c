// SPDX-License-Identifier: BSD-2-Clause
// lte info: what a model is and what a session of it takes.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tools/engine.h"
#include "tools/interrupt.h"
#include "tools/message.h"

struct settings {
    struct engine_settings engine;
};

static const struct option_spec options[] = {ENGINE_OPTIONS(struct settings),
                                             SESSION_OPTIONS(struct settings),
                                             {.name = NULL}};

static unsigned long long ull(uint64_t x)
{
    return x;
}

static void print_id(const char *name, int32_t id)
{
    if (id >= 0)
        printf("%-15s%d\n", name, (int)id);
    else
        printf("%-15snone\n", name);
}

static void print_model(const struct engine *engine)
{
    const struct lte_model_info *i = &engine->info;
    const struct lte_tokenizer *tokenizer = lte_model_tokenizer(engine->model);
    printf("model          %s\n", engine->folder);
    printf("family         %s\n", i->family);
    printf("layers         %u, run %u times a token", (unsigned)i->layers, (unsigned)i->loops);
    if (i->loops != i->trained_loops)
        printf(" (config.json: %u)", (unsigned)i->trained_loops);
    printf("\n");
    printf("width          %u\n", (unsigned)i->width);
    printf("vocabulary     %u", (unsigned)i->vocabulary);
    if (tokenizer)
        printf(", %u of them in the tokenizer\n", (unsigned)lte_tokenizer_size(tokenizer));
    else
        printf(", no tokenizer.json\n");
    print_id("bos", i->bos);
    print_id("eos", i->eos);
    printf("parameters     %llu in %u tensors, %llu bytes\n", ull(i->parameters),
           (unsigned)i->tensors, ull(i->weight_bytes));
    printf("saved buffers  %u\n", (unsigned)i->buffers);
    printf("kernels        %s, %u threads\n\n", lte_context_cpu(engine->context),
           lte_context_threads(engine->context));
}

static int print_layers(const struct engine *engine)
{
    printf("layer  mixer      heads q/k/v  head k x v  window  retained  sinks  selected\n");
    for (uint32_t n = 0; n < engine->info.layers; n++) {
        struct lte_layer_info l;
        const enum lte_status status = lte_model_layer(engine->model, n, &l);
        if (status != LTE_OK)
            return message_failed("cannot describe a layer", status);
        char heads[48], dims[32];
        snprintf(heads, sizeof heads, "%u/%u/%u", (unsigned)l.query_heads, (unsigned)l.key_heads,
                 (unsigned)l.value_heads);
        snprintf(dims, sizeof dims, "%u x %u", (unsigned)l.key_dim, (unsigned)l.value_dim);
        printf("%5u  %-9s  %-11s  %-10s  %6u  %8u  %5u  %8u\n", (unsigned)n, l.mixer, heads, dims,
               (unsigned)l.window, (unsigned)l.buffer, (unsigned)l.sinks,
               (unsigned)l.selected);
    }
    return STATUS_OK;
}

// Slots of one mixer together. The mixers are a handful of names.
struct kind {
    const char *mixer;
    unsigned slots;
    uint64_t bytes;
    int grows;
};

static int print_kinds(const struct engine *engine, const struct lte_session_params *params,
                       uint32_t slots)
{
    enum { MAX_KINDS = 16 };
    struct kind kinds[MAX_KINDS] = {{0}};
    size_t used = 0;
    for (uint32_t n = 0; n < slots; n++) {
        struct lte_plan_slot slot;
        const enum lte_status status = lte_session_plan_slot(engine->model, params, n, &slot);
        if (status != LTE_OK)
            return message_failed("cannot plan a slot", status);
        size_t k = 0;
        while (k < used && strcmp(kinds[k].mixer, slot.mixer))
            k++;
        if (k == used && used < MAX_KINDS)
            kinds[used++].mixer = slot.mixer;
        if (k == used)
            continue;
        kinds[k].slots++;
        kinds[k].bytes += slot.bytes;
        kinds[k].grows |= slot.grows;
    }
    for (size_t k = 0; k < used; k++)
        printf("  %-9s %4u slots %14llu bytes, %s\n", kinds[k].mixer, kinds[k].slots,
               ull(kinds[k].bytes), kinds[k].grows ? "grows with the context" : "constant");
    return STATUS_OK;
}

// When tokens leave the loops early, and whose keys and values loops read.
static int print_loops(const struct engine *engine, const struct lte_session_params *params,
                       const struct lte_plan *plan)
{
    const struct lte_model_info *i = &engine->info;
    const float threshold = params->exit_threshold > 0 ? params->exit_threshold : i->exit_threshold;
    struct lte_session_params other = *params;
    struct lte_plan own;
    if (i->loops == 1)
        return STATUS_OK;
    if (i->exit_threshold > 0 && params->exit_weighted)
        printf("  a token's logits are the mean of every loop's, by its chance of leaving there\n");
    else if (i->exit_threshold > 0 && threshold <= 1)
        printf("  a token's logits are of the first loop by which its chance of leaving is %g\n",
               (double)threshold);
    else if (i->exit_threshold > 0)
        printf("  no token leaves before the last loop\n");
    other.share_loops = 0;
    const enum lte_status status = lte_session_plan(engine->model, &other, &own);
    if (status != LTE_OK)
        return message_failed("cannot plan a session", status);
    if (params->share_loops)
        printf("  loops share the last one's keys and values, which saves %llu bytes\n",
               ull(own.state - plan->state));
    else
        printf("  every loop has its own keys and values\n");
    return STATUS_OK;
}

static int print_plan(const struct engine *engine, const struct engine_settings *settings)
{
    const struct lte_session_params params = engine_session_params(settings, 0);
    struct lte_plan plan;
    enum lte_status status = lte_session_plan(engine->model, &params, &plan);
    if (status != LTE_OK)
        return message_failed("cannot plan a session", status);
    printf("\nmemory of one session (keys and values %s, batch %u)\n",
           lte_dtype_name(params.kv_dtype), (unsigned)params.batch);
    const int result = print_kinds(engine, &params, plan.slots);
    if (result != STATUS_OK)
        return result;
    printf("  state      %4u slots %14llu bytes, ", (unsigned)plan.slots, ull(plan.state));
    if (plan.growing)
        printf("for up to %llu tokens\n", ull(plan.max_tokens));
    else
        printf("constant\n");
    printf("  activations           %14llu bytes\n", ull(plan.activations));
    printf("  total                 %14llu bytes\n", ull(plan.session));
    printf("  full attention caches would take %llu bytes at %llu tokens\n", ull(plan.full_cache),
           ull(params.max_tokens));
    return print_loops(engine, &params, &plan);
}

static int check_weights(const struct engine *engine)
{
    uint64_t count;
    const enum lte_status status = lte_model_check(engine->model, &count);
    if (status != LTE_OK)
        return message_failed("cannot check the weights", status);
    if (count)
        printf("\nwarning: %llu weights are not finite: the model is damaged\n", ull(count));
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct settings s = {0};
    const char *folder;
    int status;
    if (!options_parse(&info_command, &s, argc, argv, &folder, &status))
        return status;
    struct engine engine;
    status = engine_open(&engine, &s.engine, folder);
    if (status == STATUS_OK) {
        print_model(&engine);
        status = print_layers(&engine);
    }
    if (status == STATUS_OK)
        status = print_plan(&engine, &s.engine);
    if (status == STATUS_OK)
        status = check_weights(&engine);
    engine_close(&engine);
    return status;
}

const struct command info_command = {
    .name = "info",
    .summary = "describe a model and the memory it takes",
    .operands = "[MODEL]",
    .about = "Prints what a model consists of and the bytes that a session of it takes, and reads\n"
             "every weight once to see that it is finite. For MODEL see 'lte generate --help'.\n",
    .options = options,
    .max_operands = 1,
    .run = run};
