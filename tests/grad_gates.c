// SPDX-License-Identifier: BSD-2-Clause
// Gradients of the gates of HGRN2 and of Mamba2 by central differences.
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static const size_t segment[] = {37, 4};

static void run(struct grad_case *c, grad_forward_fn *forward, const char *name)
{
    const size_t rows = (c->segment = segment, c->segments = 2, grad_rows(c));
    c->inputs = c->outputs = 1;
    c->op.in[0] = 0;
    c->op.in[1] = c->op.in[2] = c->op.in[3] = LTE_NO_VALUE;
    c->op.out = 1;
    c->in[0] = grad_normal(rows * c->width[0], 2);
    if (c->op.kind == LTE_OP_STEP_GATES && c->op.step_gates.low > 0) // well on one side of the limits
        for (size_t i = 0; i < rows * c->width[0]; i++)
            c->in[0][i] = 4 * (float)check_below(3) - 4 + check_uniform(-.5f, .5f) -
                          c->op.step_gates.dt_bias[i % c->width[0]];
    c->out_gradient[0] = grad_normal(rows * c->width[1], 1);
    grad_check(c, forward, 3e-6, name);
    c->row_block = 33;
    grad_check(c, forward, 3e-6, name);
    free(c->in[0]);
    free(c->out_gradient[0]);
    grad_free(c);
}

static void forget_forward(const struct grad_case *c, double *const *in, double *const *weight,
                           double *const *out)
{
    const size_t n = c->op.forget_gates.channels;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t i = 0; i < n; i++) {
            const double lower = c->weights ? weight[0][i] : 0, f = in[0][r * n + i];
            const double a = lower + (1 - lower) / (1 + exp(-f));
            out[0][r * 2 * n + i] = log(a);
            out[0][r * 2 * n + n + i] = 1 - a;
        }
}

static void check_forget(struct lte_context *context, bool bounded, const char *name)
{
    enum { N = 13 };
    float lower[N];
    for (size_t i = 0; i < N; i++)
        lower[i] = check_uniform(0.01f, 0.9f);
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_FORGET_GATES,
                                 .forget_gates = {bounded ? lower : NULL, N}},
                          .width = {N, 2 * N}, .weights = bounded};
    c.weight[0] = (struct grad_weight){.data = lower, .floats = N};
    run(&c, forget_forward, name);
}

static void step_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const struct lte_step_gates_op *g = &c->op.step_gates;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t h = 0; h < g->heads; h++) {
            const double t = log1p(exp(in[0][r * g->heads + h] + weight[1][h]));
            const double step = fmin(fmax(t, g->low), g->high);
            out[0][r * 2 * g->heads + h] = weight[0][h] * step;
            out[0][(r * 2 + 1) * g->heads + h] = step;
        }
}

static void check_step(struct lte_context *context, float low, float high, const char *name)
{
    enum { N = 5 };
    float neg_exp_A[N], dt_bias[N];
    for (size_t h = 0; h < N; h++) {
        neg_exp_A[h] = -expf(check_uniform(-2, 2));
        dt_bias[h] = check_uniform(-1, 1);
    }
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_STEP_GATES,
                                 .step_gates = {neg_exp_A, dt_bias, N, low, high}},
                          .width = {N, 2 * N}, .weights = 2};
    c.weight[0] = (struct grad_weight){.data = neg_exp_A, .floats = N};
    c.weight[1] = (struct grad_weight){.data = dt_bias, .floats = N};
    run(&c, step_forward, name);
}

// Inputs far beyond what exp() can take: decays of 0 and of 1, and no gradient that is not a
// number.
static void check_extremes(struct lte_context *context, struct lte_op op, const char *name)
{
    enum { N = 5 };
    static const float extreme[N] = {-1e4f, -120, 0, 120, 1e4f};
    static const size_t rows[] = {3};
    struct grad_case c = {.context = context, .op = op, .width = {N, 2 * N}, .segment = rows,
                          .segments = 1, .inputs = 1, .outputs = 1};
    bool good = true;
    c.op.in[1] = c.op.in[2] = c.op.in[3] = LTE_NO_VALUE;
    c.op.out = 1;
    c.in[0] = grad_normal(3 * N, 1);
    c.out_gradient[0] = grad_normal(3 * 2 * N, 1);
    for (size_t i = 0; i < 3 * N; i++)
        c.in[0][i] = extreme[i % N];
    good = grad_run(&c, &(struct grad_run){.threads = 1});
    for (size_t r = 0; good && r < 3; r++)
        for (size_t i = 0; i < N; i++) {
            const float decay = c.out[0][r * 2 * N + i], other = c.out[0][(r * 2 + 1) * N + i];
            good = good && decay <= 0 && isfinite(decay) && other >= 0 && isfinite(other) &&
                   isfinite(c.in_gradient[0][r * N + i]);
        }
    check_ok(good, "%s: finite at extremes", name);
    free(c.in[0]);
    free(c.out_gradient[0]);
    grad_free(&c);
}

static void check_all_extremes(struct lte_context *context)
{
    static const float lower[] = {0.5f, 1e-30f, 0, 1e-30f, 0.999f};
    static const float neg_exp_A[] = {-16, -16, -1, -16, -1e-4f}, none[5] = {0};
    struct lte_op op = {.kind = LTE_OP_FORGET_GATES, .forget_gates = {NULL, 5}};
    check_extremes(context, op, "forget_gates");
    op.forget_gates.lower = lower;
    check_extremes(context, op, "forget_gates, bounded");
    op = (struct lte_op){.kind = LTE_OP_STEP_GATES,
                         .step_gates = {neg_exp_A, none, 5, 0, INFINITY}};
    check_extremes(context, op, "step_gates");
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_gates");
    struct lte_context *context = inside_context(NULL, 1);
    check_forget(context, false, "forget_gates");
    check_forget(context, true, "forget_gates, bounded");
    check_step(context, 0, INFINITY, "step_gates");
    check_step(context, 0.1f, 2, "step_gates, limited");
    check_all_extremes(context);
    lte_close(context);
    return check_end();
}
