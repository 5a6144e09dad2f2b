// SPDX-License-Identifier: BSD-2-Clause
// Gradients of the row-wise ops: elementwise, norms, embedding.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static const double TOLERANCE = 2e-6; // of the largest gradient of a tensor

static const size_t segments[] = {5, 1, 40};
enum { SEGMENTS = 3 };

// A case of `inputs` inputs and one output, all of the same width.
static struct grad_case make(struct lte_context *context, enum lte_op_kind kind, size_t inputs,
                             size_t width, size_t sequences)
{
    struct grad_case c = {.context = context,
                          .op = {.kind = kind, .out = (lte_value)inputs},
                          .inputs = inputs, .outputs = 1,
                          .segment = segments, .segments = sequences};
    for (size_t i = 0; i < LTE_OP_INPUTS; i++)
        c.op.in[i] = i < inputs ? (lte_value)i : LTE_NO_VALUE;
    for (size_t i = 0; i <= inputs; i++)
        c.width[i] = width;
    for (size_t i = 0; i < inputs; i++)
        c.in[i] = grad_normal(grad_rows(&c) * width, 2);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * width, 1);
    return c;
}

static void drop(struct grad_case *c)
{
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static void elementwise_forward(const struct grad_case *c, double *const *in, double *const *weight,
                                double *const *out)
{
    (void)weight;
    for (size_t i = 0; i < grad_rows(c) * c->width[0]; i++)
        out[0][i] = c->op.kind == LTE_OP_ADD    ? in[0][i] + in[1][i]
                    : c->op.kind == LTE_OP_SILU ? silu(in[0][i])
                                                : silu(in[0][i]) * in[1][i];
}

static void check_elementwise(struct lte_context *context, const char *level)
{
    static const struct {
        enum lte_op_kind kind;
        size_t inputs;
        const char *name;
    } ops[] = {{LTE_OP_ADD, 2, "add"}, {LTE_OP_SWIGLU, 2, "swiglu"}, {LTE_OP_SILU, 1, "silu"}};
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        struct grad_case c = make(context, ops[i].kind, ops[i].inputs, 21, SEGMENTS);
        c.in[0][3] = 300; // saturated
        c.in[0][4] = -300;
        snprintf(name, sizeof name, "%s %s", ops[i].name, level);
        grad_check(&c, elementwise_forward, TOLERANCE, name);
        c.row_block = 7;
        snprintf(name, sizeof name, "%s %s, rows in blocks", ops[i].name, level);
        grad_check(&c, elementwise_forward, TOLERANCE, name);
        drop(&c);
    }
}

// All norms in double; columns that no vector covers are passed on.
static void norm_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const struct lte_norm_op *n = &c->op.norm;
    const bool l2 = c->op.kind == LTE_OP_L2NORM;
    for (size_t r = 0; r < grad_rows(c); r++) {
        const size_t at = r * c->width[0];
        memcpy(out[0] + at, in[0] + at, c->width[0] * sizeof(double));
        for (size_t v = 0; v < n->vectors; v++) {
            const double *x = in[0] + at + n->column + v * n->width;
            double *y = out[0] + at + n->column + v * n->width, sum = 0;
            const double *gate = c->inputs > 1 ? in[1] + (x - in[0]) : NULL;
            for (size_t i = 0; i < n->width; i++)
                sum += x[i] * x[i];
            const double scale = l2 ? (v < n->scaled ? n->scale : 1) / sqrt(sum + n->eps)
                                    : 1 / sqrt(sum / (double)n->width + n->eps);
            for (size_t i = 0; i < n->width; i++)
                y[i] = x[i] * scale * (n->weight ? weight[0][n->own ? v * n->width + i : i] : 1) *
                       (gate ? silu(gate[i]) : 1);
        }
    }
}

struct norm_shape {
    enum lte_op_kind kind;
    size_t width, column, vectors, vector, scaled;
    bool weighted;
    const char *name;
    bool own;
};

static void check_norm(struct lte_context *context, const char *level, const struct norm_shape *s)
{
    char name[64];
    const size_t weights = s->own ? s->vectors * s->vector : s->vector;
    float *w = grad_normal(weights, 1);
    struct grad_case c = make(context, s->kind, s->kind == LTE_OP_GATED_NORM ? 2 : 1, s->width,
                              SEGMENTS);
    c.op.norm = (struct lte_norm_op){.weight = s->weighted ? w : NULL,
                                     .own = s->own,
                                     .column = s->column,
                                     .vectors = s->vectors,
                                     .width = s->vector,
                                     .scaled = s->scaled,
                                     .eps = 1e-6f,
                                     .scale = 0.25f};
    c.weights = s->weighted;
    c.weight[0] = (struct grad_weight){.data = w, .floats = weights};
    snprintf(name, sizeof name, "%s %s", s->name, level);
    grad_check(&c, norm_forward, TOLERANCE, name);
    c.row_block = 33; // of 46 rows
    snprintf(name, sizeof name, "%s %s, rows in blocks", s->name, level);
    grad_check(&c, norm_forward, TOLERANCE, name);
    drop(&c);
    free(w);
}

static void check_norms(struct lte_context *context, const char *level)
{
    static const struct norm_shape shapes[] = {
        {LTE_OP_RMSNORM, 39, 0, 1, 39, 0, true, "rmsnorm", false},
        {LTE_OP_RMSNORM, 23, 2, 3, 6, 0, true, "rmsnorm of heads", false},
        {LTE_OP_RMSNORM, 18, 0, 3, 6, 0, true, "rmsnorm, weights of each head", true},
        {LTE_OP_GATED_NORM, 14, 0, 2, 7, 0, true, "gated_norm, weights of each head", true},
        {LTE_OP_RMSNORM, 7, 0, 1, 7, 0, false, "rmsnorm without weights", false},
        {LTE_OP_L2NORM, 31, 1, 4, 7, 2, false, "l2norm of q and k heads", false},
        {LTE_OP_L2NORM, 36, 0, 2, 18, 2, false, "l2norm of whole rows", false},
        {LTE_OP_GATED_NORM, 33, 0, 3, 11, 0, true, "gated_norm", false},
        {LTE_OP_GATED_NORM, 20, 0, 1, 20, 0, true, "gated_norm, one head", false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_norm(context, level, &shapes[i]);
}

static void embed_forward(const struct grad_case *c, double *const *in, double *const *weight,
                          double *const *out)
{
    const size_t width = c->width[0];
    (void)in;
    for (size_t r = 0; r < grad_rows(c); r++)
        memcpy(out[0] + r * width, weight[0] + c->tokens[r] * width, width * sizeof(double));
}

// More columns than a thread takes at a time; tokens repeat, and some never come.
static void check_embed(struct lte_context *context, const char *level)
{
    enum { VOCABULARY = 9, WIDTH = 71, ROWS = 46 };
    uint32_t tokens[ROWS];
    char name[64];
    float *table = grad_normal(VOCABULARY * WIDTH, 1);
    struct grad_case c = make(context, LTE_OP_EMBED, 0, WIDTH, SEGMENTS);
    for (size_t r = 0; r < ROWS; r++)
        tokens[r] = (uint32_t)check_below(VOCABULARY - 2);
    c.op.embed.table = (struct lte_matrix){table, LTE_DTYPE_F32, VOCABULARY, WIDTH};
    c.tokens = tokens;
    c.weights = 1;
    c.weight[0] = (struct grad_weight){.data = table, .floats = VOCABULARY * WIDTH};
    snprintf(name, sizeof name, "embed %s", level);
    grad_check(&c, embed_forward, TOLERANCE, name);
    drop(&c);
    free(table);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_rows");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *context = inside_context(*level, 1);
        check_elementwise(context, *level);
        check_norms(context, *level);
        check_embed(context, *level);
        lte_close(context);
    }
    return check_end();
}
