// SPDX-License-Identifier: BSD-2-Clause
// The table of shaders, with their code.
#include "config.h"

#include "lib/vk/kernels.h"

#include "lib/vk/device.h"
#include "shaders/params.h"

#include "shaders/elementwise.spv.h"
#include "shaders/embed.spv.h"
#include "shaders/gate.spv.h"
#include "shaders/gated_norm.spv.h"
#include "shaders/gemm.spv.h"
#include "shaders/l2norm.spv.h"
#include "shaders/loop_exit.spv.h"
#include "shaders/matvec.spv.h"
#include "shaders/matvec_folds.spv.h"
#include "shaders/matvec_subgroups.spv.h"
#include "shaders/pick.spv.h"
#include "shaders/rmsnorm.spv.h"
#include "shaders/rope.spv.h"
#include "shaders/rope_angles.spv.h"

#include "shaders/attend.spv.h"
#include "shaders/attend_enter.spv.h"
#include "shaders/attend_finish.spv.h"
#include "shaders/attend_join.spv.h"
#include "shaders/attend_keep.spv.h"
#include "shaders/attend_plan.spv.h"
#include "shaders/attend_round.spv.h"
#include "shaders/attend_split.spv.h"
#include "shaders/attend_step.spv.h"
#include "shaders/attend_store.spv.h"
#include "shaders/conv_tail.spv.h"
#include "shaders/delta_gates.spv.h"
#include "shaders/delta_chunk.spv.h"
#include "shaders/delta_chunk_subgroups.spv.h"
#include "shaders/delta_prepare.spv.h"
#include "shaders/delta_rule.spv.h"
#include "shaders/delta_step.spv.h"
#include "shaders/diag_rule.spv.h"
#include "shaders/score_conv.spv.h"
#include "shaders/score_conv_first.spv.h"
#include "shaders/score_keep.spv.h"
#include "shaders/score_step.spv.h"
#include "shaders/short_conv.spv.h"

#include "shaders/split_inputs.spv.h"

#include "shaders/candidates.spv.h"

#ifdef HAVE_COOPERATIVE_MATRICES
#include "shaders/attend_cooperative.spv.h"
#include "shaders/delta_sweep_cooperative.spv.h"
#include "shaders/delta_wy_cooperative.spv.h"
#include "shaders/gemm_cooperative.spv.h"
#else // no device has the feature then
static const uint32_t lte_spv_attend_cooperative[1], lte_spv_delta_sweep_cooperative[1],
    lte_spv_delta_wy_cooperative[1], lte_spv_gemm_cooperative[1];
#endif

#include "shaders/forget_gates.spv.h"
#include "shaders/layernorm.spv.h"
#include "shaders/step_gates.spv.h"

#include "shaders/cache_store.spv.h"
#include "shaders/dsa_score.spv.h"
#include "shaders/nsa_join.spv.h"
#include "shaders/nsa_pool.spv.h"
#include "shaders/nsa_score.spv.h"
#include "shaders/sparse_attend.spv.h"
#include "shaders/sparse_select.spv.h"

#define ROW(name, access, params, needs) \
    [LTE_VK_##name] = {#name, lte_spv_##name, sizeof lte_spv_##name, access, sizeof(params), needs},
const struct lte_vk_kernel_row lte_vk_kernels[LTE_VK_KERNEL_COUNT] = {LTE_VK_KERNELS(ROW)};
