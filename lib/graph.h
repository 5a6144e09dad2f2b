// SPDX-License-Identifier: BSD-2-Clause
// The flat array of ops that a model is, built once per model.
#ifndef LTE_LIB_GRAPH_H
#define LTE_LIB_GRAPH_H

#include "lib/model.h"

enum lte_status lte_graph_build(const struct lte_model *model, struct lte_graph **graph);
void lte_graph_free(const struct lte_context *context, struct lte_graph *graph); // NULL is allowed

#endif
