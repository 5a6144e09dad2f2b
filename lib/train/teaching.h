// SPDX-License-Identifier: BSD-2-Clause
// What a trainer learns from: the graph that the objective asks for, its loss, and which weights
// stay as they are.
#ifndef LTE_LIB_TRAIN_TEACHING_H
#define LTE_LIB_TRAIN_TEACHING_H

#include "lib/train/trainer.h"

// Checks the teacher, builds t->graph and marks the parameters, before anything is attached to
// them.
enum lte_status lte_teaching_graph(struct lte_trainer *trainer);
// After t->reverse was made; and the end, also of a trainer half made.
enum lte_status lte_teaching_begin(struct lte_trainer *trainer);
void lte_teaching_end(struct lte_trainer *trainer);

// Before the micro-batches of a step, or of an evaluation.
void lte_teaching_step(struct lte_trainer *trainer, bool training);
// Before a micro-batch: the objective of its run, or NULL. `scale`: of a target's loss in the
// gradient.
struct lte_objective *lte_teaching_micro(struct lte_trainer *trainer, float scale, uint32_t micros);
// After it: the mean loss, over targets where these count, over all rows where a teacher does.
double lte_teaching_loss(const struct lte_trainer *trainer, const struct lte_loss *result,
                         size_t targets);
size_t lte_teaching_bytes(const struct lte_trainer *trainer);

#endif
