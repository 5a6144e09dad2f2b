// SPDX-License-Identifier: BSD-2-Clause
// Where the model is when the command line names none.
#ifndef LTE_TOOLS_SHIPPED_H
#define LTE_TOOLS_SHIPPED_H

// Tells where the program itself lies; `program` is argv[0] of main().
void shipped_begin(const char *program);

// The first of: the folder that the environment variable LTE_MODEL names, if it is set and not
// empty; lalte-tiny beside the program, which is what one that is not installed finds; the installed
// model. Constant until the program ends; NULL after a message.
const char *shipped_model(void);

#endif
