// SPDX-License-Identifier: BSD-2-Clause
// The table of ops: a kind that has shaders is a line here.
#include "config.h"

#include "lib/vk/ops.h"

lte_vk_encode_fn *const lte_vk_ops[LTE_OPS] = {
    [LTE_OP_RMSNORM] = lte_vk_encode_rmsnorm,
    [LTE_OP_EMBED] = lte_vk_encode_embed,
    [LTE_OP_LINEAR] = lte_vk_encode_linear,
    [LTE_OP_ADD] = lte_vk_encode_add,
    [LTE_OP_SWIGLU] = lte_vk_encode_swiglu,
    [LTE_OP_SILU] = lte_vk_encode_silu,
    [LTE_OP_L2NORM] = lte_vk_encode_l2norm,
    [LTE_OP_GATED_NORM] = lte_vk_encode_gated_norm,
    [LTE_OP_ROPE_ANGLES] = lte_vk_encode_rope_angles,
    [LTE_OP_ROPE] = lte_vk_encode_rope,
    [LTE_OP_SPLIT] = lte_vk_encode_split,
    [LTE_OP_SDPA_GATE] = lte_vk_encode_sdpa_gate,
    [LTE_OP_LOOP_GATE] = lte_vk_encode_loop_gate,
    [LTE_OP_LOOP_EXIT] = lte_vk_encode_loop_exit,
    [LTE_OP_ATTEND] = lte_vk_encode_attend,
    [LTE_OP_LTE_SCORE] = lte_vk_encode_lte_score,
    [LTE_OP_SHORT_CONV] = lte_vk_encode_short_conv,
    [LTE_OP_DELTA_GATES] = lte_vk_encode_delta_gates,
    [LTE_OP_DELTA_RULE] = lte_vk_encode_delta_rule,
    [LTE_OP_DIAG_RULE] = lte_vk_encode_diag_rule,
    [LTE_OP_LAYERNORM] = lte_vk_encode_layernorm,
    [LTE_OP_FORGET_GATES] = lte_vk_encode_forget_gates,
    [LTE_OP_STEP_GATES] = lte_vk_encode_step_gates,
    [LTE_OP_NSA] = lte_vk_encode_nsa,
    [LTE_OP_DSA] = lte_vk_encode_dsa,
};

const struct lte_vk_fused lte_vk_fused[LTE_OPS] = {
    [LTE_OP_LINEAR] = {lte_vk_fuses_linear, lte_vk_encode_fused_linear},
    [LTE_OP_DELTA_RULE] = {lte_vk_fuses_delta_rule, lte_vk_encode_fused_delta_rule},
    [LTE_OP_ATTEND] = {lte_vk_fuses_attend, lte_vk_encode_fused_attend},
};
