// SPDX-License-Identifier: BSD-2-Clause
// Tables of options: parsing and checking.
#include "config.h"

#include "tools/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/message.h"
#include "tools/number.h"

enum { MAX_OPTIONS = 40, FIRST_LONG = 256, HELP = FIRST_LONG + MAX_OPTIONS };

// Long options return FIRST_LONG + their row; short ones their letter.
static void fill_getopt(const struct option_spec *specs, struct option *longs, char *letters)
{
    size_t n = 0;
    *letters++ = ':';
    *letters++ = 'h';
    for (; specs[n].name; n++) {
        const bool has_value = specs[n].kind != OPTION_FLAG;
        longs[n] = (struct option){specs[n].name, has_value ? required_argument : no_argument, NULL,
                                   FIRST_LONG + (int)n};
        if (!specs[n].letter)
            continue;
        *letters++ = specs[n].letter;
        if (has_value)
            *letters++ = ':';
    }
    longs[n++] = (struct option){"help", no_argument, NULL, HELP};
    longs[n] = (struct option){0};
    *letters = 0;
}

static const struct option_spec *find(const struct option_spec *specs, int code)
{
    for (size_t n = 0; specs[n].name; n++)
        if (code == FIRST_LONG + (int)n || (specs[n].letter && code == specs[n].letter))
            return &specs[n];
    return NULL;
}

static bool refuse(const struct option_spec *spec, const char *text, const char *expected)
{
    message_error("--%s \"%s\": expected %s", spec->name, text, expected);
    return false;
}

static bool take_integer(const struct option_spec *spec, const char *text, uint64_t *value)
{
    char expected[100];
    if (number_integer(text, value) && *value >= spec->low && *value <= spec->high)
        return true;
    snprintf(expected, sizeof expected, "a whole number from %llu to %llu",
             (unsigned long long)spec->low, (unsigned long long)spec->high);
    return refuse(spec, text, expected);
}

static bool take_real(const struct option_spec *spec, const char *text, float *value)
{
    char expected[100];
    if (number_real(text, value) && *value <= spec->real_high &&
        (spec->above ? *value > spec->real_low : *value >= spec->real_low))
        return true;
    snprintf(expected, sizeof expected, "a number %s %g and at most %g",
             spec->above ? "above" : "of at least", (double)spec->real_low,
             (double)spec->real_high);
    return refuse(spec, text, expected);
}

static bool take_choice(const struct option_spec *spec, const char *text, int *value)
{
    char expected[100] = "one of";
    for (int i = 0; spec->choices[i]; i++) {
        if (!strcmp(text, spec->choices[i])) {
            *value = i;
            return true;
        }
        const size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s %s", i ? "," : "", spec->choices[i]);
    }
    return refuse(spec, text, expected);
}

static bool take_text(const struct option_spec *spec, const char *text, struct option_list *list)
{
    if (list->count == OPTION_LIST_SIZE)
        return refuse(spec, text, "to be given no more than 64 times");
    list->texts[list->count++] = text;
    return true;
}

static bool take(const struct option_spec *spec, const char *text, void *settings)
{
    void *value = (char *)settings + spec->offset;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)value = text;
        return true;
    case OPTION_LIST:
        return take_text(spec, text, value);
    case OPTION_INTEGER:
        return take_integer(spec, text, value);
    case OPTION_REAL:
        return take_real(spec, text, value);
    case OPTION_CHOICE:
        return take_choice(spec, text, value);
    }
    return false;
}

static int usage_error(const struct command *command)
{
    message_error("try 'lte %s --help'", command->name);
    return STATUS_USAGE;
}

// getopt_long() has met something that is not in the table, or that lacks or has a value wrongly.
static int unknown(const struct command *command, int code, char *word)
{
    const struct option_spec *spec = find(command->options, optopt);
    if (code == ':' && spec)
        message_error("option --%s needs a value: %s", spec->name, spec->argument);
    else if (spec || optopt == HELP)
        message_error("option --%s takes no value", spec ? spec->name : "help");
    else if (optopt)
        message_error("unknown option -%c", optopt);
    else
        message_error("unknown or ambiguous option %s", word);
    return usage_error(command);
}

static int check_operands(const struct command *command, int count, char **words)
{
    if (count > command->max_operands) {
        message_error("%s: unexpected \"%s\"", command->name, words[command->max_operands]);
        return usage_error(command);
    }
    if (count < command->min_operands) {
        message_error("%s needs %s", command->name, command->operands);
        return usage_error(command);
    }
    return STATUS_OK;
}

int options_parse(const struct command *command, void *settings, int argc, char **argv,
                  const char **operands, int *status)
{
    struct option longs[MAX_OPTIONS + 2];
    char letters[2 * MAX_OPTIONS + 3];
    fill_getopt(command->options, longs, letters);
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (code == 'h' || code == HELP) {
            options_help(command);
            *status = STATUS_OK;
            return 0;
        }
        const struct option_spec *spec = find(command->options, code);
        if (!spec) {
            *status = unknown(command, code, argv[optind - 1]);
            return 0;
        }
        if (!take(spec, optarg, settings)) {
            *status = usage_error(command);
            return 0;
        }
    }
    *status = check_operands(command, argc - optind, argv + optind);
    for (int i = 0; i < command->max_operands; i++)
        operands[i] = optind + i < argc ? argv[optind + i] : NULL;
    return *status == STATUS_OK;
}
