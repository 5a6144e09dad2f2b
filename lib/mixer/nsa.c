// SPDX-License-Identifier: BSD-2-Clause
// Native sparse attention: rope, then three attentions over one set of keys, mixed by gates that
// come from the layer's input.
#include "config.h"

#include "lib/builder.h"

static lte_value rope(struct lte_builder *b, lte_value x, lte_value angles, size_t heads,
                      const struct lte_attention *l)
{
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_ROPE,
                                    .in = {x, angles, LTE_NO_VALUE, LTE_NO_VALUE},
                                    .out = x,
                                    .rope = {.heads = heads,
                                             .head_dim = l->head_dim,
                                             .pairs = l->rope_pairs}});
}

lte_value lte_mixer_nsa(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_attention *l = &layer->attention;
    lte_value q = lte_build_value(b, (size_t)l->heads * l->head_dim);
    lte_value k = lte_build_value(b, (size_t)l->key_heads * l->head_dim);
    const lte_value v = lte_build_value(b, (size_t)l->key_heads * l->head_dim);
    const lte_value gates = lte_build_value(b, (size_t)l->heads * 3);
    const struct lte_linear_part part[] = {
        lte_build_part(b, l->q_proj, l->q_bias, q, 0),
        lte_build_part(b, l->k_proj, l->k_bias, k, 0),
        lte_build_part(b, l->v_proj, l->v_bias, v, 0),
        lte_build_part(b, l->g_proj, NULL, gates, 0),
    };
    lte_build_linear(b, x, 4, part);
    const lte_value angles = lte_build_rope_angles(b, l->rope_theta, l->head_dim);
    q = rope(b, q, angles, l->heads, l);
    k = rope(b, k, angles, l->key_heads, l);
    const struct lte_op nsa = {.kind = LTE_OP_NSA,
                               .in = {q, k, v, gates},
                               .out = LTE_NO_VALUE,
                               .nsa = {.heads = l->heads,
                                       .key_heads = l->key_heads,
                                       .head_dim = l->head_dim,
                                       .block = l->block,
                                       .top = l->top,
                                       .window = l->window}};
    return lte_build_project(b, lte_build_op(b, nsa), l->o_proj);
}
