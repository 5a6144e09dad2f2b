// SPDX-License-Identifier: BSD-2-Clause
// The lte command: the table of its commands.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tools/message.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/shipped.h"

static const struct command *const commands[] = {&generate_command, &score_command, &info_command,
                                                 &bench_command, &init_command,
                                                 &tokenizer_command, &train_command,
                                                 &eval_command, &convert_command,
                                                 &devices_command};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *file)
{
    fputs("usage: lte COMMAND [options]\n"
          "\n"
          "Runs language models that mix gated delta networks with sparse attention, in memory\n"
          "that does not grow with the context.\n"
          "\n"
          "commands:\n",
          file);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n"
          "'lte COMMAND --help' describes one of them; 'lte --version' prints the version.\n"
          "Exit status: 0 success, 1 failure, 2 wrong usage, 130 ended by Ctrl-C.\n",
          file);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    message_error("unknown command \"%s\": 'lte --help' lists them", name);
    return NULL;
}

static int help(const char *name)
{
    if (!name) {
        print_usage(stdout);
        return STATUS_OK;
    }
    const struct command *command = find(name);
    if (!command)
        return STATUS_USAGE;
    options_help(command);
    return STATUS_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(NULL);
    if (!strcmp(argv[1], "help"))
        return help(argv[2]);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("lte %s\n", lte_version());
        return STATUS_OK;
    }
    const struct command *command = find(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : STATUS_USAGE;
}

int main(int argc, char **argv)
{
    output_begin();
    shipped_begin(argv[0]);
    return output_end(dispatch(argc, argv));
}
