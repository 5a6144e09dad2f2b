// SPDX-License-Identifier: BSD-2-Clause
// Messages to standard error: ours and the library's.
#ifndef LTE_TOOLS_MESSAGE_H
#define LTE_TOOLS_MESSAGE_H

#include <lte.h>

#if defined(__GNUC__)
#define TOOL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define TOOL_PRINTF(fmt, first)
#endif

// "lte: ...\n", and for a warning "lte: warning: ...\n".
void message_error(const char *format, ...) TOOL_PRINTF(1, 2);
void message_warning(const char *format, ...) TOOL_PRINTF(1, 2);

// The library's log callback.
lte_log_fn message_log;

// Reports a call that failed unless the library has said why itself. Returns STATUS_FAILED.
int message_failed(const char *what, enum lte_status status);

#endif
