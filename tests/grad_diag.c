// SPDX-License-Identifier: BSD-2-Clause
// Gradients of what Kimi Delta Attention and DeltaNet add, by central differences: the step with
// per-channel decay, and its gates.
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static void drop(struct grad_case *c)
{
    free(c->in[0]);
    free(c->in[1]);
    free(c->out_gradient[0]);
    grad_free(c);
}

// ---- the rule ----

// One column of one value head over a segment that begins at `row`.
static void rule_column(const struct grad_case *c, double *const *in, double *out, size_t row,
                        size_t rows, size_t head, size_t column)
{
    const struct lte_diag_rule_op *d = &c->op.diag_rule;
    const size_t key_head = head / (d->value_heads / d->heads) * d->key_dim;
    double state[64] = {0};
    for (size_t t = row; t < row + rows; t++) {
        const double *x = in[0] + t * c->width[0], *gates = in[1] + t * c->width[1];
        const double *g = gates + head * d->key_dim, *k = x + d->k_column + key_head;
        double delta = x[d->v_column + head * d->value_dim + column], o = 0;
        for (size_t i = 0; i < d->key_dim; i++) {
            state[i] *= exp(g[i]);
            delta -= d->erase ? state[i] * k[i] : 0;
        }
        delta *= d->erase ? gates[d->value_heads * d->key_dim + head] : 1;
        for (size_t i = 0; i < d->key_dim; i++) {
            state[i] += k[i] * delta;
            o += state[i] * x[d->q_column + key_head + i];
        }
        out[(t * d->value_heads + head) * d->value_dim + column] = o;
    }
}

static void rule_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const struct lte_diag_rule_op *d = &c->op.diag_rule;
    (void)weight;
    for (size_t s = 0, row = 0; s < c->segments; row += c->segment[s++])
        for (size_t h = 0; h < d->value_heads; h++)
            for (size_t v = 0; v < d->value_dim; v++)
                rule_column(c, in, out[0], row, c->segment[s], h, v);
}

static void check_rule(struct lte_context *context, bool erase, const char *name)
{
    static const size_t segment[] = {33, 1, 0, 7, 64};
    struct lte_diag_rule_op d = {2, 4, 5, 3, 0, 0, 0, erase};
    const size_t keys = d.heads * d.key_dim, values = d.value_heads * d.value_dim;
    const size_t decays = d.value_heads * d.key_dim;
    d.v_column = keys; // k before v before q: the op must go by its columns
    d.q_column = keys + values;
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_DIAG_RULE,
                                 .in = {0, 1, LTE_NO_VALUE, LTE_NO_VALUE},
                                 .out = 2, .diag_rule = d},
                          .inputs = 2, .outputs = 1, .segment = segment, .segments = 5,
                          .width = {2 * keys + values, decays + (erase ? d.value_heads : 0),
                                    values}};
    const size_t rows = grad_rows(&c);
    c.in[0] = grad_normal(rows * c.width[0], .4f);
    c.in[1] = grad_normal(rows * c.width[1], 1);
    for (size_t i = 0; i < rows * c.width[1]; i++)
        c.in[1][i] = i % c.width[1] < decays ? -expf(check_uniform(-3, 1)) : check_uniform(0, 1);
    c.out_gradient[0] = grad_normal(rows * values, 1);
    grad_check(&c, rule_forward, 1e-5, name);
    drop(&c);
}

// ---- the gates ----

static void gates_forward(const struct grad_case *c, double *const *in, double *const *weight,
                          double *const *out)
{
    const struct lte_delta_gates_op *g = &c->op.delta_gates;
    const size_t decays = g->heads * g->channels;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t i = 0; i < decays + g->heads; i++) {
            const size_t at = r * (decays + g->heads) + i, h = i / g->channels;
            const double x = in[0][at];
            if (i >= decays)
                out[0][at] = g->beta_scale / (1 + exp(-x));
            else if (!g->neg_exp_A)
                out[0][at] = 0;
            else if (g->lower_bound < 0)
                out[0][at] = g->lower_bound / (1 + exp(weight[0][h] * (x + weight[1][i])));
            else
                out[0][at] = weight[0][h] * log1p(exp(x + weight[1][i]));
        }
}

static void check_gates(struct lte_context *context, size_t channels, float bound, bool decays,
                        const char *name)
{
    static const size_t segment[] = {37, 4};
    const size_t heads = 3, n = heads * channels;
    float *neg_exp_A = grad_normal(heads, 1), *dt_bias = grad_normal(n, 1);
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_DELTA_GATES,
                                 .in = {0, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE}, .out = 1,
                                 .delta_gates = {decays ? neg_exp_A : NULL, decays ? dt_bias : NULL,
                                                 heads, channels, 2, bound}},
                          .inputs = 1, .outputs = 1, .width = {n + heads, n + heads},
                          .segment = segment, .segments = 2, .weights = decays ? 2 : 0};
    c.weight[0] = (struct grad_weight){.data = neg_exp_A, .floats = heads};
    c.weight[1] = (struct grad_weight){.data = dt_bias, .floats = n};
    for (size_t h = 0; h < heads; h++)
        neg_exp_A[h] = -expf(neg_exp_A[h]);
    c.in[0] = grad_normal(grad_rows(&c) * (n + heads), 2);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * (n + heads), 1);
    grad_check(&c, gates_forward, 3e-6, name);
    c.row_block = 33;
    grad_check(&c, gates_forward, 3e-6, name);
    drop(&c);
    free(neg_exp_A);
    free(dt_bias);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_diag");
    struct lte_context *context = inside_context(NULL, 1);
    check_rule(context, true, "diag_rule");
    check_rule(context, false, "diag_rule, nothing erased");
    check_gates(context, 5, 0, true, "delta_gates, five channels a head");
    check_gates(context, 5, -5, true, "delta_gates, bounded");
    check_gates(context, 1, 0, false, "delta_gates, no decay");
    lte_close(context);
    return check_end();
}
