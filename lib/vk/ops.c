// SPDX-License-Identifier: BSD-2-Clause
// The table of ops: a kind that has shaders is a line here.
#include "config.h"

#include "lib/vk/ops.h"

lte_vk_encode_fn *const lte_vk_ops[LTE_OPS] = {
    [LTE_OP_RMSNORM] = lte_vk_encode_rmsnorm,
    [LTE_OP_SHORT_CONV] = lte_vk_encode_short_conv,
    [LTE_OP_DELTA_GATES] = lte_vk_encode_delta_gates,
    [LTE_OP_DELTA_RULE] = lte_vk_encode_delta_rule,
    [LTE_OP_DIAG_RULE] = lte_vk_encode_diag_rule,
};
