// SPDX-License-Identifier: BSD-2-Clause
// A session on a device: its memory, and steps recorded once and replayed.
#ifndef LTE_LIB_VK_RUN_H
#define LTE_LIB_VK_RUN_H

#include "lib/exec.h"
#include "lib/vk/program.h"

enum {
    LTE_VK_LOGIT_ROWS = 64, // rows that the output head computes at once, at most
    LTE_VK_RECORDINGS = 4   // steps of different shapes that a session keeps recorded
};

// What makes one recorded step another.
struct lte_vk_shape {
    uint64_t serial[LTE_VK_SEGMENTS]; // of each segment's session
    size_t segments, rows, first, wanted;
    uint32_t ids, count;              // of struct lte_wanted
    bool body;                        // the layers; false: the output head alone
};

struct lte_vk_recording {
    struct lte_vk_shape shape;
    VkCommandBuffer commands;
    VkDescriptorPool descriptors;
    size_t calls;                     // that the descriptors are for
    uint64_t used;                    // when last; 0: never
};

struct lte_vk_session {
    struct lte_vk_program *program;
    const struct lte_layout *layout;
    struct lte_session_params params;
    uint64_t serial, clock;
    struct lte_vk_buffer states;
    struct lte_vk_buffer arena;       // values, then scratch
    struct lte_vk_buffer logits;      // [logit_rows][vocabulary]
    struct lte_vk_buffer read;        // the same, for the host; or candidates, or ids
    struct lte_vk_buffer step;        // segments, then tokens
    size_t logit_rows;
    uint64_t scratch_bytes;
    VkCommandPool pool;
    VkFence fence;
    struct lte_vk_stamps *stamps;     // of steps recorded from now on, or NULL
    struct lte_vk_recording recording[LTE_VK_RECORDINGS];
};

// Bytes of a session's device memory beside its states.
enum lte_status lte_vk_session_plan(struct lte_vk_program *program, const struct lte_layout *layout,
                                    const struct lte_session_params *params, uint64_t *bytes);

// Memory for a session of that layout, which the caller keeps: states as those of an empty
// sequence.
// LTE_OK, LTE_ERR_UNSUPPORTED (an op, with these parameters), LTE_ERR_MEMORY, LTE_ERR_DEVICE.
enum lte_status lte_vk_session_new(struct lte_vk_program *program, const struct lte_layout *layout,
                                   const struct lte_session_params *params,
                                   struct lte_vk_session **session);
void lte_vk_session_free(struct lte_vk_session *session); // NULL is allowed

// Records every step anew when it next comes.
void lte_vk_forget(struct lte_vk_session *session);

// One step: the segments' rows of tokens, and what is wanted of them, with the memory of `arena`.
// Waits until it is done. Segment i belongs to session[i].
enum lte_status lte_vk_compute(struct lte_vk_session *arena, struct lte_vk_session *const *session,
                               const struct lte_segment *segment, size_t segments,
                               const uint32_t *tokens, size_t rows, const struct lte_wanted *wanted);

#endif
