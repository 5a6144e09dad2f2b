// SPDX-License-Identifier: BSD-2-Clause
// A progress line for prompts that take long.
#include "config.h"

#include "tools/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/interrupt.h"

static const double quiet_seconds = 1, between_lines = 0.1;

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){.started = seconds_now(), .terminal = isatty(STDERR_FILENO)};
}

int progress_update(void *opaque, uint64_t done, uint64_t total)
{
    struct progress *p = opaque;
    const double now = seconds_now();
    if (p->terminal && now - p->started > quiet_seconds && now - p->last >= between_lines) {
        fprintf(stderr, "\rlte: read %llu of %llu tokens (%.0f %%)", (unsigned long long)done,
                (unsigned long long)total, 100 * (double)done / (double)total);
        p->shown = true;
        p->last = now;
    }
    return interrupted();
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
