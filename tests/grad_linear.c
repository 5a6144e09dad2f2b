// SPDX-License-Identifier: BSD-2-Clause
// The gradient of linear: one to six parts, shared outputs, biases, weights of 16 bits.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

// Output `out`, from column `column` on: rows x cols weights, with or without a bias.
struct part {
    size_t out, column, rows;
    bool bias;
};

struct shape {
    const char *name;
    size_t cols;
    size_t parts;
    struct part part[LTE_LINEAR_PARTS];
    size_t outputs, width[GRAD_OUTPUTS]; // parts fill the outputs
    size_t segment[4], segments;
    size_t row_block;
};

static const struct shape shapes[] = {
    {"one part", 9, 1, {{0, 0, 7, false}}, 1, {7}, {5, 3}, 2, 0},
    {"one row", 5, 1, {{0, 0, 3, true}}, 1, {3}, {1}, 1, 0},
    {"q, k, v in one output", 17, 3, {{0, 0, 16, true}, {0, 16, 8, true}, {0, 24, 8, false}}, 1,
     {32}, {11, 1, 19}, 3, 0},
    {"six parts, three outputs", 21, 6,
     {{0, 0, 13, false}, {0, 13, 5, false}, {1, 0, 2, true}, {1, 2, 2, false}, {2, 0, 1, true},
      {2, 1, 18, false}}, 3, {18, 4, 19}, {13, 20}, 2, 0},
    {"blocks of rows", 12, 2, {{0, 0, 6, true}, {1, 0, 9, false}}, 2, {6, 9}, {40, 27}, 2, 32},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// A case made of a shape, and what it holds.
struct made {
    struct grad_case c;
    void *held[2 * LTE_LINEAR_PARTS + 1 + GRAD_OUTPUTS];
    size_t count;
};

static void *hold(struct made *m, void *memory)
{
    return m->held[m->count++] = memory;
}

static const void *add_weight(struct made *m, size_t n, enum lte_dtype type)
{
    float *wide = grad_normal(n, 0.3f);
    void *data = wide;
    if (type != LTE_DTYPE_F32) {
        data = malloc(n * lte_dtype_size(type));
        if (!data)
            exit(99);
        check_ref()->narrow[type](data, wide, n);
        free(wide);
    }
    m->c.weight[m->c.weights++] = (struct grad_weight){.data = data, .floats = n, .type = type};
    return hold(m, data);
}

static void make(struct made *m, struct lte_context *context, const struct shape *s,
                 enum lte_dtype type)
{
    *m = (struct made){{.context = context, .inputs = 1, .outputs = s->outputs, .width = {s->cols},
                        .segment = s->segment, .segments = s->segments,
                        .row_block = s->row_block}, {0}, 0};
    struct grad_case *c = &m->c;
    c->op = (struct lte_op){.kind = LTE_OP_LINEAR, .out = LTE_NO_VALUE,
                            .in = {0, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                            .linear = {.parts = (unsigned)s->parts}};
    const size_t rows = grad_rows(c);
    c->in[0] = hold(m, grad_normal(rows * s->cols, 1));
    for (size_t i = 0; i < s->outputs; i++) {
        c->width[1 + i] = s->width[i];
        c->out_gradient[i] = hold(m, grad_normal(rows * s->width[i], 1));
    }
    for (size_t i = 0; i < s->parts; i++) {
        const struct part *p = &s->part[i];
        const void *w = add_weight(m, p->rows * s->cols, type);
        const void *bias = p->bias ? add_weight(m, p->rows, LTE_DTYPE_F32) : NULL;
        c->op.linear.part[i] = (struct lte_linear_part){.weight = {w, type, p->rows, s->cols},
                                                               .bias = bias,
                                                               .out = (lte_value)(1 + p->out),
                                                               .column = p->column};
    }
}

static void drop(struct made *m)
{
    grad_free(&m->c);
    for (size_t i = 0; i < m->count; i++)
        free(m->held[i]);
}

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    for (size_t i = 0, next = 0; i < c->op.linear.parts; i++) {
        const struct lte_linear_part *p = &c->op.linear.part[i];
        const size_t rows = p->weight.rows, cols = p->weight.cols;
        const double *w = weight[next++], *bias = p->bias ? weight[next++] : NULL;
        for (size_t t = 0; t < grad_rows(c); t++)
            for (size_t r = 0; r < rows; r++) {
                double sum = bias ? bias[r] : 0;
                for (size_t k = 0; k < cols; k++)
                    sum += w[r * cols + k] * in[0][t * cols + k];
                out[p->out - 1][t * c->width[p->out] + p->column + r] = sum;
            }
    }
}

// The two products of a gradient as sums in double; large enough to cross every block of them.
static double dx_at(const struct grad_case *c, size_t t, size_t column)
{
    const struct lte_matrix *w = &c->op.linear.part[0].weight;
    const float *data = w->data;
    double sum = 0;
    for (size_t r = 0; r < w->rows; r++)
        sum += (double)c->out_gradient[0][t * w->rows + r] * data[r * w->cols + column];
    return sum;
}

static double dw_at(const struct grad_case *c, size_t r, size_t column)
{
    const struct lte_matrix *w = &c->op.linear.part[0].weight;
    double sum = 0;
    for (size_t t = 0; t < grad_rows(c); t++)
        sum += (double)c->out_gradient[0][t * w->rows + r] * c->in[0][t * w->cols + column];
    return sum;
}

static double db_at(const struct grad_case *c, size_t r, size_t column)
{
    (void)column;
    double sum = 0;
    for (size_t t = 0; t < grad_rows(c); t++)
        sum += c->out_gradient[0][t * c->width[1] + r];
    return sum;
}

static double worst_of(const struct grad_case *c, const float *got, size_t rows, size_t cols,
                       double (*want)(const struct grad_case *c, size_t row, size_t column))
{
    double worst = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            const double error = fabs(got[i * cols + j] - want(c, i, j));
            worst = isnan(error) ? INFINITY : fmax(worst, error);
        }
    return worst;
}

static void large(struct lte_context *context)
{
    enum { ROWS = 519, OUT = 270, COLS = 301 };
    const struct shape s = {"large", COLS, 1, {{0, 0, OUT, true}}, 1, {OUT}, {300, ROWS - 300}, 2, 0};
    struct made m;
    make(&m, context, &s, LTE_DTYPE_F32);
    struct grad_case *c = &m.c;
    const bool ran = check_ok(grad_run(c, &(struct grad_run){2, 0, 0}), "large: runs");
    if (ran) {
        const double dx = worst_of(c, c->in_gradient[0], ROWS, COLS, dx_at);
        const double dw = worst_of(c, c->weight[0].gradient, OUT, COLS, dw_at);
        const double db = worst_of(c, c->weight[1].gradient, OUT, 1, db_at);
        check_ok(dx < 2e-4 && dw < 1e-3 && db < 5e-4, "large: dx %.2g, dw %.2g, db %.2g off", dx, dw,
                 db);
    }
    drop(&m);
}

int main(int argc, char **argv)
{
    static const enum lte_dtype types[] = {LTE_DTYPE_F32, LTE_DTYPE_BF16, LTE_DTYPE_F16};
    check_begin(argc, argv, "grad_linear");
    struct lte_context *context = inside_context(NULL, 1);
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t j = 0; j < 3; j++) {
            struct made m;
            char name[80];
            snprintf(name, sizeof name, "%s, %s", shapes[i].name, lte_dtype_name(types[j]));
            make(&m, context, &shapes[i], types[j]);
            grad_check(&m.c, forward, 1e-5, name);
            drop(&m);
        }
    large(context);
    lte_close(context);
    return check_end();
}
