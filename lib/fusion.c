// SPDX-License-Identifier: BSD-2-Clause
// Looking for neighbours that nobody else has to do with.
#include "config.h"

#include "lib/fusion.h"

// Whether no op but those from first to last reads the value, nor anyone who looks at the residual
// stream.
static bool private(const struct lte_graph *g, lte_value v, size_t first, size_t last)
{
    if (v >= g->values)
        return false;
    for (size_t n = 0; n <= g->slots; n++)
        if (g->layer_output[n] == v)
            return false;
    for (size_t n = 0; n < g->ops; n++)
        for (size_t k = 0; k < LTE_OP_INPUTS; k++)
            if ((n < first || n > last) && g->op[n].in[k] == v)
                return false;
    return true;
}

static bool whole_norm(const struct lte_graph *g, const struct lte_op *op)
{
    const struct lte_norm_op *n = &op->norm;
    return op->kind == LTE_OP_RMSNORM && n->weight && n->vectors == 1 && !n->column && !n->own &&
           op->out != op->in[0] && g->width[op->in[0]] == n->width && g->width[op->out] == n->width;
}

static bool norm_before(const struct lte_graph *g, size_t i)
{
    return i > 0 && i != g->head && whole_norm(g, &g->op[i - 1]) &&
           g->op[i].in[0] == g->op[i - 1].out && private(g, g->op[i - 1].out, i, i);
}

// Of all of its output.
static bool whole_part(const struct lte_graph *g, const struct lte_linear_part *p, lte_value v)
{
    return p->out == v && !p->column && p->weight.rows == g->width[v];
}

static bool add_after(const struct lte_graph *g, size_t i, const struct lte_op *add)
{
    const struct lte_linear_op *l = &g->op[i].linear;
    return add->kind == LTE_OP_ADD && l->parts == 1 && whole_part(g, &l->part[0], add->in[1]) &&
           add->in[0] != add->in[1] && private(g, add->in[1], i + 1, i + 1);
}

static bool swiglu_after(const struct lte_graph *g, size_t i, const struct lte_op *swiglu)
{
    const struct lte_linear_part *a = &g->op[i].linear.part[0], *b = &g->op[i].linear.part[1];
    return swiglu->kind == LTE_OP_SWIGLU && g->op[i].linear.parts == 2 &&
           whole_part(g, a, swiglu->in[0]) && whole_part(g, b, swiglu->in[1]) &&
           a->weight.type == b->weight.type && !a->bias && !b->bias &&
           private(g, swiglu->in[1], i + 1, i + 1) &&
           (swiglu->out == swiglu->in[0] || private(g, swiglu->in[0], i + 1, i + 1));
}

static struct lte_fusion of_linear(const struct lte_graph *g, size_t i)
{
    struct lte_fusion f = {i, i};
    if (norm_before(g, i))
        f.first--;
    if (i + 1 < g->ops && i + 1 != g->head &&
        (add_after(g, i, &g->op[i + 1]) || swiglu_after(g, i, &g->op[i + 1])))
        f.last++;
    return f;
}

// q and k of all heads, one behind the other, and a log decay a head.
static bool gates_before(const struct lte_graph *g, size_t i)
{
    const struct lte_op *norm = i < 2 ? NULL : &g->op[i - 2], *rule = &g->op[i];
    const struct lte_norm_op *n = norm ? &norm->norm : NULL;
    const struct lte_delta_rule_op *d = &rule->delta_rule;
    return norm && norm->kind == LTE_OP_L2NORM && norm[1].kind == LTE_OP_DELTA_GATES &&
           norm->out == norm->in[0] && norm->out == rule->in[0] && norm[1].out == norm[1].in[0] &&
           norm[1].out == rule->in[1] && !n->column && n->vectors == 2 * d->heads &&
           n->width == d->key_dim && n->scaled == d->heads && !d->q_column &&
           d->k_column == d->heads * d->key_dim && norm[1].delta_gates.channels == 1 &&
           private(g, norm->out, i - 2, i) && private(g, norm[1].out, i - 2, i);
}

static bool conv_before(const struct lte_graph *g, size_t i)
{
    const struct lte_op *conv = i < 3 ? NULL : &g->op[i - 3];
    return conv && conv->kind == LTE_OP_SHORT_CONV && !conv->short_conv.bias &&
           conv->out == g->op[i].in[0] && conv->out != conv->in[0] &&
           conv->short_conv.channels == g->width[conv->out];
}

// Of all heads, in place, and a product of nothing else.
static bool gated_product_after(const struct lte_graph *g, size_t i)
{
    const struct lte_op *rule = &g->op[i], *norm = rule + 1, *linear = rule + 2;
    const struct lte_norm_op *n = &norm->norm;
    const struct lte_delta_rule_op *d = &rule->delta_rule;
    return i + 2 < g->ops && i + 1 != g->head && i + 2 != g->head &&
           norm->kind == LTE_OP_GATED_NORM && linear->kind == LTE_OP_LINEAR &&
           norm->in[0] == rule->out && norm->out == rule->out && linear->in[0] == rule->out &&
           !n->column && n->vectors == d->value_heads && n->width == d->value_dim &&
           g->width[rule->out] == d->value_heads * d->value_dim && private(g, rule->out, i, i + 2);
}

static struct lte_fusion of_delta_rule(const struct lte_graph *g, size_t i)
{
    struct lte_fusion f = {i, i};
    if (!gates_before(g, i))
        return f;
    f.first = conv_before(g, i) ? i - 3 : i - 2;
    if (gated_product_after(g, i))
        f.last = of_linear(g, i + 2).last;
    return f;
}

static struct lte_fusion of_attend(const struct lte_graph *g, size_t i)
{
    const struct lte_op *score = i < 1 ? NULL : &g->op[i - 1];
    const bool together = score && score->kind == LTE_OP_LTE_SCORE && g->op[i].attend.retains &&
                          score->out == g->op[i].in[3] && private(g, score->out, i, i);
    return (struct lte_fusion){together ? i - 1 : i, i};
}

struct lte_fusion lte_fusion(const struct lte_graph *g, size_t i)
{
    return g->op[i].kind == LTE_OP_LINEAR       ? of_linear(g, i)
           : g->op[i].kind == LTE_OP_DELTA_RULE ? of_delta_rule(g, i)
           : g->op[i].kind == LTE_OP_ATTEND     ? of_attend(g, i)
                                                : (struct lte_fusion){i, i};
}
