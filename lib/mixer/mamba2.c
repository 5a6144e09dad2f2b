// SPDX-License-Identifier: BSD-2-Clause
// Mamba2: a state space whose input, output and time step come from the token (arXiv 2405.21060).
// In the words of the rule: C is the query, B the key, x, weighed by the step, the value.
#include "config.h"

#include "lib/mixer/linear.h"

static size_t inner_width(const struct lte_mamba2 *l)
{
    return (size_t)l->heads * l->head_dim;
}

static size_t group_states(const struct lte_mamba2 *l)
{
    return (size_t)l->groups * l->state;
}

// Some rows of in_proj into a value of their own.
static struct lte_linear_part rows_of(struct lte_builder *b, const struct lte_mamba2 *l,
                                      size_t first, size_t rows)
{
    struct lte_linear_part part =
        lte_build_part(b, l->in_proj, l->in_bias, lte_build_value(b, rows), 0);
    part.weight.data = (const unsigned char *)part.weight.data +
                       first * part.weight.cols * lte_dtype_size(part.weight.type);
    part.weight.rows = rows;
    part.bias = part.bias ? part.bias + first : NULL;
    return part;
}

static lte_value convolve(struct lte_builder *b, const struct lte_mamba2 *l, lte_value x)
{
    struct lte_op op = lte_op_on(LTE_OP_SHORT_CONV, x, LTE_NO_VALUE, LTE_NO_VALUE);
    op.short_conv = (struct lte_short_conv_op){
        .weight = lte_prepare_short_conv(b, &l->conv, 1),
        .bias = l->conv_bias ? lte_prepare_vector(b, l->conv_bias) : NULL,
        .channels = inner_width(l) + 2 * group_states(l),
        .taps = l->conv_size};
    return lte_build_op(b, op);
}

static lte_value step_gates(struct lte_builder *b, const struct lte_mamba2 *l, lte_value step)
{
    struct lte_op op = lte_op_on(LTE_OP_STEP_GATES, step, LTE_NO_VALUE, LTE_NO_VALUE);
    op.step_gates = (struct lte_step_gates_op){.neg_exp_A = lte_prepare_neg_exp(b, l->A_log),
                                               .dt_bias = lte_prepare_vector(b, l->dt_bias),
                                               .heads = l->heads,
                                               .low = l->dt_limit[0],
                                               .high = l->dt_limit[1]};
    return lte_build_op(b, op);
}

static lte_value recur(struct lte_builder *b, const struct lte_mamba2 *l, lte_value xbc,
                       lte_value gates)
{
    struct lte_op op = lte_op_on(LTE_OP_DIAG_RULE, xbc, gates, LTE_NO_VALUE);
    op.diag_rule = (struct lte_diag_rule_op){
        .heads = l->heads,
        .key_dim = l->state,
        .value_dim = l->head_dim,
        .v = {0, 0, l->heads},
        .k = {0, inner_width(l), l->groups},
        .q = {0, inner_width(l) + group_states(l), l->groups},
        .decay = {1, 0, l->heads},
        .beta = {1, l->heads, l->heads},
        .decays = 1,
        .step = LTE_RULE_WEIGHS};
    return lte_build_op(b, op);
}

// What passes by the state: x times a number a head, or a channel.
static lte_value skip(struct lte_builder *b, const struct lte_mamba2 *l, lte_value y, lte_value xbc)
{
    const size_t inner = inner_width(l);
    struct lte_op op = lte_op_on(LTE_OP_LOOP_GATE, y, xbc, y);
    op.loop_gate = (struct lte_loop_gate_op){
        .weight = lte_prepare_repeated(b, l->D, inner / (size_t)l->D->elements), .width = inner};
    return lte_build_op(b, op);
}

// The gate z opens what is normed before or, by default, after it, every group by itself.
static lte_value gated(struct lte_builder *b, const struct lte_mamba2 *l, lte_value y, lte_value z)
{
    const bool first = l->norm && l->norm_first;
    struct lte_op norm = lte_op_on(first ? LTE_OP_GATED_NORM : LTE_OP_RMSNORM, y,
                                   first ? z : LTE_NO_VALUE, y);
    if (!first)
        norm.in[0] = norm.out = lte_build_op(b, lte_op_on(LTE_OP_SWIGLU, z, y, z));
    if (!l->norm)
        return norm.out;
    norm.norm = (struct lte_norm_op){.weight = lte_prepare_vector(b, l->norm),
                                     .vectors = l->groups,
                                     .width = inner_width(l) / l->groups,
                                     .own = true,
                                     .eps = l->norm_eps};
    return lte_build_op(b, norm);
}

lte_value lte_mixer_mamba2(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_mamba2 *l = &layer->mamba2;
    const size_t inner = inner_width(l), mixed = inner + 2 * group_states(l);
    const struct lte_linear_part part[3] = {
        rows_of(b, l, 0, inner),             // z
        rows_of(b, l, inner, mixed),         // x, B, C
        rows_of(b, l, inner + mixed, l->heads),
    };
    lte_build_linear(b, x, 3, part);
    const lte_value xbc = convolve(b, l, part[1].out);
    lte_value y = recur(b, l, xbc, step_gates(b, l, part[2].out));
    y = gated(b, l, skip(b, l, y, xbc), part[0].out);
    const lte_value out = lte_build_value(b, (size_t)l->out_proj->shape[0]);
    const struct lte_linear_part last = lte_build_part(b, l->out_proj, l->out_bias, out, 0);
    lte_build_linear(b, y, 1, &last);
    return out;
}
