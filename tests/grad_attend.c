// SPDX-License-Identifier: BSD-2-Clause
// Gradients of attention and rope: against differences, against the dense formulas where sequences
// are long, and the published example of token eviction.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/train/budget.h"
#include "tests/grad_rig.h"
#include "tests/inside.h"

struct shape {
    const char *name;
    struct lte_attend_op op;
    const size_t *segment;
    size_t segments;
};

static struct grad_case make(struct lte_context *context, const struct shape *s)
{
    const struct lte_attend_op *o = &s->op;
    struct grad_case c = {.context = context, .inputs = o->retains ? 4 : 3, .outputs = 1,
                          .segment = s->segment, .segments = s->segments};
    c.op = (struct lte_op){.kind = LTE_OP_ATTEND,
                           .in = {0, 1, 2, o->retains ? 3 : LTE_NO_VALUE},
                           .out = (lte_value)c.inputs, .attend = *o};
    const size_t width[] = {o->heads * o->head_dim, o->key_heads * o->head_dim,
                            o->key_heads * o->head_dim, o->key_heads};
    for (size_t i = 0; i < c.inputs; i++) {
        c.width[i] = width[i];
        c.in[i] = grad_normal(grad_rows(&c) * width[i], 1);
    }
    // Few are retained for long, and some scores are exactly 0: not selected.
    for (size_t i = 0; o->retains && i < grad_rows(&c) * o->key_heads; i++)
        c.in[3][i] = check_below(8) ? c.in[3][i] - 0.5f : 0;
    c.width[c.inputs] = width[0];
    c.out_gradient[0] = grad_normal(grad_rows(&c) * width[0], 1);
    return c;
}

static void drop(struct grad_case *c)
{
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

// Whether query i sees key j of a sequence that begins at `row`.
static bool sees(const struct grad_case *c, size_t row, size_t head, size_t i, size_t j)
{
    const struct lte_attend_op *o = &c->op.attend;
    if (j > i)
        return false;
    if (!o->window || i - j < o->window)
        return true;
    return o->retains && (j < o->sinks || c->in[3][(row + j) * o->key_heads + head] > 0 ||
                          (c->budget && !c->budget->enabled));
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

// Weights of one query and head over keys 0..i.
static void weigh(const struct grad_case *c, double *const *in, size_t row, size_t h, size_t i,
                  double *p)
{
    const struct lte_attend_op *o = &c->op.attend;
    const size_t dim = o->head_dim, head = h / (o->heads / o->key_heads);
    const double *q = in[0] + ((row + i) * o->heads + h) * dim;
    double max = -INFINITY, sum = 0;
    for (size_t j = 0; j <= i; j++) {
        const double *k = in[1] + ((row + j) * o->key_heads + head) * dim;
        p[j] = sees(c, row, head, i, j) ? dot(q, k, dim) / sqrt((double)dim) : -INFINITY;
        max = fmax(max, p[j]);
    }
    for (size_t j = 0; j <= i; j++)
        sum += p[j] = exp(p[j] - max);
    for (size_t j = 0; j <= i; j++)
        p[j] /= sum;
}

// What a token's value is multiplied by: 1 at the scores given, and moves as they do.
static double gate(const struct grad_case *c, double *const *in, size_t at)
{
    return c->op.attend.retains ? 1 + (in[3][at] - (double)c->in[3][at]) : 1;
}

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    const struct lte_attend_op *o = &c->op.attend;
    const size_t dim = o->head_dim, group = o->heads / o->key_heads;
    double *p = malloc(grad_rows(c) * sizeof *p);
    (void)weight;
    memset(out[0], 0, grad_rows(c) * o->heads * dim * sizeof(double));
    for (size_t s = 0, row = 0; s < c->segments; row += c->segment[s++])
        for (size_t i = 0; i < c->segment[s]; i++)
            for (size_t h = 0; h < o->heads; h++) {
                double *y = out[0] + ((row + i) * o->heads + h) * dim;
                weigh(c, in, row, h, i, p);
                for (size_t j = 0; j <= i; j++) {
                    const size_t at = (row + j) * o->key_heads + h / group;
                    for (size_t d = 0; d < dim; d++)
                        y[d] += p[j] * gate(c, in, at) * in[2][at * dim + d];
                }
            }
    free(p);
}

// The gradients of one query and head by the formulas: grad[0..2] of q, k, v; grad[3] of the gate.
static void dense_query(const struct grad_case *c, double *const *in, double *const *grad,
                        const double *d_o, size_t row, size_t h, size_t i, double *p)
{
    const struct lte_attend_op *o = &c->op.attend;
    const size_t dim = o->head_dim, q_at = ((row + i) * o->heads + h) * dim;
    const double scale = 1 / sqrt((double)dim);
    double delta = 0;
    weigh(c, in, row, h, i, p);
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t j = 0; j <= i; j++) {
            const size_t at = (row + j) * o->key_heads + h / (o->heads / o->key_heads);
            const double dp = dot(d_o + q_at, in[2] + at * dim, dim);
            if (!pass) {
                delta += p[j] * dp;
                continue;
            }
            const double f = scale * p[j] * (dp - delta);
            grad[3][at] += p[j] * dp;
            for (size_t d = 0; d < dim; d++) {
                grad[0][q_at + d] += f * in[1][at * dim + d];
                grad[1][at * dim + d] += f * in[0][q_at + d];
                grad[2][at * dim + d] += p[j] * d_o[q_at + d];
            }
        }
}

static double *widen(const float *x, size_t n)
{
    double *y = calloc(n, sizeof *y);
    for (size_t i = 0; x && i < n; i++)
        y[i] = x[i];
    return y;
}

static double difference(const float *got, const double *want, size_t n)
{
    double most = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        const double off = fabs(got[i] - want[i]);
        most = isnan(off) ? INFINITY : fmax(most, off);
        scale = fmax(scale, fabs(want[i]));
    }
    return most / (scale > 0 ? scale : 1);
}

// Several blocks of keys and queries: against the dense formulas.
static void check_dense(struct grad_case *c, const char *name)
{
    const struct lte_attend_op *o = &c->op.attend;
    const size_t rows = grad_rows(c);
    double *in[4], *grad[4], *p = malloc(rows * sizeof *p), worst = 0;
    double *d_o = widen(c->out_gradient[0], rows * c->width[c->inputs]);
    for (size_t i = 0; i < 4; i++) {
        const size_t n = rows * (i < 3 ? c->width[i] : o->key_heads);
        in[i] = widen(c->in[i], n);
        grad[i] = widen(NULL, n);
    }
    for (size_t s = 0, row = 0; s < c->segments; row += c->segment[s++])
        for (size_t i = 0; i < c->segment[s]; i++)
            for (size_t h = 0; h < o->heads; h++)
                dense_query(c, in, grad, d_o, row, h, i, p);
    bool good = grad_run(c, &(struct grad_run){1, 0, 0});
    float *first[4] = {NULL};
    for (size_t i = 0; good && i < c->inputs; i++) {
        worst = fmax(worst, difference(c->in_gradient[i], grad[i], rows * c->width[i]));
        first[i] = c->in_gradient[i];
        c->in_gradient[i] = NULL;
    }
    check_ok(good && worst < 1e-5, "%s: dense formulas, error %.2g", name, worst);
    good = good && grad_run(c, &(struct grad_run){2, 0, 0});
    for (size_t i = 0; good && i < c->inputs; i++)
        good &= !memcmp(first[i], c->in_gradient[i], rows * c->width[i] * sizeof(float));
    check_ok(good, "%s: one thread = two", name);
    for (size_t i = 0; i < 4; i++) {
        free(in[i]);
        free(grad[i]);
        free(first[i]);
    }
    free(d_o);
    free(p);
}

static const size_t brief[] = {7, 1, 12}, blocks[] = {150}, ragged[] = {5, 300, 64, 1, 129};

static void check_differences(struct lte_context *context)
{
    static const struct shape shapes[] = {
        {"full", {.heads = 2, .key_heads = 2, .head_dim = 6}, brief, 3},
        {"full, groups of 3", {.heads = 6, .key_heads = 2, .head_dim = 3}, brief, 3},
        {"window 1", {.heads = 2, .key_heads = 1, .head_dim = 4, .window = 1}, brief, 3},
        {"window 4", {.heads = 4, .key_heads = 2, .head_dim = 5, .window = 4}, brief, 3},
        {"eviction", {.heads = 4, .key_heads = 2, .head_dim = 4, .window = 3, .sinks = 1,
                      .retains = true}, brief, 3},
        {"eviction, window 1", {.heads = 2, .key_heads = 1, .head_dim = 3, .window = 1,
                                .retains = true}, brief, 3},
        {"full, 150 rows", {.heads = 1, .key_heads = 1, .head_dim = 2}, blocks, 1},
        {"eviction, 150 rows", {.heads = 1, .key_heads = 1, .head_dim = 2, .window = 20, .sinks = 2,
                                .retains = true}, blocks, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct grad_case c = make(context, &shapes[i]);
        grad_check(&c, forward, 2e-5, shapes[i].name);
        drop(&c);
    }
}

static void check_long(struct lte_context *context, const char *cpu)
{
    static const struct shape shapes[] = {
        {"full", {.heads = 4, .key_heads = 2, .head_dim = 40}, ragged, 5},
        {"window 1", {.heads = 2, .key_heads = 2, .head_dim = 17, .window = 1}, ragged, 5},
        {"window 2", {.heads = 2, .key_heads = 1, .head_dim = 9, .window = 2}, ragged, 5},
        {"window 66", {.heads = 4, .key_heads = 2, .head_dim = 33, .window = 66}, ragged, 5},
        {"window 200", {.heads = 2, .key_heads = 1, .head_dim = 64, .window = 200}, ragged, 5},
        {"window longer than all", {.heads = 2, .key_heads = 1, .head_dim = 64, .window = SIZE_MAX},
         ragged, 5},
        {"eviction, window 31", {.heads = 6, .key_heads = 2, .head_dim = 24, .window = 31,
                                 .sinks = 4, .retains = true}, ragged, 5},
        {"eviction, window 1", {.heads = 2, .key_heads = 2, .head_dim = 8, .window = 1,
                                .sinks = 300, .retains = true}, ragged, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct grad_case c = make(context, &shapes[i]);
        char name[80];
        snprintf(name, sizeof name, "%s, long: %s", cpu ? cpu : "best", shapes[i].name);
        check_dense(&c, name);
        drop(&c);
    }
}

// While the budget is off, all is seen; the scores still get the gradient of their gates.
static void check_warm_up(struct lte_context *context)
{
    static const struct shape shape = {"", {.heads = 4, .key_heads = 2, .head_dim = 8, .window = 3,
                                            .sinks = 1, .retains = true}, brief, 3};
    struct lte_budget budget = {.enabled = false};
    struct grad_case c = make(context, &shape);
    c.budget = &budget;
    grad_check(&c, forward, 2e-5, "warm-up");
    budget.enabled = true;
    grad_check(&c, forward, 2e-5, "after warm-up");
    drop(&c);
}

// Six tokens, {0, 3} selected, a window of one more token: output and gradients as published.
static void check_example(struct lte_context *context)
{
    static const size_t six[] = {6};
    static const double o[] = {.295520, .841471,  .735903,  .736454, .412523, .194472,
                               -.601620, -.647980, -.415941, .007063, .403855, .747391};
    static const double dv[] = {1.008651, 1.268430,  .494154, .010765, -.350449, -.508825,
                                -.634724, -.197442, .114271, .331919, .475162,  .442885};
    static const double ds[] = {1.365424, .497306, .296756, .794893, .060683, .842267};
    static const struct shape shape = {"", {.heads = 1, .key_heads = 1, .head_dim = 2, .window = 2,
                                            .retains = true}, six, 1};
    struct grad_case c = make(context, &shape);
    for (size_t i = 0; i < 12; i++) {
        for (size_t x = 0; x < 3; x++)
            c.in[x][i] = (float)sin(.1 * (double)(x + 1) + .7 * (double)i);
        c.out_gradient[0][i] = (float)sin(.6 + .7 * (double)i);
        if (i < 6)
            c.in[3][i] = i % 3 ? -.25f : .25f;
    }
    bool good = grad_run(&c, &(struct grad_run){1, 0, 0});
    for (size_t i = 0; good && i < 12; i++) {
        good &= fabs(c.out[0][i] - o[i]) < 2e-6 && fabs(c.in_gradient[2][i] - dv[i]) < 2e-6;
        good &= i >= 6 || fabs(c.in_gradient[3][i] - ds[i]) < 2e-6;
    }
    check_ok(good, "six tokens: outputs, gradients of values and scores as published");
    drop(&c);
}

enum { ROPE_HEADS = 3, ROPE_DIM = 14 };

static void rope_forward(const struct grad_case *c, double *const *in, double *const *weight,
                         double *const *out)
{
    const size_t half = ROPE_DIM / 2;
    (void)weight;
    for (size_t r = 0; r < grad_rows(c); r++)
        for (size_t i = 0; i < ROPE_HEADS * half; i++) {
            const size_t at = (r * ROPE_HEADS + i / half) * ROPE_DIM + i % half;
            const double *a = in[1] + r * ROPE_DIM + i % half;
            out[0][at] = in[0][at] * a[0] - in[0][at + half] * a[half];
            out[0][at + half] = in[0][at] * a[half] + in[0][at + half] * a[0];
        }
}

// The angles of each sequence begin at position 0, without a session; nothing flows into them.
static void check_rope(struct lte_context *context)
{
    double inv_freq[ROPE_DIM / 2];
    struct grad_case c = {.context = context, .outputs = 1, .width = {ROPE_DIM}, .segment = ragged,
                          .segments = 5};
    for (size_t i = 0; i < ROPE_DIM / 2; i++)
        inv_freq[i] = pow(10000, -2.0 * (double)i / ROPE_DIM);
    c.op = (struct lte_op){.kind = LTE_OP_ROPE_ANGLES,
                           .in = {LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                           .rope = {.inv_freq = inv_freq, .head_dim = ROPE_DIM}};
    c.out_gradient[0] = grad_normal(grad_rows(&c) * ROPE_DIM, 1);
    bool good = grad_run(&c, &(struct grad_run){2, 0, 0});
    for (size_t s = 0, r = 0; good && s < c.segments; s++)
        for (size_t p = 0; p < c.segment[s]; p++, r++)
            for (size_t i = 0; i < ROPE_DIM / 2; i++) {
                const float *a = c.out[0] + r * ROPE_DIM + i;
                good &= fabs(a[0] - cos((double)p * inv_freq[i])) < 1e-7;
                good &= fabs(a[ROPE_DIM / 2] - sin((double)p * inv_freq[i])) < 1e-7;
            }
    check_ok(good, "rope_angles: positions begin anew with every sequence");

    struct grad_case y = {.context = context, .inputs = 2, .outputs = 1, .segment = brief,
                          .segments = 3, .width = {ROPE_HEADS * ROPE_DIM, ROPE_DIM,
                                                   ROPE_HEADS * ROPE_DIM}};
    y.op = (struct lte_op){.kind = LTE_OP_ROPE, .in = {0, 1, LTE_NO_VALUE, LTE_NO_VALUE}, .out = 2,
                           .rope = {.heads = ROPE_HEADS, .head_dim = ROPE_DIM}};
    y.in[0] = grad_normal(grad_rows(&y) * y.width[0], 1);
    y.in[1] = c.out[0];
    c.out[0] = NULL;
    y.out_gradient[0] = grad_normal(grad_rows(&y) * y.width[2], 1);
    grad_check(&y, rope_forward, 1e-6, "rope");
    drop(&y);
    drop(&c);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_attend");
    struct lte_context *context = inside_context(NULL, 1);
    check_rope(context);
    check_example(context);
    check_differences(context);
    check_warm_up(context);
    lte_close(context);
    for (const char *const *cpu = inside_levels(); *cpu; cpu++) {
        context = inside_context(*cpu, 1);
        check_long(context, *cpu);
        lte_close(context);
    }
    return check_end();
}
