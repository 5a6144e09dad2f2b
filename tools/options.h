// SPDX-License-Identifier: BSD-2-Clause
// Tables of options: parsing, checking and --help from the same rows.
#ifndef LTE_TOOLS_OPTIONS_H
#define LTE_TOOLS_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "tools/command.h"

enum option_kind {
    OPTION_FLAG,    // bool, becomes true
    OPTION_TEXT,    // const char *
    OPTION_LIST,    // struct option_list, to which every use adds
    OPTION_INTEGER, // uint64_t in low..high
    OPTION_REAL,    // float in real_low..real_high
    OPTION_CHOICE   // int, index into choices
};

enum { OPTION_LIST_SIZE = 64 };
struct option_list {
    const char *texts[OPTION_LIST_SIZE];
    size_t count;
};

struct option_spec {
    const char *name;      // long name, without the dashes
    char letter;           // short name, or 0
    enum option_kind kind;
    size_t offset;         // of the value in the command's settings
    const char *argument;  // what --help calls the value
    const char *help;
    uint64_t low, high;
    float real_low, real_high;
    int above;             // real_low itself is excluded
    const char *const *choices; // ended by NULL
};

// Reads the options of argv into `settings`, which holds the defaults, and the operands, in order,
// into operands[max_operands], NULL where there are fewer. Returns nonzero if the command is to go
// on; otherwise *status is what the program ends with, --help or the mistake having been printed.
int options_parse(const struct command *command, void *settings, int argc, char **argv,
                  const char **operands, int *status);

void options_help(const struct command *command);

#endif
