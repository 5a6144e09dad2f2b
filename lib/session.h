// SPDX-License-Identifier: BSD-2-Clause
// A session: the head of one block of memory that also holds its layout, states, arena and scratch.
#ifndef LTE_LIB_SESSION_H
#define LTE_LIB_SESSION_H

#include "lib/exec.h"
#include "lib/plan.h"
#include "lte/session.h"

struct lte_backend_session;

struct lte_session {
    const struct lte_model *model;
    struct lte_session_params params;
    size_t bytes;             // of this block
    uint64_t position;
    uint64_t limit;           // tokens it can hold; UINT64_MAX when nothing grows
    struct lte_layout layout;
    struct lte_backend_session *device; // NULL: states, arena and scratch follow in this block
    lte_progress_fn *progress;
    void *progress_opaque;
    void (*observe)(void *opaque, const struct lte_exec *exec, size_t op); // tests
    void *observe_opaque;
};

// Where the session's values and scratch lie, for a run of the graph.
struct lte_exec_memory lte_session_memory(struct lte_session *session);

#endif
