// SPDX-License-Identifier: BSD-2-Clause
// The log of a run: log.jsonl in its folder, one JSON object a line. It is written before the
// checkpoint that it leads to, and a resumed run first drops what came after its checkpoint.
#ifndef LTE_TOOLS_TRAIN_LOG_H
#define LTE_TOOLS_TRAIN_LOG_H

#include <jansson.h>
#include <lte.h>
#include <stdbool.h>
#include <stdio.h>

struct log {
    FILE *file;
    char *path;
    json_t *records; // all of them, for the plot
};

// Opens the log, keeping the records up to `step`. False after a message.
bool log_open(struct log *log, const char *folder, uint64_t step);
// Adds a record, which is taken over. False after a message, as when the disk is full.
bool log_add(struct log *log, json_t *record);
// Everything written so far is on the disk.
bool log_sync(struct log *log);
void log_end(struct log *log);

json_t *log_step(const struct lte_trainer *trainer, const struct lte_train_report *report,
                 double seconds);
json_t *log_evaluation(const char *name, const struct lte_train_report *report);

#endif
