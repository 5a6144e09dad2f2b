// SPDX-License-Identifier: BSD-2-Clause
// The seam between the graph and a device: the calls that a backend has to answer.
//
// The CPU needs no seam: its memory is the caller's, and an op's own compute function calls the
// kernels of the dispatch table. A device with memory of its own implements this table in
// lib/<device>/ and nothing outside that folder knows more about it. Arguments are checked once, in
// front of the table. What lasts from token to token lies on the device as lib/plan.c lays it out
// for the host, byte for byte, so that sessions can move.
#ifndef LTE_LIB_BACKEND_H
#define LTE_LIB_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/plan.h"

struct lte_segment;
struct lte_wanted;

// A backend's own: the device with its pipelines; a model's weights there; a session's memory
// there.
struct lte_backend_device;
struct lte_backend_program;
struct lte_backend_session;

#define LTE_DEVICE_ANY UINT32_MAX

struct lte_backend_ops {
    const char *name; // as in `lte --device`

    // Opens the device with that number; LTE_DEVICE_ANY: the likeliest to be fast. On success the
    // caller owns *device. LTE_ERR_UNSUPPORTED: it is not there (no loader, no driver, a missing
    // feature), and the log says which; LTE_ERR_MEMORY, LTE_ERR_DEVICE.
    enum lte_status (*open)(const struct lte_context *context, unsigned number,
                            struct lte_backend_device **device);
    // Frees the device; what was made from it has been freed before.
    void (*close)(struct lte_backend_device *device);
    const char *(*describe)(const struct lte_backend_device *device);
    // A number for device, driver and code: what was found out about one of them holds no longer
    // when it changes.
    uint64_t (*identity)(const struct lte_backend_device *device);

    // As lte_device_describe().
    enum lte_status (*info)(const struct lte_context *context, unsigned number,
                            struct lte_device_info *info);

    // Finds out whether the device runs every op of the graph, by encoding them, and uploads the
    // weights. LTE_ERR_UNSUPPORTED: an op, which the log names; a graph with one of these runs on
    // the CPU whole: nothing is split between devices behind the caller's back.
    enum lte_status (*load)(struct lte_backend_device *device, const struct lte_graph *graph,
                            struct lte_backend_program **program);
    void (*unload)(struct lte_backend_program *program);

    // Bytes that a session takes on the device beside its states. LTE_ERR_UNSUPPORTED as load().
    enum lte_status (*plan)(struct lte_backend_program *program, const struct lte_layout *layout,
                            const struct lte_session_params *params, uint64_t *bytes);
    // All of a session's memory; `layout` is kept. States are those of an empty sequence: all bytes
    // zero. LTE_ERR_MEMORY when the device has no room.
    enum lte_status (*make)(struct lte_backend_program *program, const struct lte_layout *layout,
                            const struct lte_session_params *params,
                            struct lte_backend_session **session);
    void (*end)(struct lte_backend_session *session);

    // All the states, layout->state_bytes, between the host and the device.
    enum lte_status (*clear)(struct lte_backend_session *session);
    enum lte_status (*upload)(struct lte_backend_session *session, const void *states);
    enum lte_status (*download)(struct lte_backend_session *session, void *states);

    // Runs the graph as lte_exec_run() does, as one submission, and waits for it: segment i is of
    // session[i]. Candidates and ids are found on the device; wanted->logits is not touched
    // then. A lost device is LTE_ERR_DEVICE, from then on and for every call.
    enum lte_status (*compute)(struct lte_backend_session *const *session,
                               const struct lte_segment *segment, size_t segments,
                               const uint32_t *tokens, size_t rows, const struct lte_wanted *wanted);
};

// In a library built without it, open() says so.
extern const struct lte_backend_ops lte_vulkan;

#endif
