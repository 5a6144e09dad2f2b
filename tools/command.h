// SPDX-License-Identifier: BSD-2-Clause
// What a command is, and the statuses that the program ends with.
#ifndef LTE_TOOLS_COMMAND_H
#define LTE_TOOLS_COMMAND_H

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_INTERRUPTED = 130 };

struct option_spec;

struct command {
    const char *name;
    const char *summary;               // one line, for the list of commands
    const char *operands;              // "[MODEL] ..." of the usage line
    const char *about;                 // paragraphs of --help, each line ended
    const struct option_spec *options; // ended by a null name
    int min_operands, max_operands;
    int (*run)(int argc, char **argv); // argv[0] is the command's name
};

extern const struct command generate_command, score_command, info_command, bench_command,
    init_command, tokenizer_command, train_command, eval_command, convert_command, devices_command;

#endif
