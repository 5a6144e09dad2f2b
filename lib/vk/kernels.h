// SPDX-License-Identifier: BSD-2-Clause
// The shaders: an enumeration and a table of what the host has to know of each.
#ifndef LTE_LIB_VK_KERNELS_H
#define LTE_LIB_VK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// A line a shader: its name, as in shaders/<name>.comp; what it does with bindings 0, 1, ..: r
// reads, w writes, b both; its push constants (shaders/params.h); the features that it cannot do
// without.
#define LTE_VK_KERNELS(X) \
    X(rmsnorm, "rrw", struct lte_rmsnorm_params, 0) \
    X(l2norm, "rw", struct lte_l2norm_params, 0) \
    X(gated_norm, "rrrw", struct lte_gated_norm_params, 0) \
    X(elementwise, "rrw", struct lte_elementwise_params, 0) \
    X(embed, "rrw", struct lte_embed_params, 0) \
    X(matvec, "rrrwrrr", struct lte_linear_params, 0) \
    X(matvec_folds, "rrrwrrr", struct lte_linear_params, LTE_VK_COOPERATIVE) \
    X(matvec_subgroups, "rrrwrrr", struct lte_linear_params, LTE_VK_SUBGROUPS) \
    X(gemm, "rrrw", struct lte_linear_params, 0) \
    X(gemm_cooperative, "rrrwrr", struct lte_gemm_cooperative_params, LTE_VK_COOPERATIVE) \
    X(split_inputs, "rww", struct lte_split_inputs_params, LTE_VK_FLOAT16) \
    X(rope_angles, "rrw", struct lte_rope_angles_params, 0) \
    X(rope, "rrw", struct lte_rope_params, 0) \
    X(gate, "rrrw", struct lte_gate_params, 0) \
    X(loop_exit, "rrrrw", struct lte_loop_exit_params, 0) \
    X(pick, "rbw", struct lte_candidates_params, 0) \
    X(candidates, "rbw", struct lte_candidates_params, 0) \
    X(attend, "rrrrrrw", struct lte_attend_params, 0) \
    X(attend_cooperative, "rrrrrw", struct lte_attend_params, LTE_VK_COOPERATIVE) \
    X(attend_enter, "rrrw", struct lte_attend_params, 0) \
    X(attend_finish, "rrwrrrbr", struct lte_attend_params, 0) \
    X(attend_join, "rrw", struct lte_attend_params, 0) \
    X(attend_keep, "rrrrb", struct lte_attend_params, 0) \
    X(attend_plan, "rbbb", struct lte_attend_params, 0) \
    X(attend_round, "rbb", struct lte_attend_params, 0) \
    X(attend_split, "rrrrrww", struct lte_attend_params, LTE_VK_FLOAT16) \
    X(attend_step, "rrrrrrww", struct lte_attend_params, 0) \
    X(attend_store, "rrrrbr", struct lte_attend_params, 0) \
    X(score_conv, "rrrrrw", struct lte_score_params, 0) \
    X(score_conv_first, "rrrrrw", struct lte_score_params, 0) \
    X(score_keep, "rrrrb", struct lte_score_stack_params, 0) \
    X(score_step, "rbrrrw", struct lte_score_stack_params, 0) \
    X(short_conv, "rrrbwr", struct lte_short_conv_params, 0) \
    X(delta_gates, "rrrw", struct lte_delta_gates_params, 0) \
    X(delta_chunk, "rrrbw", struct lte_delta_params, 0) \
    X(delta_chunk_subgroups, "rrrbw", struct lte_delta_params, LTE_VK_SUBGROUPS) \
    X(delta_prepare, "rrrw", struct lte_delta_params, 0) \
    X(delta_rule, "rrrbw", struct lte_delta_params, 0) \
    X(delta_step, "rrrbwrrw", struct lte_delta_step_params, 0) \
    X(conv_tail, "rrb", struct lte_conv_tail_params, 0) \
    X(delta_sweep_cooperative, "rrbw", struct lte_delta_params, LTE_VK_COOPERATIVE) \
    X(delta_wy_cooperative, "rrrw", struct lte_delta_params, LTE_VK_COOPERATIVE) \
    X(diag_rule, "rrrrrrbw", struct lte_diag_params, 0) \
    X(forget_gates, "rrw", struct lte_forget_gates_params, 0) \
    X(step_gates, "rrrw", struct lte_step_gates_params, 0) \
    X(layernorm, "brr", struct lte_layernorm_params, 0) \
    X(cache_store, "rrb", struct lte_cache_store_params, 0) \
    X(nsa_pool, "rb", struct lte_nsa_pool_params, 0) \
    X(nsa_score, "rrrb", struct lte_nsa_score_params, 0) \
    X(dsa_score, "rrrw", struct lte_dsa_score_params, 0) \
    X(sparse_select, "rrw", struct lte_sparse_select_params, 0) \
    X(sparse_attend, "rrrrw", struct lte_sparse_attend_params, 0) \
    X(nsa_join, "rrrrrb", struct lte_nsa_join_params, 0)

#define LTE_VK_KERNEL_NAME(name, access, params, needs) LTE_VK_##name,
enum lte_vk_kernel { LTE_VK_KERNELS(LTE_VK_KERNEL_NAME) LTE_VK_KERNEL_COUNT };
#undef LTE_VK_KERNEL_NAME

struct lte_vk_kernel_row {
    const char *name;
    const uint32_t *code;
    size_t bytes;
    const char *access;
    size_t push_bytes;
    unsigned needs; // of enum lte_vk_feature
};

extern const struct lte_vk_kernel_row lte_vk_kernels[LTE_VK_KERNEL_COUNT];

#endif
