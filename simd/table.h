// SPDX-License-Identifier: BSD-2-Clause
// The dispatch table: one pointer per kernel, filled with the scalar reference first and then
// overwritten by each instruction set that the CPU and the mask allow, in rising order.
#ifndef LTE_SIMD_TABLE_H
#define LTE_SIMD_TABLE_H

#include "simd/activation.h"
#include "simd/adamw.h"
#include "simd/attend.h"
#include "simd/attend_grad.h"
#include "simd/backward.h"
#include "simd/convert.h"
#include "simd/delta_grad.h"
#include "simd/cross_entropy.h"
#include "simd/delta_rule.h"
#include "simd/diag_grad.h"
#include "simd/diag_rule.h"
#include "simd/evict.h"
#include "simd/index.h"
#include "simd/linear.h"
#include "simd/norm.h"
#include "simd/rank.h"
#include "simd/rope.h"
#include "simd/router.h"
#include "simd/router_grad.h"
#include "simd/short_conv.h"
#include "simd/short_conv_back.h"

struct lte_kernels {
    const char *name; // "ref", "avx2", "avx512", "neon": the highest level in the table

    // linear.h; indexed by enum lte_dtype of the weights
    lte_linear_fn *linear[3];
    lte_gemm_fn *gemm[3], *gemm_nn[3];
    lte_gemm_fn *gemm_tn;
    lte_gemm_scratch_fn *gemm_scratch;

    lte_cross_entropy_fn *cross_entropy;
    lte_adamw_fn *adamw;

    // convert.h; indexed by enum lte_dtype
    lte_widen_fn *widen[3];
    lte_narrow_fn *narrow[3];

    // activation.h
    lte_map_fn *vexp, *silu, *sigmoid, *softplus;
    lte_map2_fn *swiglu, *add;

    // norm.h
    lte_rmsnorm_fn *rmsnorm;
    lte_l2norm_fn *l2norm;
    lte_gated_norm_fn *gated_norm;

    lte_short_conv_fn *short_conv;
    lte_delta_rule_fn *delta_rule;
    lte_delta_grad_fn *delta_grad;
    lte_rope_fn *rope, *rope_pairs;
    lte_diag_rule_fn *diag_rule;
    lte_diag_grad_fn *diag_grad;

    // attend.h; indexed by enum lte_dtype of the keys and values
    lte_attend_fn *attend[3];
    lte_attend_grad_fn *attend_grad;

    lte_router_conv_fn *router_conv;
    lte_router_weight_grad_fn *router_weight_grad; // router_grad.h
    lte_silu_slope_fn *silu_slope;
    lte_evict_fn *evict;
    lte_index_fn *index;
    lte_count_above_fn *count_above; // rank.h
    lte_above_fn *above;

    // backward.h
    lte_silu_back_fn *silu_back;
    lte_swiglu_back_fn *swiglu_back;
    lte_rmsnorm_back_fn *rmsnorm_back;
    lte_l2norm_back_fn *l2norm_back;
    lte_gated_norm_back_fn *gated_norm_back;

    lte_short_conv_back_fn *short_conv_back;
};

// Fills the table for the CPU flags of cpu.h. Thread-safe: it writes nothing else.
void lte_kernels_init(struct lte_kernels *kernels, unsigned cpu_flags);

#endif
