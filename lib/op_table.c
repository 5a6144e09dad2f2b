// SPDX-License-Identifier: BSD-2-Clause
// The op table: a new kind is a new file in lib/op/ and a line here.
#include "config.h"

#include "lib/op.h"

#include <string.h>

const struct lte_op_row *const lte_op_table[LTE_OPS] = {
    [LTE_OP_EMBED] = &lte_op_embed,
    [LTE_OP_RMSNORM] = &lte_op_rmsnorm,
    [LTE_OP_LINEAR] = &lte_op_linear,
    [LTE_OP_ADD] = &lte_op_add,
    [LTE_OP_SWIGLU] = &lte_op_swiglu,
    [LTE_OP_SILU] = &lte_op_silu,
    [LTE_OP_SHORT_CONV] = &lte_op_short_conv,
    [LTE_OP_L2NORM] = &lte_op_l2norm,
    [LTE_OP_DELTA_GATES] = &lte_op_delta_gates,
    [LTE_OP_DELTA_RULE] = &lte_op_delta_rule,
    [LTE_OP_DIAG_RULE] = &lte_op_diag_rule,
    [LTE_OP_GATED_NORM] = &lte_op_gated_norm,
    [LTE_OP_ROPE_ANGLES] = &lte_op_rope_angles,
    [LTE_OP_ROPE] = &lte_op_rope,
    [LTE_OP_LTE_SCORE] = &lte_op_lte_score,
    [LTE_OP_ATTEND] = &lte_op_attend,
    [LTE_OP_SPLIT] = &lte_op_split,
    [LTE_OP_SDPA_GATE] = &lte_op_sdpa_gate,
    [LTE_OP_LOOP_GATE] = &lte_op_loop_gate,
    [LTE_OP_LOOP_EXIT] = &lte_op_loop_exit,
    [LTE_OP_NSA] = &lte_op_nsa,
    [LTE_OP_LAYERNORM] = &lte_op_layernorm,
    [LTE_OP_DSA] = &lte_op_dsa,
    [LTE_OP_ALIGN] = &lte_op_align,
    [LTE_OP_FORGET_GATES] = &lte_op_forget_gates,
    [LTE_OP_STEP_GATES] = &lte_op_step_gates,
};

void lte_op_keep_state(const struct lte_op *op, const struct lte_session_params *params, void *state)
{
    (void)op;
    (void)params;
    (void)state;
}

void lte_op_blank(void *array, size_t heads, size_t n, size_t reached, size_t entry_bytes)
{
    unsigned char *p = array;
    const size_t bytes = heads * n * entry_bytes;
    for (size_t h = 0; h < heads; h++)
        memset(p + (h * n + reached) * entry_bytes, 0, (n - reached) * entry_bytes);
    memset(p + bytes, 0, lte_align(bytes) - bytes);
}
