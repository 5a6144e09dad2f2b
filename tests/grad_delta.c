// SPDX-License-Identifier: BSD-2-Clause
// Gradients of what surrounds the delta rule: the gates and the short convolution.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static const double TOLERANCE = 2e-6; // of the largest gradient of a tensor

static struct grad_case make(struct lte_context *context, enum lte_op_kind kind, size_t width,
                             const size_t *segment, size_t segments)
{
    struct grad_case c = {.context = context,
                          .op = {.kind = kind,
                                 .in = {0, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                                 .out = 1},
                          .inputs = 1, .outputs = 1, .width = {width, width},
                          .segment = segment, .segments = segments};
    c.in[0] = grad_normal(grad_rows(&c) * width, 2);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * width, 1);
    return c;
}

static void drop(struct grad_case *c)
{
    free(c->in[0]);
    free(c->out_gradient[0]);
    grad_free(c);
}

static void gates_forward(const struct grad_case *c, double *const *in, double *const *weight,
                          double *const *out)
{
    const size_t heads = c->op.delta_gates.heads;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t h = 0; h < heads; h++) {
            const size_t a = r * 2 * heads + h, b = a + heads;
            const double u = in[0][a] + weight[1][h];
            out[0][a] = weight[0][h] * (u > 0 ? u + log1p(exp(-u)) : log1p(exp(u)));
            out[0][b] = c->op.delta_gates.beta_scale / (1 + exp(-in[0][b]));
        }
}

static struct grad_case make_gates(struct lte_context *context, const float *neg_exp_A,
                                   const float *dt_bias, size_t heads, float scale,
                                   const size_t *segment, size_t segments)
{
    struct grad_case c = make(context, LTE_OP_DELTA_GATES, 2 * heads, segment, segments);
    c.op.delta_gates = (struct lte_delta_gates_op){neg_exp_A, dt_bias, heads, 1, scale, 0};
    c.weights = 2;
    c.weight[0] = (struct grad_weight){.data = neg_exp_A, .floats = heads};
    c.weight[1] = (struct grad_weight){.data = dt_bias, .floats = heads};
    return c;
}

static void check_gates(struct lte_context *context, const char *level, size_t heads, float scale)
{
    static const size_t segments[] = {70, 1, 9};
    char name[64];
    float *neg_exp_A = grad_normal(heads, 1), *dt_bias = grad_normal(heads, 1);
    struct grad_case c = make_gates(context, neg_exp_A, dt_bias, heads, scale, segments, 3);
    for (size_t h = 0; h < heads; h++)
        neg_exp_A[h] = -expf(neg_exp_A[h]);
    c.in[0][0] = 60;
    c.in[0][heads] = -60;
    snprintf(name, sizeof name, "delta_gates %s, %zu heads, beta to %g", level, heads,
             (double)scale);
    grad_check(&c, gates_forward, TOLERANCE, name);
    c.row_block = 33;
    snprintf(name, sizeof name, "delta_gates %s, rows in blocks", level);
    grad_check(&c, gates_forward, TOLERANCE, name);
    drop(&c);
    free(neg_exp_A);
    free(dt_bias);
}

// T5 of the specification; dA_log is the gradient of -exp(A_log) times that.
static void check_known_gates(struct lte_context *context, const char *level)
{
    static const size_t one = 1;
    const float neg_exp_A = -expf(0.5f), dt_bias = -1;
    struct grad_case c = make_gates(context, &neg_exp_A, &dt_bias, 1, 1, &one, 1);
    c.in[0][0] = 2;
    c.out_gradient[0][0] = 1;
    bool good = grad_run(&c, &(struct grad_run){1, 0, 0});
    const float dA_log = good ? c.weight[0].gradient[0] * neg_exp_A : 0;
    good = good && fabs(dA_log + 2.165202) < 1e-5 &&
           fabs(c.weight[1].gradient[0] + 1.205312) < 1e-5 &&
           fabs(c.in_gradient[0][0] + 1.205312) < 1e-5;
    check_ok(good, "T5 %s: dA_log is %.6f", level, (double)dA_log);
    drop(&c);
}

// Gates far out, in both directions: finite, and 0 where the gate no longer moves.
static void check_saturation(struct lte_context *context, const char *level)
{
    static const size_t rows = 6;
    static const float far[] = {100, 1e4f, 1e30f, -100, -1e4f, -1e30f};
    const float neg_exp_A = -2, dt_bias = 0.5f;
    struct grad_case c = make_gates(context, &neg_exp_A, &dt_bias, 1, 2, &rows, 1);
    for (size_t r = 0; r < rows; r++) {
        c.in[0][2 * r] = c.in[0][2 * r + 1] = far[r];
        c.out_gradient[0][2 * r] = c.out_gradient[0][2 * r + 1] = 3;
    }
    bool good = grad_run(&c, &(struct grad_run){1, 0, 0});
    for (size_t r = 0; good && r < rows; r++)
        good = fabsf(c.in_gradient[0][2 * r] - (far[r] > 0 ? -6 : 0)) < 1e-6f &&
               fabsf(c.in_gradient[0][2 * r + 1]) < 1e-6f;
    good = good && isfinite(c.weight[0].gradient[0]) && isfinite(c.weight[1].gradient[0]);
    check_ok(good, "delta_gates %s: saturation", level);
    drop(&c);
}

static void conv_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const size_t width = c->width[0], taps = c->op.short_conv.taps;
    for (size_t s = 0, first = 0; s < c->segments; first += c->segment[s++])
        for (size_t t = 0; t < c->segment[s]; t++)
            for (size_t i = 0; i < width; i++) {
                double z = c->weights > 1 ? weight[1][i] : 0;
                for (size_t j = t + 1 < taps ? taps - 1 - t : 0; j < taps; j++)
                    z += weight[0][j * width + i] * in[0][(first + t + j + 1 - taps) * width + i];
                out[0][(first + t) * width + i] = z / (1 + exp(-z));
            }
}

static void check_conv(struct lte_context *context, const char *level, size_t channels, size_t taps,
                       bool biased)
{
    static const size_t segments[] = {2, 13, 1, 6};
    char name[64];
    float *w = grad_normal(taps * channels, 1);
    struct grad_case c = make(context, LTE_OP_SHORT_CONV, channels, segments, 4);
    float *bias = grad_normal(channels, 1);
    c.op.short_conv = (struct lte_short_conv_op){w, channels, taps, biased ? bias : NULL};
    c.weights = biased ? 2 : 1;
    c.weight[1] = (struct grad_weight){.data = bias, .floats = channels};
    c.weight[0] = (struct grad_weight){.data = w, .floats = taps * channels};
    snprintf(name, sizeof name, "short_conv %s, %zu channels, %zu taps%s", level, channels,
             taps, biased ? ", biased" : "");
    grad_check(&c, conv_forward, TOLERANCE, name);
    drop(&c);
    free(w);
    free(bias);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_delta");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *context = inside_context(*level, 1);
        check_known_gates(context, *level);
        check_saturation(context, *level);
        check_gates(context, *level, 3, 1);
        check_gates(context, *level, 5, 2);
        check_conv(context, *level, 37, 4, false);
        check_conv(context, *level, 131, 4, true); // more than a thread takes at a time
        for (size_t taps = 1; taps <= 5; taps++)
            check_conv(context, *level, 3, taps, taps % 2);
        lte_close(context);
    }
    return check_end();
}
