// SPDX-License-Identifier: BSD-2-Clause
// HGRN2: a gated linear recurrence whose channels let in what they forget.
#include "config.h"

#include "lib/mixer/linear.h"

static lte_value forget_gates(struct lte_builder *b, const struct lte_hgrn2 *l, lte_value f)
{
    const size_t channels = (size_t)l->heads * l->key_dim, layer = b->slot % b->model->layers;
    struct lte_op op = lte_op_on(LTE_OP_FORGET_GATES, f, LTE_NO_VALUE, LTE_NO_VALUE);
    op.forget_gates.channels = channels;
    if (b->model->lower_bounds && layer) { // that of the first layer is 0
        const float *lower = lte_prepare_lower_bounds(b, b->model->lower_bounds);
        op.forget_gates.lower = lower ? lower + layer * channels : NULL;
    }
    return lte_build_op(b, op);
}

static lte_value recur(struct lte_builder *b, const struct lte_hgrn2 *l, lte_value q,
                       lte_value gates, lte_value v)
{
    struct lte_op op = lte_op_on(LTE_OP_DIAG_RULE, q, gates, LTE_NO_VALUE);
    op.in[2] = v;
    op.diag_rule = (struct lte_diag_rule_op){
        .heads = l->heads,
        .key_dim = l->key_dim,
        .value_dim = l->value_dim,
        .q = {0, 0, l->heads},
        .decay = {1, 0, l->heads},
        .k = {1, (size_t)l->heads * l->key_dim, l->heads},
        .v = {2, 0, l->heads},
        .decays = l->key_dim,
        .step = LTE_RULE_ADDS};
    return lte_build_op(b, op);
}

lte_value lte_mixer_hgrn2(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_hgrn2 *l = &layer->hgrn2;
    const size_t keys = (size_t)l->heads * l->key_dim, values = (size_t)l->heads * l->value_dim;
    lte_value q = lte_build_value(b, keys);
    const lte_value f = lte_build_value(b, keys), v = lte_build_value(b, values);
    const struct lte_linear_part part[] = {
        lte_build_part(b, l->q_proj, NULL, q, 0),
        lte_build_part(b, l->f_proj, NULL, f, 0),
        lte_build_part(b, l->i_proj, NULL, v, 0),
    };
    lte_build_linear(b, x, 3, part);
    q = lte_build_op(b, lte_op_on(LTE_OP_SILU, q, LTE_NO_VALUE, q));
    const lte_value o = recur(b, l, q, forget_gates(b, l, f), v);
    // What the rule puts out lacks the factor 1/sqrt(key_dim), which the norm takes out but for
    // eps.
    struct lte_op norm = lte_op_on(LTE_OP_RMSNORM, o, LTE_NO_VALUE, o);
    norm.norm = (struct lte_norm_op){.weight = lte_prepare_vector(b, l->g_norm),
                                     .vectors = 1,
                                     .width = values,
                                     .eps = l->norm_eps * (float)l->key_dim};
    return lte_build_project(b, lte_build_op(b, norm), l->o_proj);
}
