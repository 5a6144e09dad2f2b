// SPDX-License-Identifier: BSD-2-Clause
// How each kind of op is encoded.
#ifndef LTE_LIB_VK_OPS_H
#define LTE_LIB_VK_OPS_H

#include "lib/fusion.h"
#include "lib/vk/encode.h"

// Indexed by kind; NULL: the device has no shader for it.
extern lte_vk_encode_fn *const lte_vk_ops[LTE_OPS];

// An op together with its neighbours in the graph: whether this step has them so, and how.
typedef bool lte_vk_fuses_fn(const struct lte_vk_encoder *encoder, const struct lte_op *op);
typedef void lte_vk_encode_fused_fn(struct lte_vk_encoder *encoder, const struct lte_op *op,
                                    const struct lte_fusion *fusion);
struct lte_vk_fused {
    lte_vk_fuses_fn *fuses;
    lte_vk_encode_fused_fn *encode;
};
// Indexed by kind; NULL: never.
extern const struct lte_vk_fused lte_vk_fused[LTE_OPS];

lte_vk_fuses_fn lte_vk_fuses_linear, lte_vk_fuses_delta_rule, lte_vk_fuses_attend;
lte_vk_encode_fused_fn lte_vk_encode_fused_linear, lte_vk_encode_fused_delta_rule,
    lte_vk_encode_fused_attend;

lte_vk_encode_fn lte_vk_encode_rmsnorm, lte_vk_encode_l2norm, lte_vk_encode_gated_norm;
lte_vk_encode_fn lte_vk_encode_add, lte_vk_encode_swiglu, lte_vk_encode_silu;
lte_vk_encode_fn lte_vk_encode_embed, lte_vk_encode_linear;
lte_vk_encode_fn lte_vk_encode_rope_angles, lte_vk_encode_rope;
lte_vk_encode_fn lte_vk_encode_split, lte_vk_encode_sdpa_gate;
lte_vk_encode_fn lte_vk_encode_loop_gate, lte_vk_encode_loop_exit;
lte_vk_encode_fn lte_vk_encode_attend, lte_vk_encode_lte_score;

// To the encoder's `found`, for each of its rows: what lte_candidates_find() finds; or the id of the
// first alone.
void lte_vk_encode_candidates(struct lte_vk_encoder *encoder, uint32_t ids, uint32_t count);
void lte_vk_encode_greedy(struct lte_vk_encoder *encoder, uint32_t ids);
lte_vk_encode_fn lte_vk_encode_short_conv, lte_vk_encode_delta_gates, lte_vk_encode_delta_rule,
    lte_vk_encode_diag_rule;
lte_vk_encode_fn lte_vk_encode_layernorm, lte_vk_encode_forget_gates, lte_vk_encode_step_gates;
lte_vk_encode_fn lte_vk_encode_nsa, lte_vk_encode_dsa;

#endif
