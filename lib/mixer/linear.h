// SPDX-License-Identifier: BSD-2-Clause
// What the mixers of the delta family share: the short convolution, normed keys, the output norm.
#ifndef LTE_LIB_MIXER_LINEAR_H
#define LTE_LIB_MIXER_LINEAR_H

#include "lib/builder.h"

static inline struct lte_op lte_op_on(enum lte_op_kind kind, lte_value a, lte_value b,
                                      lte_value out)
{
    return (struct lte_op){
        .kind = kind, .in = {a, b, LTE_NO_VALUE, LTE_NO_VALUE}, .out = out};
}

// Columns of a head's q, k and v side by side in one value.
static inline size_t lte_gdn_keys(const struct lte_gdn *l)
{
    return (size_t)l->heads * l->key_dim;
}

static inline size_t lte_gdn_values(const struct lte_gdn *l)
{
    return (size_t)l->value_heads * l->value_dim;
}

// q, k and v, which lie side by side so that one convolution runs over all their channels:
// convolved (or only through SiLU), q and k normed, q scaled.
lte_value lte_build_qkv(struct lte_builder *builder, const struct lte_gdn *l, lte_value qkv);
// Log decays and betas of all heads from what was projected.
lte_value lte_build_delta_gates(struct lte_builder *builder, const struct lte_gdn *l, lte_value ab);
// The delta rule with one decay a head.
lte_value lte_build_delta_rule(struct lte_builder *builder, const struct lte_gdn *l, lte_value qkv,
                               lte_value gates);
// RMSNorm of every head, gated by SiLU where there is a gate, and the output projection.
lte_value lte_build_out(struct lte_builder *builder, const struct lte_gdn *l, lte_value o,
                        lte_value gate);

#endif
