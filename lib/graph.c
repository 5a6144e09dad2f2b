// SPDX-License-Identifier: BSD-2-Clause
// Models that are only described have no graph.
#include "config.h"

#include "lib/graph.h"

enum lte_status lte_graph_build(const struct lte_model *model, struct lte_graph **graph)
{
    (void)model;
    *graph = NULL;
    return LTE_OK;
}

void lte_graph_free(const struct lte_context *context, struct lte_graph *graph)
{
    (void)context;
    (void)graph;
}
