// SPDX-License-Identifier: BSD-2-Clause
// Where the model is when the command line names none.
#include "config.h"

#include "tools/shipped.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/message.h"

#define SHIPPED "lalte-tiny"

static const char installed[] = LTE_DATADIR "/" SHIPPED;
static char beside[4096]; // empty: there is none

static bool is_model(const char *folder)
{
    char path[sizeof beside + 16];
    const int n = snprintf(path, sizeof path, "%s/config.json", folder);
    return n > 0 && (size_t)n < sizeof path && !access(path, R_OK);
}

void shipped_begin(const char *program)
{
    const char *slash = program ? strrchr(program, '/') : NULL;
    if (!slash)
        return; // found through PATH: installed
    size_t length = (size_t)(slash - program);
    // libtool keeps a program that is not installed yet one folder further down
    static const char libtool[] = "/.libs";
    const size_t tail = sizeof libtool - 1;
    if (length > tail && !memcmp(program + length - tail, libtool, tail))
        length -= tail;
    const int n = snprintf(beside, sizeof beside, "%.*s/" SHIPPED, (int)length, program);
    if (n < 0 || (size_t)n >= sizeof beside || !is_model(beside))
        beside[0] = 0;
}

const char *shipped_model(void)
{
    const char *named = getenv("LTE_MODEL");
    if (named && *named)
        return named;
    if (beside[0])
        return beside;
    if (is_model(installed))
        return installed;
    message_error("no MODEL was named and the shipped one is not in %s: name a model folder, or set "
                  "the environment variable LTE_MODEL to one",
                  installed);
    return NULL;
}
