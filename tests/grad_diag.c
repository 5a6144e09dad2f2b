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
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

// ---- the rule ----

// What a head reads of a source at row t.
static const double *find(const struct grad_case *c, double *const *in,
                          const struct lte_rule_source *s, size_t t, size_t head, size_t n)
{
    const size_t shared = c->op.diag_rule.heads / s->heads;
    return in[s->in] + t * c->width[s->in] + s->column + head / shared * n;
}

// One column of one head over a segment that begins at `row`.
static void rule_column(const struct grad_case *c, double *const *in, double *out, size_t row,
                        size_t rows, size_t head, size_t column)
{
    const struct lte_diag_rule_op *d = &c->op.diag_rule;
    double state[64] = {0};
    for (size_t t = row; t < row + rows; t++) {
        const double *q = find(c, in, &d->q, t, head, d->key_dim);
        const double *k = find(c, in, &d->k, t, head, d->key_dim);
        double delta = find(c, in, &d->v, t, head, d->value_dim)[column], o = 0;
        for (size_t i = 0; i < d->key_dim; i++) {
            const size_t which = d->decays > 1 ? i : 0;
            state[i] *= exp(d->fixed ? d->fixed[head]
                                     : find(c, in, &d->decay, t, head, d->decays)[which]);
            delta -= d->step == LTE_RULE_ERASES ? state[i] * k[i] : 0;
        }
        delta *= d->step == LTE_RULE_ADDS ? 1 : *find(c, in, &d->beta, t, head, 1);
        for (size_t i = 0; i < d->key_dim; i++) {
            state[i] += k[i] * delta;
            o += state[i] * q[i];
        }
        out[(t * d->heads + head) * d->value_dim + column] = o;
    }
}

static void rule_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const struct lte_diag_rule_op *d = &c->op.diag_rule;
    (void)weight;
    for (size_t s = 0, row = 0; s < c->segments; row += c->segment[s++])
        for (size_t h = 0; h < d->heads; h++)
            for (size_t v = 0; v < d->value_dim; v++)
                rule_column(c, in, out[0], row, c->segment[s], h, v);
}

// Columns that are log decays and betas are drawn as such.
static void draw_gates(float *x, const struct lte_rule_source *s, size_t rows, size_t width,
                       size_t n, bool decay)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < s->heads * n; i++)
            x[r * width + s->column + i] = decay ? -expf(check_uniform(-3, 1)) : check_uniform(0, 1);
}

static void check_rule(struct lte_context *context, struct lte_diag_rule_op d, size_t inputs,
                       const size_t *widths, const char *name)
{
    static const size_t segment[] = {33, 1, 0, 7, 64};
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_DIAG_RULE,
                                 .in = {LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                                 .out = (lte_value)inputs, .diag_rule = d},
                          .inputs = inputs, .outputs = 1, .segment = segment, .segments = 5};
    const size_t rows = grad_rows(&c);
    for (size_t i = 0; i < inputs; i++) {
        c.op.in[i] = (lte_value)i;
        c.width[i] = widths[i];
        c.in[i] = grad_normal(rows * widths[i], .4f);
    }
    c.width[inputs] = d.heads * d.value_dim;
    if (!d.fixed)
        draw_gates(c.in[d.decay.in], &d.decay, rows, widths[d.decay.in], d.decays, true);
    if (d.step != LTE_RULE_ADDS)
        draw_gates(c.in[d.beta.in], &d.beta, rows, widths[d.beta.in], 1, false);
    c.out_gradient[0] = grad_normal(rows * c.width[inputs], 1);
    grad_check(&c, rule_forward, 1e-5, name);
    drop(&c);
}

// As each mixer reads it; columns in another order, with gaps.
static void check_rules(struct lte_context *context)
{
    static const float fixed[] = {-.03f, -.3f, -1, 0};
    const struct lte_diag_rule_op base = {.heads = 4, .key_dim = 5, .value_dim = 3};
    struct lte_diag_rule_op d = base; // Kimi Delta Attention
    d.k = (struct lte_rule_source){0, 0, 2}, d.v = (struct lte_rule_source){0, 10, 4};
    d.q = (struct lte_rule_source){0, 22, 2}, d.decay = (struct lte_rule_source){1, 0, 4};
    d.beta = (struct lte_rule_source){1, 20, 4}, d.decays = 5, d.step = LTE_RULE_ERASES;
    check_rule(context, d, 2, (const size_t[]){32, 24}, "diag_rule");
    d.decay = (struct lte_rule_source){1, 1, 2}, d.beta = (struct lte_rule_source){1, 4, 4};
    d.decays = 1;
    check_rule(context, d, 2, (const size_t[]){33, 8}, "diag_rule, one decay a head, some shared");
    d = base; // retention: k and v shared
    d.q = (struct lte_rule_source){0, 0, 4}, d.k = (struct lte_rule_source){0, 20, 2};
    d.v = (struct lte_rule_source){1, 0, 2}, d.decays = 1, d.fixed = fixed;
    check_rule(context, d, 2, (const size_t[]){30, 6}, "diag_rule, fixed decays");
    d = base; // HGRN2: k beside the decays
    d.q = (struct lte_rule_source){0, 0, 4}, d.k = (struct lte_rule_source){1, 20, 4};
    d.v = (struct lte_rule_source){2, 0, 4}, d.decay = (struct lte_rule_source){1, 0, 4};
    d.decays = 5;
    check_rule(context, d, 3, (const size_t[]){20, 40, 12}, "diag_rule, nothing erased");
    d = base; // Mamba2: q and k shared, v weighed
    d.v = (struct lte_rule_source){0, 0, 4}, d.k = (struct lte_rule_source){0, 12, 2};
    d.q = (struct lte_rule_source){0, 22, 2}, d.decay = (struct lte_rule_source){1, 0, 4};
    d.beta = (struct lte_rule_source){1, 4, 4}, d.decays = 1, d.step = LTE_RULE_WEIGHS;
    check_rule(context, d, 2, (const size_t[]){32, 8}, "diag_rule, weighed");
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
    check_rules(context);
    check_gates(context, 5, 0, true, "delta_gates, five channels a head");
    check_gates(context, 5, -5, true, "delta_gates, bounded");
    check_gates(context, 1, 0, false, "delta_gates, no decay");
    lte_close(context);
    return check_end();
}
