// SPDX-License-Identifier: BSD-2-Clause
// Gated DeltaNet: projections, short convolution, l2-normed q and k, gated delta rule, gated norm.
#include "config.h"

#include "lib/mixer/linear.h"

lte_value lte_mixer_gdn(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_gdn *l = &layer->gdn;
    const size_t key = lte_gdn_keys(l), value = lte_gdn_values(l);
    const lte_value qkv = lte_build_value(b, 2 * key + value);
    const lte_value ab = lte_build_value(b, 2 * (size_t)l->value_heads);
    const lte_value gate = l->gate ? lte_build_value(b, value) : LTE_NO_VALUE;
    struct lte_linear_part part[6] = {
        lte_build_part(b, l->q_proj, NULL, qkv, 0),
        lte_build_part(b, l->k_proj, NULL, qkv, key),
        lte_build_part(b, l->v_proj, NULL, qkv, 2 * key),
        lte_build_part(b, l->a_proj, NULL, ab, 0),
        lte_build_part(b, l->b_proj, NULL, ab, l->value_heads),
    };
    if (l->gate)
        part[5] = lte_build_part(b, l->g_proj, NULL, gate, 0);
    lte_build_linear(b, x, l->gate ? 6 : 5, part);
    const lte_value normed = lte_build_qkv(b, l, qkv);
    const lte_value gates = lte_build_delta_gates(b, l, ab);
    return lte_build_out(b, l, lte_build_delta_rule(b, l, normed, gates), gate);
}
