// SPDX-License-Identifier: BSD-2-Clause
// The context that a command works in.
#ifndef LTE_TOOLS_CONTEXT_H
#define LTE_TOOLS_CONTEXT_H

#include <lte.h>

// Opens a context whose messages go to standard error. `options`, filled in but for its log, may be
// NULL for the defaults. STATUS_OK, or another status after a message.
int context_open(const struct lte_options *options, struct lte_context **context);

#endif
