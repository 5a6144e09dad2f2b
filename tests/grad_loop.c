// SPDX-License-Identifier: BSD-2-Clause
// Gradients of what looped models add: the residual around a loop, the gate on attention's output,
// the splitting of a projection, interleaved rotary pairs.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static const double TOLERANCE = 3e-6; // of the largest gradient of a tensor

static const size_t segments[] = {5, 1, 40};
enum { SEGMENTS = 3 };

// Inputs and one output of the widths given.
static struct grad_case make(struct lte_context *context, enum lte_op_kind kind, size_t inputs,
                             const size_t *width)
{
    struct grad_case c = {.context = context,
                          .op = {.kind = kind, .out = (lte_value)inputs},
                          .inputs = inputs, .outputs = 1,
                          .segment = segments, .segments = SEGMENTS};
    for (size_t i = 0; i < LTE_OP_INPUTS; i++)
        c.op.in[i] = i < inputs ? (lte_value)i : LTE_NO_VALUE;
    for (size_t i = 0; i <= inputs; i++)
        c.width[i] = width[i];
    for (size_t i = 0; i < inputs; i++)
        c.in[i] = grad_normal(grad_rows(&c) * width[i], 1);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * width[inputs], 1);
    return c;
}

static void run(struct grad_case *c, grad_forward_fn *forward, const char *what, const char *level)
{
    char name[96];
    snprintf(name, sizeof name, "%s %s", what, level);
    grad_check(c, forward, TOLERANCE, name);
    c->row_block = 9;
    snprintf(name, sizeof name, "%s %s, rows in blocks", what, level);
    grad_check(c, forward, TOLERANCE, name);
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

static void loop_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const size_t width = c->width[0];
    for (size_t i = 0; i < grad_rows(c) * width; i++)
        out[0][i] = in[0][i] + weight[0][c->op.loop_gate.one ? 0 : i % width] *
                                   in[1][i / width * c->width[1] + i % width];
}

static void check_loop_gate(struct lte_context *context, const char *level, bool one)
{
    const size_t width[] = {19, one ? 19 : 24, 19}; // a wider start is taken from its first columns
    float *w = grad_normal(19, 1);
    struct grad_case c = make(context, LTE_OP_LOOP_GATE, 2, width);
    c.op.loop_gate = (struct lte_loop_gate_op){w, 19, one};
    c.weights = 1;
    c.weight[0] = (struct grad_weight){.data = w, .floats = one ? 1 : 19};
    run(&c, loop_forward, one ? "loop_gate, one number" : "loop_gate", level);
    free(w);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void gate_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const struct lte_sdpa_gate_op *g = &c->op.sdpa_gate;
    (void)weight;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t v = 0; v < g->vectors; v++)
            for (size_t i = 0; i < g->width; i++) {
                const size_t at = r * c->width[0] + v * g->width + i;
                const double *z = in[1] + r * c->width[1] + g->column + v * g->stride;
                out[0][at] = in[0][at] * sigmoid(z[g->one ? 0 : i]);
            }
}

static void check_sdpa_gate(struct lte_context *context, const char *level)
{
    static const struct {
        const char *name;
        struct lte_sdpa_gate_op op;
        size_t width[3];
    } shapes[] = {
        {"sdpa_gate by element", {3, 70, 70, 0, false}, {210, 210, 210}},
        {"sdpa_gate by head", {5, 7, 1, 0, true}, {35, 5, 35}},
        {"sdpa_gate of a doubled projection", {3, 6, 12, 6, false}, {18, 36, 18}},
    };
    for (size_t i = 0; i < 3; i++) {
        struct grad_case c = make(context, LTE_OP_SDPA_GATE, 2, shapes[i].width);
        c.op.sdpa_gate = shapes[i].op;
        c.in[1][0] = 200; // saturated
        c.in[1][1] = -200;
        run(&c, gate_forward, shapes[i].name, level);
    }
}

static void split_forward(const struct grad_case *c, double *const *in, double *const *weight,
                          double *const *out)
{
    const struct lte_split_op *s = &c->op.split;
    (void)weight;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t v = 0; v < s->vectors; v++)
            memcpy(out[0] + r * c->width[1] + v * s->width,
                   in[0] + r * c->width[0] + s->column + v * s->stride, s->width * sizeof(double));
}

static void check_split(struct lte_context *context, const char *level)
{
    static const size_t width[] = {40, 15};
    struct grad_case c = make(context, LTE_OP_SPLIT, 1, width);
    c.op.split = (struct lte_split_op){.vectors = 3, .width = 5, .stride = 12, .column = 4};
    run(&c, split_forward, "split", level);
}

enum { HEADS = 3, DIM = 26 };

// The angles are an input without a gradient.
static void rope_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    (void)weight;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t h = 0; h < HEADS; h++)
            for (size_t i = 0; i < DIM / 2; i++) {
                const double *cos_ = in[1] + r * DIM, *sin_ = cos_ + DIM / 2;
                const double *x = in[0] + (r * HEADS + h) * DIM + 2 * i;
                double *y = out[0] + (r * HEADS + h) * DIM + 2 * i;
                y[0] = x[0] * cos_[i] - x[1] * sin_[i];
                y[1] = x[1] * cos_[i] + x[0] * sin_[i];
            }
}

static void check_rope(struct lte_context *context, const char *level)
{
    static const size_t width[] = {HEADS * DIM, DIM, HEADS * DIM};
    struct grad_case c = make(context, LTE_OP_ROPE, 2, width);
    c.op.rope = (struct lte_rope_op){.heads = HEADS, .head_dim = DIM, .pairs = true};
    run(&c, rope_forward, "rope, interleaved", level);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_loop");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 1);
        check_loop_gate(c, *level, false);
        check_loop_gate(c, *level, true);
        check_sdpa_gate(c, *level);
        check_split(c, *level);
        check_rope(c, *level);
        lte_close(c);
    }
    return check_end();
}
