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

static const char *const names[] = {"lalte-needle", "lalte-tiny"};
enum { NAMES = sizeof names / sizeof names[0] };

static char folder_beside[4096];     // of the program; empty: it is installed
static char found[sizeof folder_beside + 32];

static bool is_model(const char *folder)
{
    char path[sizeof found + 16];
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
    if (length < sizeof folder_beside) {
        memcpy(folder_beside, program, length);
        folder_beside[length] = 0;
    }
}

static bool find_in(const char *folder, const char *name)
{
    const int n = snprintf(found, sizeof found, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof found && is_model(found);
}

static const char *find(const char *name)
{
    if ((folder_beside[0] && find_in(folder_beside, name)) || find_in(LTE_DATADIR, name))
        return found;
    return NULL;
}

const char *shipped_named(const char *name)
{
    const char *shipped = NULL;
    for (size_t i = 0; i < NAMES && !is_model(name); i++)
        if (!strcmp(name, names[i]))
            shipped = find(name);
    return shipped ? shipped : name;
}

const char *shipped_model(void)
{
    const char *named = getenv("LTE_MODEL");
    if (named && *named)
        return named;
    const char *shipped = find(names[0]);
    if (!shipped)
        message_error("no MODEL was named and the shipped one is not in " LTE_DATADIR
                      ": name a model folder, or set the environment variable LTE_MODEL to one");
    return shipped;
}
