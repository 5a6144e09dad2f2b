// SPDX-License-Identifier: BSD-2-Clause
// Where the model is when the command line names none.
#ifndef LTE_TOOLS_SHIPPED_H
#define LTE_TOOLS_SHIPPED_H

// Tells where the program itself lies; `program` is argv[0] of main().
void shipped_begin(const char *program);

// The model to use when none is named: the folder that the environment variable LTE_MODEL names, if
// it is set and not empty, or else the shipped lalte-needle. Constant until the program ends; NULL
// after a message.
const char *shipped_model(void);

// What a model's name on the command line stands for: the folder of that name if there is one, or
// else the shipped model of that name, beside the program (what one that is not installed finds) or
// installed. A name that is neither is returned as it is, for the message that it will give.
const char *shipped_named(const char *name);

#endif
