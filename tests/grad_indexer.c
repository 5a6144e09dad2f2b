// SPDX-License-Identifier: BSD-2-Clause
// Gradients of what comes before the indexer's scores: a layernorm within a row, rope on a part of
// heads, and products from which nothing flows back.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

enum { WIDTH = 31, COLUMN = 12, NORM = 9, VECTORS = 2 };

static const size_t segments[] = {33, 1, 12};

static struct grad_case make(struct lte_context *context, enum lte_op_kind kind, size_t inputs)
{
    struct grad_case c = {.context = context, .inputs = inputs, .outputs = 1, .segment = segments,
                          .segments = 3};
    c.op = (struct lte_op){.kind = kind, .in = {LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                           .out = (lte_value)inputs};
    for (size_t i = 0; i <= inputs; i++)
        c.width[i] = WIDTH;
    for (size_t i = 0; i < inputs; i++) {
        c.op.in[i] = (lte_value)i;
        c.in[i] = grad_normal(grad_rows(&c) * WIDTH, 1);
    }
    c.out_gradient[0] = grad_normal(grad_rows(&c) * WIDTH, 1);
    return c;
}

static void drop(struct grad_case *c)
{
    for (size_t i = 0; i < c->inputs; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

static void norm_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    for (size_t r = 0; r < grad_rows(c); r++) {
        memcpy(out[0] + r * WIDTH, in[0] + r * WIDTH, WIDTH * sizeof(double));
        for (size_t v = 0; v < VECTORS; v++) {
            const size_t at = r * WIDTH + COLUMN + v * NORM;
            double mean = 0, square = 0;
            for (size_t i = 0; i < NORM; i++)
                mean += in[0][at + i] / NORM;
            for (size_t i = 0; i < NORM; i++)
                square += pow(in[0][at + i] - mean, 2) / NORM;
            for (size_t i = 0; i < NORM; i++)
                out[0][at + i] =
                    (in[0][at + i] - mean) / sqrt(square + 1e-6) * weight[0][i] + weight[1][i];
        }
    }
}

static void check_layernorm(struct lte_context *context, const char *level)
{
    struct grad_case c = make(context, LTE_OP_LAYERNORM, 1);
    float *weight = grad_normal(NORM, 1), *bias = grad_normal(NORM, 1);
    char name[64];
    c.op.norm = (struct lte_norm_op){.weight = weight, .bias = bias, .column = COLUMN,
                                     .vectors = VECTORS, .width = NORM, .eps = 1e-6f};
    c.weights = 2;
    c.weight[0] = (struct grad_weight){.data = weight, .floats = NORM};
    c.weight[1] = (struct grad_weight){.data = bias, .floats = NORM};
    snprintf(name, sizeof name, "layernorm %s", level);
    grad_check(&c, norm_forward, 1e-5, name);
    drop(&c);
    free(weight);
    free(bias);
}

enum { HEADS = 3, TURNED = 6, STRIDE = 9 };

static void rope_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const size_t half = TURNED / 2;
    (void)weight;
    memcpy(out[0], in[0], grad_rows(c) * WIDTH * sizeof(double));
    for (size_t r = 0; r < grad_rows(c); r++) {
        const double *cosine = in[1] + r * TURNED, *sine = cosine + half;
        for (size_t h = 0; h < HEADS; h++)
            for (size_t i = 0; i < half; i++) {
                const size_t at = r * WIDTH + h * STRIDE;
                const size_t a = at + (c->op.rope.pairs ? 2 * i : i);
                const size_t b = at + (c->op.rope.pairs ? 2 * i + 1 : i + half);
                out[0][a] = in[0][a] * cosine[i] - in[0][b] * sine[i];
                out[0][b] = in[0][b] * cosine[i] + in[0][a] * sine[i];
            }
    }
}

static void check_rope(struct lte_context *context, const char *level, bool pairs)
{
    struct grad_case c = make(context, LTE_OP_ROPE, 2);
    char name[64];
    c.width[1] = TURNED;
    c.op.rope = (struct lte_rope_op){.heads = HEADS, .head_dim = TURNED, .stride = STRIDE, .pairs = pairs};
    snprintf(name, sizeof name, "rope of a part %s%s", level, pairs ? ", interleaved" : "");
    grad_check(&c, rope_forward, 1e-5, name);
    drop(&c);
}

static bool all_are(const float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != value)
            return false;
    return true;
}

// The same weight gradients to the bit, and what was in the input's stays.
static void check_detached(struct lte_context *context, const char *level)
{
    const struct grad_run run = {.threads = 2, .start = 0.25f};
    float *weight = grad_normal(WIDTH * WIDTH, 1), *kept = malloc(WIDTH * WIDTH * sizeof *kept);
    struct grad_case c = make(context, LTE_OP_LINEAR, 1);
    const size_t n = grad_rows(&c) * WIDTH;
    c.op.out = LTE_NO_VALUE;
    c.op.linear = (struct lte_linear_op){
        .parts = 1, .part = {{.weight = {weight, LTE_DTYPE_F32, WIDTH, WIDTH}, .out = 1}}};
    c.weights = 1;
    c.weight[0] = (struct grad_weight){.data = weight, .floats = WIDTH * WIDTH};
    bool good = grad_run(&c, &run) && !all_are(c.in_gradient[0], n, 0.25f);
    memcpy(kept, c.weight[0].gradient, WIDTH * WIDTH * sizeof *kept);
    c.op.linear.detached = true;
    good = grad_run(&c, &run) && all_are(c.in_gradient[0], n, 0.25f) && good;
    good = good && !memcmp(kept, c.weight[0].gradient, WIDTH * WIDTH * sizeof *kept);
    check_ok(good, "%s: a detached product learns, and lets nothing through", level);
    drop(&c);
    free(weight);
    free(kept);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_indexer");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *context = inside_context(*level, 1);
        check_layernorm(context, *level);
        check_rope(context, *level, false);
        check_rope(context, *level, true);
        check_detached(context, *level);
        lte_close(context);
    }
    return check_end();
}
