// SPDX-License-Identifier: BSD-2-Clause
// Messages to the caller's log callback.
#include "config.h"

#include <stdio.h>

#include "lib/context.h"

enum { LINE = 1024 }; // a longer message is cut

static void write_line(const struct lte_context *c, enum lte_log_level level, const char *format,
                       va_list args)
{
    if (!c->log)
        return;
    char line[LINE];
    vsnprintf(line, sizeof line, format, args);
    // Names and values from files end up here; one line was promised, and terminals obey the rest.
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    c->log(c->log_opaque, level, line);
}

void lte_log(const struct lte_context *context, enum lte_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(context, level, format, args);
    va_end(args);
}

enum lte_status lte_fail(const struct lte_context *context, enum lte_status status,
                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(context, LTE_LOG_ERROR, format, args);
    va_end(args);
    return status;
}

enum lte_status lte_fail_memory(const struct lte_context *context, const char *what, size_t size)
{
    return lte_fail(context, LTE_ERR_MEMORY, "out of memory: %s needs %zu bytes", what, size);
}
