// SPDX-License-Identifier: BSD-2-Clause
// One run of the graph over some rows: what an op's compute function sees.
#ifndef LTE_LIB_EXEC_H
#define LTE_LIB_EXEC_H

#include "lib/graph.h"
#include "lib/par.h"
#include "lte/candidate.h"

struct lte_session;

// Rows [row, row + rows) are consecutive tokens of one sequence, the first at `position`. In
// training a sequence has no session.
struct lte_segment {
    struct lte_session *session;
    size_t row, rows;
    uint64_t position;
};

// What a run is for: the logits of its last `rows` rows, or the largest of each, as
// lte_candidates_find() finds them.
struct lte_wanted {
    size_t rows;
    float *logits;                    // [rows][vocabulary]
    uint32_t ids;                     // of which the largest are looked for; 0: logits are wanted
    uint32_t count;                   // of candidates a row; 0: the id of the largest alone
    struct lte_candidate *candidates; // [rows][count]
    uint32_t *best;                   // [rows]
};

// Where a run keeps values and scratch: in a session's block, or in a tape's.
struct lte_exec_memory {
    unsigned char *values;
    const size_t *offset;             // [graph->values]: of each value, in bytes from `values`
    unsigned char *scratch;           // scratch_shared bytes, then scratch_each for every thread
    size_t scratch_shared, scratch_each;
};

struct lte_exec {
    const struct lte_graph *graph;
    const struct lte_context *context;
    const struct lte_kernels *kernels;
    struct lte_par *par;
    struct lte_exec_memory memory;
    const uint32_t *tokens;           // [rows]
    const struct lte_segment *segment;
    size_t segments;
    size_t first, rows;               // ops work on rows [first, first + rows)
    bool stop;                        // set by an op: the output head is next
    float *logits;                    // [rows][vocabulary] for the output head
    // Tests look at values between ops through this; NULL otherwise.
    void (*observe)(void *opaque, const struct lte_exec *exec, size_t op);
    void *observe_opaque;
};

// Runs the ops: all of them for rows 0..rows-1, the output head for the last `wanted` rows only.
void lte_exec_run(struct lte_exec *exec, size_t rows, size_t wanted);

// Row exec->first of a value, and its row stride in floats.
float *lte_exec_value(const struct lte_exec *exec, lte_value value);
size_t lte_exec_width(const struct lte_exec *exec, lte_value value);

// The state of `op` in a session.
void *lte_exec_state(const struct lte_exec *exec, const struct lte_op *op,
                     const struct lte_session *session);
void *lte_exec_shared(const struct lte_exec *exec);
void *lte_exec_scratch(const struct lte_exec *exec, unsigned thread);

// fn(arg, item, thread) over the items, in parallel.
static inline void lte_exec_for(const struct lte_exec *exec, size_t items, lte_par_fn *fn, void *arg)
{
    lte_par_for(exec->par, items, fn, arg);
}

#endif
