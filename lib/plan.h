// SPDX-License-Identifier: BSD-2-Clause
// Where everything of a session lies inside its one block, worked out before the block is
// allocated.
#ifndef LTE_LIB_PLAN_H
#define LTE_LIB_PLAN_H

#include "lib/graph.h"

struct lte_layout {
    size_t *value;        // [values]: byte offset of each value from the arena's start
    size_t *state;        // [ops]: byte offset of each op's state from the block's start
    uint64_t *slot_bytes; // [slots]
    bool *slot_grows;     // [slots]
    size_t bookkeeping;   // bytes before the first state: the session and these arrays
    size_t state_bytes, growing_bytes;
    size_t growing;       // offset of the states that grow, which come last
    size_t arena, arena_bytes;           // offset and size of the values
    size_t scratch, scratch_shared, scratch_each; // offset and sizes of the scratch memory
    size_t total;         // of the block
};

// Sizes of the arrays of a layout for `graph`, to be carved from `memory` (NULL: only count).
size_t lte_layout_arrays(const struct lte_graph *graph, struct lte_layout *layout, void *memory);

// Fills a layout whose arrays are in place. `first` bytes at the block's start are left to the
// caller.
// LTE_OK, LTE_ERR_ARGUMENT when a size does not fit the address space.
enum lte_status lte_layout_fill(const struct lte_context *context, const struct lte_graph *graph,
                                const struct lte_session_params *params, size_t first,
                                struct lte_layout *layout);

#endif
