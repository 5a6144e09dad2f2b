// SPDX-License-Identifier: BSD-2-Clause
// Messages to standard error: ours and the library's.
#include "config.h"

#include "tools/message.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/command.h"

static bool library_explained;

static void print(const char *kind, const char *format, va_list args)
{
    fprintf(stderr, "lte: %s", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void message_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("", format, args);
    va_end(args);
}

void message_warning(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("warning: ", format, args);
    va_end(args);
}

void message_log(void *opaque, enum lte_log_level level, const char *message)
{
    (void)opaque;
    if (level == LTE_LOG_ERROR)
        library_explained = true;
    if (level == LTE_LOG_WARNING)
        message_warning("%s", message);
    else
        message_error("%s", message);
}

int message_failed(const char *what, enum lte_status status)
{
    if (!library_explained)
        message_error("%s: %s", what, lte_status_text(status));
    library_explained = false;
    return STATUS_FAILED;
}
