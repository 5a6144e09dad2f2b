// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tools/context.h"

#include "tools/command.h"
#include "tools/message.h"

int context_open(const struct lte_options *options, struct lte_context **context)
{
    struct lte_options o;
    lte_options_init(&o);
    if (options)
        o = *options;
    o.log = message_log;
    const enum lte_status status = lte_open(&o, context);
    if (status == LTE_OK)
        return STATUS_OK;
    message_failed("cannot start", status);
    return status == LTE_ERR_ARGUMENT ? STATUS_USAGE : STATUS_FAILED;
}
