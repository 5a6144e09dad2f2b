// SPDX-License-Identifier: BSD-2-Clause
// Retention: linear attention under rotary positions, every head with a decay of its own that no
// input changes, a norm over each head and SiLU's gate.
#include "config.h"

#include <math.h>

#include "lib/mixer/linear.h"

// log(1 - 2^(-5-h)) of every head.
static const float *log_decays(struct lte_builder *b, size_t heads)
{
    float *decay = lte_prepare_bytes(b, heads, sizeof *decay);
    for (size_t h = 0; decay && h < heads; h++)
        decay[h] = (float)log1p(-exp2(-5 - (double)h));
    return decay;
}

// The heads of q, and those of k behind them, turned by their positions.
static lte_value rotate(struct lte_builder *b, const struct lte_retnet *l, lte_value qk)
{
    const lte_value angles = lte_build_rope_angles(b, 10000, l->key_dim);
    struct lte_op op = lte_op_on(LTE_OP_ROPE, qk, angles, qk);
    op.rope = (struct lte_rope_op){.heads = (size_t)l->heads + l->key_heads,
                                   .head_dim = l->key_dim};
    return lte_build_op(b, op);
}

static lte_value retain(struct lte_builder *b, const struct lte_retnet *l, lte_value qk,
                        lte_value v)
{
    struct lte_op op = lte_op_on(LTE_OP_DIAG_RULE, qk, v, LTE_NO_VALUE);
    op.diag_rule = (struct lte_diag_rule_op){
        .heads = l->heads,
        .key_dim = l->key_dim,
        .value_dim = l->value_dim,
        .q = {0, 0, l->heads},
        .k = {0, (size_t)l->heads * l->key_dim, l->key_heads},
        .v = {1, 0, l->key_heads},
        .decays = 1,
        .fixed = log_decays(b, l->heads),
        .step = LTE_RULE_ADDS};
    return lte_build_op(b, op);
}

// What the rule puts out should have been scaled by 1/sqrt(key_dim), and q was not: the norm takes
// any factor out again, but for what it does to eps.
static lte_value out(struct lte_builder *b, const struct lte_retnet *l, lte_value o, lte_value gate)
{
    struct lte_op norm = lte_op_on(l->gate ? LTE_OP_GATED_NORM : LTE_OP_RMSNORM, o, gate, o);
    norm.norm = (struct lte_norm_op){.weight = lte_prepare_vector(b, l->g_norm),
                                     .vectors = l->heads,
                                     .width = l->value_dim,
                                     .eps = l->norm_eps * (float)l->key_dim};
    return lte_build_project(b, lte_build_op(b, norm), l->o_proj);
}

lte_value lte_mixer_retnet(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_retnet *l = &layer->retnet;
    const size_t q = (size_t)l->heads * l->key_dim, k = (size_t)l->key_heads * l->key_dim;
    lte_value qk = lte_build_value(b, q + k);
    const lte_value v = lte_build_value(b, (size_t)l->key_heads * l->value_dim);
    lte_value gate = LTE_NO_VALUE;
    struct lte_linear_part part[4] = {
        lte_build_part(b, l->q_proj, NULL, qk, 0),
        lte_build_part(b, l->k_proj, NULL, qk, q),
        lte_build_part(b, l->v_proj, NULL, v, 0),
    };
    if (l->gate) {
        gate = lte_build_value(b, (size_t)l->heads * l->value_dim);
        part[3] = lte_build_part(b, l->g_proj, NULL, gate, 0);
    }
    lte_build_linear(b, x, l->gate ? 4 : 3, part);
    if (l->silu)
        qk = lte_build_op(b, lte_op_on(LTE_OP_SILU, qk, LTE_NO_VALUE, qk));
    return out(b, l, retain(b, l, rotate(b, l, qk), v), gate);
}
