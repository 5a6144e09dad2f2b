// SPDX-License-Identifier: BSD-2-Clause
// --help of one command, written from its table.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tools/options.h"

enum { COLUMN = 26 };

static void print_option(const struct option_spec *spec)
{
    char left[64];
    const char letter[] = {'-', spec->letter, ',', ' ', 0};
    snprintf(left, sizeof left, "  %s--%s%s%s", spec->letter ? letter : "    ", spec->name,
             spec->argument ? " " : "", spec->argument ? spec->argument : "");
    printf("%-*s", COLUMN, left);
    if (strlen(left) >= COLUMN)
        printf("\n%*s", COLUMN, "");
    for (const char *p = spec->help; *p; p++) {
        putchar(*p);
        if (*p == '\n')
            printf("%*s", COLUMN, "");
    }
    putchar('\n');
}

void options_help(const struct command *command)
{
    printf("usage: lte %s %s [options]\n\n%s\noptions:\n", command->name, command->operands,
           command->about);
    for (const struct option_spec *spec = command->options; spec->name; spec++)
        print_option(spec);
    printf("%-*sprint this and exit\n", COLUMN, "  -h, --help");
}
