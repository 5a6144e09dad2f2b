// SPDX-License-Identifier: BSD-2-Clause
// A model on a device: its graph, and its weights in a few large buffers.
#ifndef LTE_LIB_VK_PROGRAM_H
#define LTE_LIB_VK_PROGRAM_H

#include "lib/vk/encode.h"

struct lte_vk_weight {
    const void *from;
    size_t bytes;
    lte_vk_make_fn *make;    // NULL: as they are
    size_t block;
    uint64_t offset;
};

struct lte_vk_program {
    struct lte_vk_device *device;
    const struct lte_graph *graph;
    struct lte_vk_weight *weight; // sorted once all are known
    size_t weights, weight_capacity;
    struct lte_vk_buffer *block;
    size_t blocks;
    uint64_t weight_bytes;
};

// Finds out whether the device runs every op of the graph, and uploads the weights. On success the
// caller owns *program. LTE_OK, LTE_ERR_UNSUPPORTED (the log names the op), LTE_ERR_MEMORY,
// LTE_ERR_DEVICE.
enum lte_status lte_vk_program_load(struct lte_vk_device *device, const struct lte_graph *graph,
                                    struct lte_vk_program **program);
void lte_vk_program_free(struct lte_vk_program *program); // NULL is allowed

// Where weights are, or while gathering: that they will be needed.
enum lte_status lte_vk_program_weight(struct lte_vk_encoder *encoder, const void *from, size_t bytes,
                                      lte_vk_make_fn *make, struct lte_vk_range *range);

// Encodes the graph dry for a session: `rows` tokens of one segment, or one each of `rows`
// segments. Adds to *scratch if it takes more. LTE_ERR_UNSUPPORTED with the log's message.
enum lte_status lte_vk_program_try(struct lte_vk_program *program, const struct lte_layout *layout,
                                   const struct lte_session_params *params, size_t segments,
                                   size_t rows, bool gather, uint64_t *scratch);

#endif
