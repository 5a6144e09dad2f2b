// SPDX-License-Identifier: BSD-2-Clause
// The seam between the graph and a device: the nine calls that a backend has to answer.
//
// The CPU needs no seam: its memory is the caller's, and an op's own compute function calls the kernels
// of the dispatch table. A device with memory of its own implements this table in lib/<device>/ and nothing
// outside that folder knows more about it. Arguments are checked once, in front of the table: a
// backend may assume that pointers are not NULL, ranges lie inside their buffer, and an op it is handed
// is one that it has said yes to.
#ifndef LTE_LIB_BACKEND_H
#define LTE_LIB_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/graph.h"
#include "lte/context.h"

struct lte_op;          // one row of the graph
struct lte_device_state; // a backend's own: queues, pipelines, the self-test's verdict
struct lte_buffer;      // a backend's own: a range of device memory

struct lte_backend_ops {
    const char *name; // as in `lte --device`

    // Opens the device and runs its self-test against the reference kernels. On success the caller
    // owns *device; a device that computes wrongly is LTE_ERR_DEVICE, one that is not there (no loader,
    // no driver, a missing feature) LTE_ERR_UNSUPPORTED, and the log says which.
    enum lte_status (*open)(const struct lte_context *context, struct lte_device_state **device);
    // Frees the device; its buffers have been freed before.
    void (*close)(struct lte_device_state *device);

    // `bytes` of device memory, zeroed, aligned to 256 bytes. All of it is asked for before the first
    // token: what lte_session_plan() says is what is allocated. LTE_OK, LTE_ERR_MEMORY, LTE_ERR_DEVICE.
    enum lte_status (*alloc)(struct lte_device_state *device, size_t bytes,
                             struct lte_buffer **buffer);
    void (*free)(struct lte_device_state *device, struct lte_buffer *buffer); // NULL is allowed

    // Copies between the caller's memory and a buffer. The host memory may be reused when the call
    // returns. Both wait for whatever work touches the range. LTE_OK, LTE_ERR_DEVICE.
    enum lte_status (*upload)(struct lte_device_state *device, struct lte_buffer *buffer,
                              size_t offset, const void *data, size_t bytes);
    enum lte_status (*download)(struct lte_device_state *device, const struct lte_buffer *buffer,
                                size_t offset, void *data, size_t bytes);

    // Whether the device can run this op with these shapes and types. It is the lookup of the op's
    // pipeline, so that the answer and compute() cannot disagree. A graph with one op that is not
    // supported runs on the CPU whole: nothing is split between devices behind the caller's back.
    bool (*supports)(const struct lte_device_state *device, const struct lte_op *op);

    // Queues the graph for `tokens` tokens as one submission and returns; `arena` holds states and
    // activations at the offsets that the graph's plan gave them. Nothing is allocated.
    // LTE_OK, LTE_ERR_DEVICE (lost: every later call says so as well).
    enum lte_status (*compute)(struct lte_device_state *device, const struct lte_graph *graph,
                               struct lte_buffer *arena, size_t tokens);
    // Waits until all that was queued is done. LTE_OK, LTE_ERR_DEVICE.
    enum lte_status (*sync)(struct lte_device_state *device);
};

#endif
