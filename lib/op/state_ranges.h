// SPDX-License-Identifier: BSD-2-Clause
// How rules with a matrix of state per head hand out their work: ranges of columns, which do not
// see each other.
#ifndef LTE_LIB_OP_STATE_RANGES_H
#define LTE_LIB_OP_STATE_RANGES_H

#include "lib/exec.h"

// The states of a slot: of every head [ceil(value_dim/16)][key_dim][16].
struct lte_state_shape {
    size_t heads, key_dim, value_dim;
};

// Columns [column, column + columns) of one head of one sequence; `state` is the first of them.
struct lte_state_range {
    const struct lte_segment *segment;
    size_t head, column, columns;
    float *state;
};
typedef void lte_state_range_fn(void *arg, const struct lte_state_range *range);

// fn for all ranges of all heads and sequences of this call, in parallel.
void lte_state_ranges_run(const struct lte_exec *exec, const struct lte_op *op,
                          const struct lte_state_shape *shape, lte_state_range_fn *fn, void *arg);
size_t lte_state_bytes(const struct lte_state_shape *shape);

#endif
