// SPDX-License-Identifier: BSD-2-Clause
// lte devices: the devices that the Vulkan loader lists, and how a model does on each of them.
#include "config.h"

#include <stdio.h>

#include "tools/engine.h"
#include "tools/message.h"

struct settings {
    uint64_t threads;
};

static const struct option_spec options[] = {
    {.name = "threads", .letter = 't', .kind = OPTION_INTEGER,
     .offset = offsetof(struct settings, threads), .argument = "N", .low = 1, .high = 1024,
     .help = "threads of the CPU that devices are compared with\n(default: one per core)"},
    {.name = NULL}};

static void print_features(const struct lte_device_info *info)
{
    printf("  Vulkan %s, %.1f GiB%s%s%s%s%s\n", info->vulkan, (double)info->memory / (1 << 30),
           info->software ? ", software" : "", info->subgroups ? ", subgroups" : "",
           info->float16 ? ", float16" : "", info->storage16 ? ", storage16" : "",
           info->cooperative ? ", cooperative matrices" : "");
}

// Opens the model on the device, which tries it, and shows what came out.
static int try_model(const struct settings *s, unsigned number, const char *folder)
{
    char name[32];
    struct lte_trial trial;
    struct engine engine;
    snprintf(name, sizeof name, "vulkan:%u", number);
    int status = engine_open(
        &engine, &(struct engine_settings){.threads = s->threads, .device = name}, folder);
    if (status == STATUS_OK && lte_model_trial(engine.model, &trial) == LTE_OK) {
        printf("  self-test %s: logits within %.1g of the CPU's\n", trial.passed ? "passed" : "FAILED",
               trial.error);
        printf("  64 tokens read and 16 more: %.3g s, %.3g s on the CPU: auto takes %s\n",
               trial.device_seconds, trial.cpu_seconds,
               trial.passed && trial.device_seconds < trial.cpu_seconds ? "the device" : "the CPU");
    } else if (status == STATUS_OK) {
        puts("  not used for this model");
    }
    engine_close(&engine);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {0};
    struct lte_options o;
    struct lte_device_info info;
    const char *folder;
    int status;
    if (!options_parse(&devices_command, &s, argc, argv, &folder, &status))
        return status;
    lte_options_init(&o);
    o.log = message_log;
    for (unsigned n = 0; status == STATUS_OK; n++) {
        const enum lte_status found = lte_device_describe(&o, n, &info);
        if (found == LTE_ERR_ARGUMENT && n == 0)
            puts("no devices");
        if (found == LTE_ERR_ARGUMENT)
            break;
        printf("vulkan:%u  %s\n", n, info.name);
        if (found != LTE_OK) {
            puts("  not used");
            continue;
        }
        print_features(&info);
        status = try_model(&s, n, folder);
    }
    return status;
}

const struct command devices_command = {
    .name = "devices",
    .summary = "list devices, and how a model does on them",
    .operands = "[MODEL]",
    .about = "Lists the devices that the Vulkan loader knows, tries MODEL (by default the shipped one)\n"
             "on each against the CPU, and says which of them --device auto would take.\n",
    .options = options,
    .max_operands = 1,
    .run = run};
