// SPDX-License-Identifier: BSD-2-Clause
// A progress line for prompts that take long, and the way Ctrl-C gets into them.
#ifndef LTE_TOOLS_PROGRESS_H
#define LTE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    double started;
    double last; // when a line was last shown
    bool terminal; // standard error is one
    bool shown;
};

double seconds_now(void); // monotonic

void progress_begin(struct progress *progress);
// An lte_progress_fn; `opaque` is a struct progress. Asks to stop after Ctrl-C.
int progress_update(void *opaque, uint64_t done, uint64_t total);
// Wipes the line.
void progress_end(struct progress *progress);

#endif
