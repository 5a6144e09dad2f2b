// SPDX-License-Identifier: BSD-2-Clause
// Vectors of the specification that concern ops rather than kernels: T5 (gates), T14 (retention
// scorer as a stream), T15 (the threshold).
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/inside.h"

// The sequence of the specification: element i of u(c).
static float u(double c, size_t i)
{
    return (float)sin(c + 0.7 * (double)i);
}

static void compute(struct lte_par *par, void *arg)
{
    struct lte_exec *x = arg;
    x->par = par;
    lte_op_table[x->graph->op->kind]->compute(x, x->graph->op);
}

// Runs one op over `rows` tokens in pieces of `piece`. Values 0, 1, ... are the inputs, each
// [rows][width]; the last is the output, which may be the first.
static void run_op(struct lte_context *c, struct lte_op *op, size_t *width, size_t inputs,
                   const float *const *in, size_t rows, size_t piece, float *out)
{
    struct lte_graph g = {.op = op, .ops = 1, .head = 1, .width = width, .values = inputs + 1, .slots = 1};
    const struct lte_model m = {.context = c, .graph = &g, .vocabulary = 1};
    struct lte_session *s = inside_session(&m, (uint32_t)piece);
    for (size_t at = 0; at < rows; at += piece) {
        const size_t n = rows - at < piece ? rows - at : piece;
        const struct lte_segment segment = {s, 0, n, at};
        struct lte_exec x = {.graph = &g, .context = c, .kernels = &c->kernels, .memory = lte_session_memory(s),
                             .segment = &segment, .segments = 1, .rows = n};
        for (size_t i = 0; i < inputs; i++)
            memcpy(lte_exec_value(&x, (lte_value)i), in[i] + at * width[i],
                   n * width[i] * sizeof(float));
        lte_par_run(c->par, compute, &x);
        memcpy(out + at * width[op->out], lte_exec_value(&x, op->out),
               n * width[op->out] * sizeof(float));
    }
    lte_session_free(s);
}

static void check_gates(struct lte_context *c, const char *level)
{
    const float neg_exp_A = -expf(0.5f), dt_bias = -1, in[] = {2, 0, 30, 100, -200, -100};
    const float *const inputs[] = {in};
    struct lte_op op = {.kind = LTE_OP_DELTA_GATES,
                        .in = {0, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                        .out = 0,
                        .delta_gates = {&neg_exp_A, &dt_bias, 1, 1, 1.0f, 0}};
    size_t width[] = {2, 2};
    float out[6];
    run_op(c, &op, width, 1, inputs, 3, 3, out);
    check_ok(fabs(out[0] + 2.165202) < 1e-5 && out[1] == 0.5f, "T5 %s: g is %.6f", level, out[0]);
    check_ok(fabs(out[2] + exp(0.5) * 29) < 1e-4 && out[3] == 1, "T5 %s: a = 30 does not overflow", level);
    check_ok(out[4] <= 0 && out[4] > -1e-30 && out[5] >= 0 && out[5] < 1e-30,
             "T5 %s: nor do very negative gates", level);
}

enum { HEADS = 2, DIM = 4, TAPS = 3, LAYERS = 3, ROWS = 7, DELAY = 6 };

// The scorer of T14, its weights brought from [heads*out][in][taps] to [heads][taps][in][out].
struct scorer {
    float weight[LAYERS + 1][HEADS * DIM * 2 * DIM * TAPS], bias[LAYERS + 1][HEADS * DIM];
    struct lte_op op;
};

static void add_conv(struct scorer *s, size_t i, size_t in, size_t out, size_t taps, size_t dilation,
                     double scale, double weight_at, double bias_scale, double bias_at)
{
    for (size_t h = 0; h < HEADS; h++)
        for (size_t o = 0; o < out; o++)
            for (size_t k = 0; k < in * taps; k++)
                s->weight[i][((h * taps + k % taps) * in + k / taps) * out + o] =
                    (float)(scale * sin(weight_at + 0.7 * (double)((h * out + o) * in * taps + k)));
    for (size_t o = 0; o < HEADS * out; o++)
        s->bias[i][o] = (float)(bias_scale * sin(bias_at + 0.7 * (double)o));
    const size_t reach = (taps - 1) * dilation / 2;
    s->op.score.conv[i] = (struct lte_scorer_conv){
        s->weight[i], s->bias[i], in, out, taps, dilation, reach, reach};
}

static struct lte_op score_op(void)
{
    return (struct lte_op){.kind = LTE_OP_LTE_SCORE,
                           .in = {0, 1, LTE_NO_VALUE, LTE_NO_VALUE},
                           .out = 2,
                           .score = {.heads = HEADS, .head_dim = DIM, .convs = LAYERS + 1,
                                     .delay = DELAY}};
}

static void check_scorer(struct lte_context *c, const char *level)
{
    static const float wanted[HEADS] = {0.142422f, 0.117045f}; // the row with all of its context
    static struct scorer s;
    float k[ROWS * HEADS * DIM], v[ROWS * HEADS * DIM], out[ROWS * HEADS];
    const float *const inputs[] = {k, v};
    size_t width[] = {HEADS * DIM, HEADS * DIM, HEADS};
    bool good = true;
    s.op = score_op();
    for (size_t i = 0; i < LAYERS; i++)
        add_conv(&s, i, 2 * DIM >> i, DIM >> i, TAPS, 2, 0.5, 1 + (double)i, 0.1, 2 + (double)i);
    add_conv(&s, LAYERS, 1, 1, 1, 1, 1, 5, 0, 0);
    s.bias[LAYERS][0] = s.bias[LAYERS][1] = 0.5f;
    for (size_t i = 0; i < ROWS * HEADS * DIM; i++) {
        k[i] = u(0.2, i);
        v[i] = u(0.3, i);
    }
    for (size_t piece = 1; piece <= ROWS; piece++) {
        run_op(c, &s.op, width, 2, inputs, ROWS, piece, out);
        for (size_t h = 0; h < HEADS; h++)
            good &= fabsf(out[DELAY * HEADS + h] - wanted[h]) < 1e-5f;
    }
    check_ok(good, "T14 %s: the streaming scorer in pieces of 1 to %d", level, ROWS);
}

// Every weight 0: the logit is the last bias.
static float constant_score(struct lte_context *c, float z, bool relu)
{
    static struct scorer s;
    float k[ROWS * HEADS * DIM] = {0}, out[ROWS * HEADS];
    const float *const inputs[] = {k, k};
    size_t width[] = {HEADS * DIM, HEADS * DIM, HEADS};
    s.op = score_op();
    s.op.score.relu = relu;
    for (size_t i = 0; i < LAYERS; i++)
        add_conv(&s, i, 2 * DIM >> i, DIM >> i, TAPS, 2, 0, 0, 0, 0);
    add_conv(&s, LAYERS, 1, 1, 1, 1, 0, 0, 0, 0);
    s.bias[LAYERS][0] = s.bias[LAYERS][1] = z;
    run_op(c, &s.op, width, 2, inputs, ROWS, ROWS, out);
    return out[DELAY * HEADS];
}

static void check_threshold(struct lte_context *c, const char *level)
{
    check_ok(constant_score(c, 0, false) == 0, "T15 %s: z = 0 scores 0", level);
    check_ok(constant_score(c, 1e-3f, false) > 0 && constant_score(c, 1e-12f, false) > 0,
             "T15 %s: any positive z scores above 0", level);
    check_ok(constant_score(c, -1e-12f, false) < 0, "T15 %s: a negative one below", level);
    check_ok(constant_score(c, 2, true) == 2 && constant_score(c, -2, true) == 0,
             "T15 %s: the relu form", level);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "spec_ops");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 1);
        check_gates(c, *level);
        check_scorer(c, *level);
        check_threshold(c, *level);
        lte_close(c);
    }
    return check_end();
}
