// SPDX-License-Identifier: BSD-2-Clause
// linear of many tokens on cooperative matrices.
#ifndef LTE_LIB_VK_OP_GEMM_H
#define LTE_LIB_VK_OP_GEMM_H

#include "lib/vk/encode.h"

// An op's inputs as gemm_cooperative.comp wants them.
struct lte_vk_split {
    struct lte_vk_range shift, parts; // of no bytes: nothing wants them
    uint32_t pitch;
};

// From here on a sequence's tokens are tiled. A session's bits must not depend on those that share
// its step: there only a step of one sequence is.
enum { LTE_VK_GEMM_TOKENS = 24 };
static inline bool lte_vk_tiles(const struct lte_vk_encoder *e)
{
    return e->rows >= LTE_VK_GEMM_TOKENS && e->groups == 1 && e->group->count == 1;
}

// Whether cooperative matrices compute the part.
bool lte_vk_cooperates(const struct lte_vk_encoder *encoder, const struct lte_linear_part *part);

// Splits the inputs for all those parts that they compute.
struct lte_vk_split lte_vk_split_inputs(struct lte_vk_encoder *encoder, const struct lte_op *op);

// Runs the call, which has the bindings that all shaders of linear share, on the rows of `l`.
void lte_vk_cooperate(struct lte_vk_encoder *encoder, struct lte_vk_call *call,
                      const struct lte_linear_part *part, const struct lte_vk_split *split,
                      const struct lte_linear_params *l);

#endif
