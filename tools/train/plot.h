// SPDX-License-Identifier: BSD-2-Clause
// The picture of a run: plot.svg in its folder, from the records of its log.
#ifndef LTE_TOOLS_TRAIN_PLOT_H
#define LTE_TOOLS_TRAIN_PLOT_H

#include <jansson.h>
#include <stdbool.h>

// Loss, accuracy and retained tokens per head against the step. False after a message.
bool plot_write(const json_t *records, const char *folder);

#endif
