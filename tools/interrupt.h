// SPDX-License-Identifier: BSD-2-Clause
// Ctrl-C: the first asks for an orderly end, a second ends the program at once.
#ifndef LTE_TOOLS_INTERRUPT_H
#define LTE_TOOLS_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupted(void);

#endif
