// SPDX-License-Identifier: BSD-2-Clause
// Neighbours of an op that a backend may run together with it, because nobody else sees what passes
// between them. Of linear: a norm of its input before it; an add or a swiglu of its outputs after
// it. Of the delta rule: l2norm and delta_gates before it, and short_conv before these; gated_norm
// and the linear of its output after it, with what that has after it. Of attend: the scores of
// retention before it.
#ifndef LTE_LIB_FUSION_H
#define LTE_LIB_FUSION_H

#include "lib/graph.h"

// The first and last op of those that go with op i; i itself where there is no such neighbour.
struct lte_fusion {
    size_t first, last;
};
struct lte_fusion lte_fusion(const struct lte_graph *graph, size_t i);

#endif
