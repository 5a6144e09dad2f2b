// SPDX-License-Identifier: BSD-2-Clause
// A training run: what is made from its configuration, and what its steps go through.
#ifndef LTE_TOOLS_TRAIN_RUN_H
#define LTE_TOOLS_TRAIN_RUN_H

#include "tools/engine.h"
#include "tools/train/log.h"
#include "tools/train/plan.h"

struct train_settings {
    struct engine_settings engine;
    bool resume, check;
    uint64_t until; // 0: the end
};

struct run {
    const struct train_settings *settings;
    struct plan plan;
    struct lte_context *context;
    struct lte_tokenizer *tokenizer; // of the sources; NULL: none
    struct lte_model *teacher;       // NULL: none
    struct lte_trainer *trainer;
    struct lte_data *data, *evaluation[PLAN_EVALUATIONS];
    struct log log;
    int lock; // of the output folder; -1: none yet
    bool terminal, shown;
    double started;
    uint64_t first_step;
};

// Makes context, sources and trainer from the plan. Returns an exit status; to be ended in any
// case.
int run_prepare(struct run *run);
// Makes the output folder if need be, and keeps other processes out of it. Returns an exit status.
int run_take_folder(struct run *run);
void run_end(struct run *run);

#endif
