// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule on cooperative matrices.
#ifndef LTE_LIB_VK_OP_DELTA_WY_H
#define LTE_LIB_VK_OP_DELTA_WY_H

#include "lib/vk/encode.h"

enum { LTE_VK_WY_CHUNK = 64 }; // tokens

// Whether the device can do it for these dimensions.
bool lte_vk_runs_delta_wy(const struct lte_vk_encoder *encoder,
                          const struct lte_delta_params *params);

// The group's tokens in chunks. `params` as shaders/params.h has them but for those of chunks.
void lte_vk_encode_delta_wy(struct lte_vk_encoder *encoder, const struct lte_op *op,
                            const struct lte_vk_group *group, struct lte_delta_params params);

#endif
