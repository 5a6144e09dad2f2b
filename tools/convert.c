// SPDX-License-Identifier: BSD-2-Clause
// lte convert: a transformer made a hybrid.
#include "config.h"

#include "tools/context.h"
#include "tools/engine.h"
#include "tools/message.h"

#define SETTING(member) .offset = offsetof(struct lte_convert_options, member)

static const struct option_spec options[] = {
    {.name = "hybrid", .kind = OPTION_TEXT, SETTING(layout), .argument = "LAYOUT",
     .help = "which layers become Gated DeltaNet and which stay attention:\n"
             "N:M, bookend:N or a list of gdn and full (default: 3:1)"},
    {.name = "config", .kind = OPTION_TEXT, SETTING(config), .argument = "JSON",
     .help = "keys of the new config.json that take the place of those\nderived: an object"},
    {.name = "seed", .kind = OPTION_INTEGER, SETTING(seed), .argument = "S", .low = 0,
     .high = UINT64_MAX, .help = "of the weights that the source lacks (default: 0)"},
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct lte_convert_options s;
    const char *operands[2];
    int status;
    lte_convert_options_init(&s);
    if (!options_parse(&convert_command, &s, argc, argv, operands, &status))
        return status;
    struct lte_context *context;
    status = context_open(NULL, &context);
    if (status != STATUS_OK)
        return status;
    const enum lte_status result = lte_convert(context, operands[0], operands[1], &s);
    status = result == LTE_OK ? STATUS_OK : message_failed(operands[1], result);
    lte_close(context);
    return status;
}

const struct command convert_command = {
    .name = "convert",
    .summary = "make a hybrid of a transformer",
    .operands = "SOURCE FOLDER",
    .about = "Makes FOLDER with an lt2 model from the ouro, transformer or lt2 model in SOURCE. Layers\n"
             "that become Gated DeltaNet take over its matrices of queries, keys, values and outputs;\n"
             "the rest of them is fresh, so that the model has to be trained again: 'lte train' with a\n"
             "\"distill\" section does. All else is copied.\n",
    .options = options,
    .min_operands = 2,
    .max_operands = 2,
    .run = run};
