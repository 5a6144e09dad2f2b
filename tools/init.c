// SPDX-License-Identifier: BSD-2-Clause
// lte init: a model with random weights.
#include "config.h"

#include "tools/context.h"
#include "tools/engine.h"
#include "tools/message.h"

struct settings {
    uint64_t seed;
    int dtype;
};

static const struct option_spec options[] = {
    {.name = "seed", .kind = OPTION_INTEGER, .offset = offsetof(struct settings, seed),
     .argument = "S", .low = 0, .high = UINT64_MAX,
     .help = "the same seed gives the same weights (default: 0)"},
    {.name = "dtype", .kind = OPTION_CHOICE, .offset = offsetof(struct settings, dtype),
     .argument = "TYPE", .choices = engine_dtypes,
     .help = "type of the matrices: f32, bf16 or f16 (default: f32);\nvectors are always f32"},
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct settings s = {.dtype = LTE_DTYPE_F32};
    const char *operands[2];
    int status;
    if (!options_parse(&init_command, &s, argc, argv, operands, &status))
        return status;
    struct lte_context *context;
    status = context_open(NULL, &context);
    if (status != STATUS_OK)
        return status;
    const enum lte_status result =
        lte_model_init(context, operands[0], operands[1], (enum lte_dtype)s.dtype, s.seed);
    status = result == LTE_OK ? STATUS_OK : message_failed(operands[1], result);
    lte_close(context);
    return status;
}

const struct command init_command = {
    .name = "init",
    .summary = "make a model with random weights",
    .operands = "CONFIG FOLDER",
    .about = "Makes FOLDER with a copy of the configuration file CONFIG as config.json and a\n"
             "randomly initialised model.safetensors. It makes no tokenizer: copy a tokenizer.json\n"
             "there to generate with the model.\n",
    .options = options,
    .min_operands = 2,
    .max_operands = 2,
    .run = run};
