// SPDX-License-Identifier: BSD-2-Clause
// Turning ops into dispatches: what an op's encode function is given, and how it asks for a shader.
//
// An op is encoded three times over: dry when a model is loaded (to find out which weights it
// reads, how much scratch it takes, and whether there is a shader for it at all), dry before a step
// is recorded (to count dispatches), and into a command buffer. Encoding is all that the backend
// knows of an op, so that what it says it supports and what it runs cannot differ. A recorded step
// is replayed for other tokens of as many rows: nothing but rows, shapes and offsets may go into
// push constants; positions, token ids and where a session's state begins come from the step buffer
// (struct lte_vk_segment).
#ifndef LTE_LIB_VK_ENCODE_H
#define LTE_LIB_VK_ENCODE_H

#include "lib/graph.h"
#include "lib/plan.h"
#include "lib/vk/kernels.h"
#include "lib/vk/memory.h"
#include "lib/vk/pipeline.h"
#include "shaders/params.h"

struct lte_vk_program;

enum { LTE_VK_SEGMENTS = 64 }; // sessions of a step, at most

// Consecutive segments whose sessions have one layout and lie in one buffer: ops that carry state
// run once for each group, with `first` and `count` of its segments.
struct lte_vk_group {
    uint32_t first, count;
    size_t rows;                       // of the longest segment; all rows of the step if there is one
    VkBuffer states;
    uint64_t states_bytes;
    const struct lte_layout *layout;
    const struct lte_session_params *params;
};

// A shader's run. Ranges in the order of its bindings; lte_vk_none() where there is nothing to
// bind.
struct lte_vk_call {
    enum lte_vk_kernel kernel;
    uint32_t constant[LTE_VK_CONSTANTS]; // specialization constants 0, 1, ..
    struct lte_vk_range bind[LTE_VK_BINDINGS];
    const void *push;                    // of the kernel's params struct
    bool beside;                         // runs beside the op's call before it: they touch one
                                         // range, but neither writes what the other reads or writes
    size_t x, y, z;                      // workgroups; 0 is none: nothing is run
};

enum { LTE_VK_PENDING = 256 };

// What was touched since the last barrier.
struct lte_vk_access {
    struct lte_vk_range range;
    bool written;
};

// For benches: the times at which the parts of a step were done, each after a barrier. Time 0 is when
// the step began; what ended at time i is at[i].
struct lte_vk_stamps {
    VkQueryPool pool;
    bool calls;                      // parts are calls, not ops
    uint32_t room, used;             // times
    struct lte_vk_stamp {
        size_t op;                   // in the graph
        enum lte_vk_kernel kernel;   // of the call, or of the op's last
    } *at;                           // [room]
};

struct lte_vk_encoder {
    struct lte_vk_device *device;
    struct lte_vk_program *program;
    const struct lte_graph *graph;
    const struct lte_layout *layout;          // of the values
    size_t first, rows;                       // ops work on rows [first, first + rows)
    const struct lte_vk_group *group;
    size_t groups;
    struct lte_vk_range arena, scratch, logits, found, segments, tokens;

    enum lte_status status;                   // the first failure sticks
    char why[160];                            // of LTE_ERR_UNSUPPORTED
    bool gather;                              // weights are being collected
    VkCommandBuffer commands;                 // VK_NULL_HANDLE: dry
    VkDescriptorPool descriptors;
    struct lte_vk_stamps *stamps;             // or NULL
    size_t op;                                // in the graph: the current one,
    enum lte_vk_kernel kernel;                // and what was run last
    size_t calls;                             // so far
    uint64_t scratch_used, scratch_most;      // of the op; of all ops
    struct lte_vk_access pending[LTE_VK_PENDING];
    size_t pendings, latest;                  // latest: from here on of the call before, and what ran beside it
};

typedef void lte_vk_encode_fn(struct lte_vk_encoder *encoder, const struct lte_op *op);

// The whole of a value: its rows are lte_vk_width() floats apart, and the op's are those from
// lte_vk_first() on.
struct lte_vk_range lte_vk_value(const struct lte_vk_encoder *encoder, lte_value value);
uint32_t lte_vk_width(const struct lte_vk_encoder *encoder, lte_value value);
uint32_t lte_vk_first(const struct lte_vk_encoder *encoder, lte_value value);

// An op's state: that of the segment s begins at its word segment[s].state. Laid out as on the CPU.
struct lte_vk_range lte_vk_state(const struct lte_vk_encoder *encoder,
                                 const struct lte_vk_group *group, const struct lte_op *op);

// The device's copy of `bytes` of weights at `data`, as they are; NULL gives lte_vk_none().
struct lte_vk_range lte_vk_weight(struct lte_vk_encoder *encoder, const void *data, size_t bytes);
struct lte_vk_range lte_vk_matrix(struct lte_vk_encoder *encoder, const struct lte_matrix *matrix);
// Weights in a form of the device's own: `bytes` that make(to, bytes, from) writes when the model
// is loaded. `from` and `make` are what it is known by.
typedef void lte_vk_make_fn(void *to, size_t bytes, const void *from);
struct lte_vk_range lte_vk_made(struct lte_vk_encoder *encoder, const void *from, size_t bytes,
                                lte_vk_make_fn *make);

// Memory that lasts until the op is encoded; undefined contents. It may grow with the rows of a
// step and with their segments, in no other way from step to step.
struct lte_vk_range lte_vk_scratch(struct lte_vk_encoder *encoder, uint64_t bytes);
struct lte_vk_range lte_vk_none(void);

// Runs a shader, after a barrier if it touches what an earlier one wrote (or writes what it reads).
void lte_vk_run(struct lte_vk_encoder *encoder, const struct lte_vk_call *call);

// The op cannot run on this device: a sentence without the op's name.
void lte_vk_refuse(struct lte_vk_encoder *encoder, const char *format, ...) LTE_PRINTF(2, 3);

// Encodes ops [from, to) of the graph.
void lte_vk_encode(struct lte_vk_encoder *encoder, size_t from, size_t to);

#endif
