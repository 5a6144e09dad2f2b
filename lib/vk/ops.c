// SPDX-License-Identifier: BSD-2-Clause
// The table of ops: a kind that has shaders is a line here.
#include "config.h"

#include "lib/vk/ops.h"

lte_vk_encode_fn *const lte_vk_ops[LTE_OPS] = {
    [LTE_OP_RMSNORM] = lte_vk_encode_rmsnorm,
};
