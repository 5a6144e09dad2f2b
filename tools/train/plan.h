// SPDX-License-Identifier: BSD-2-Clause
// What a training configuration asks for.
#ifndef LTE_TOOLS_TRAIN_PLAN_H
#define LTE_TOOLS_TRAIN_PLAN_H

#include <lte.h>

#include "tools/train/reader.h"

enum { PLAN_EVALUATIONS = 16 };

struct plan_evaluation {
    char name[64];
    uint64_t every;
    uint32_t batches;
    const json_t *data;
};

struct plan {
    json_t *document;
    char *folder;            // of the configuration, "" or ending in '/'
    struct reader_file file;
    // model
    char *config, *tokenizer, *start; // paths; start: a checkpoint to begin from, or NULL
    char *teacher;           // path of the model to learn from, or NULL
    // training
    struct lte_train_options options;
    const json_t *data;
    struct plan_evaluation evaluation[PLAN_EVALUATIONS];
    size_t evaluations;
    // output
    char *output;
    uint64_t log_every, save_every;
};

// Reads a configuration; false after a message. To be ended in any case.
bool plan_read(struct plan *plan, const char *path);
void plan_end(struct plan *plan);

#endif
