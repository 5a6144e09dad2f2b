// SPDX-License-Identifier: BSD-2-Clause
// Learning another model's logits: the divergence KL(teacher || model) after the last loop, or
// after every loop.
#ifndef LTE_LIB_TRAIN_DISTILL_H
#define LTE_LIB_TRAIN_DISTILL_H

#include "lib/model.h"
#include "lib/train/objective.h"

// Of the model that learns.
struct lte_distill_settings {
    struct lte_tape_limits limits;
    size_t exits;        // of its graph; if more than one, the teacher has as many loops
    size_t block;        // rows of a block of its head
    double temperature;  // of both models' logits; the loss is multiplied by its square
};

// The teacher, of the same vocabulary, must outlive the objective. LTE_OK, LTE_ERR_MEMORY,
// LTE_ERR_UNSUPPORTED; ended by lte_distill_free().
enum lte_status lte_distill_new(const struct lte_model *teacher,
                                const struct lte_distill_settings *settings,
                                struct lte_objective **objective);
void lte_distill_free(struct lte_objective *objective); // NULL is allowed
// Whether every exit counts, all alike, or the last alone.
void lte_distill_every(struct lte_objective *objective, bool every);
size_t lte_distill_bytes(const struct lte_objective *objective);

#endif
