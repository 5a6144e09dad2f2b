// SPDX-License-Identifier: BSD-2-Clause
// Losses of a looped model with an exit gate (arXiv 2510.25741): that expected over where tokens
// leave, and that of the gate alone.
#ifndef LTE_LIB_TRAIN_EXITS_H
#define LTE_LIB_TRAIN_EXITS_H

#include "lib/train/objective.h"

// For a training graph with exits. `rows`: of a block of the head. gate_only: the loss of the gate,
// for a model that else stays as it is. LTE_OK or LTE_ERR_MEMORY; ended by lte_exits_free().
struct lte_exits_settings {
    size_t exits, rows;
    double entropy;
    bool gate_only;
};
enum lte_status lte_exits_new(const struct lte_context *context,
                              const struct lte_exits_settings *settings,
                              struct lte_objective **objective);
void lte_exits_free(const struct lte_context *context, struct lte_objective *objective); // or NULL

#endif
