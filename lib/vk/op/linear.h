// SPDX-License-Identifier: BSD-2-Clause
// linear of inputs that lack the roots of their norms.
#ifndef LTE_LIB_VK_OP_LINEAR_H
#define LTE_LIB_VK_OP_LINEAR_H

#include "lib/vk/encode.h"

// Squares of vectors of `width`, summed in `blocks` parts: [row][vector][block].
struct lte_vk_roots {
    struct lte_vk_range squares;
    uint32_t width, blocks;
    float eps;
};

// Up to the op `last`, which is `op` itself or one that goes with it. Where lte_vk_fuses_linear()
// says so.
void lte_vk_encode_rooted_linear(struct lte_vk_encoder *encoder, const struct lte_op *op,
                                 const struct lte_vk_roots *roots, const struct lte_op *last);

#endif
