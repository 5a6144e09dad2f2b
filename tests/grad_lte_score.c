// SPDX-License-Identifier: BSD-2-Clause
// The retention scorer in training: the published scores, gradients against central differences,
// with the L1 term and dropout, and what the budget is told.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/grad/dropout.h"
#include "lib/random.h"
#include "lib/train/budget.h"
#include "tests/grad_rig.h"
#include "tests/inside.h"

enum { MOST_HEADS = 4, PAIRS = 2 * MOST_HEADS, SLOT = 1, LAYER = 1 };

struct shape {
    size_t heads, dim, convs, taps[4], dilation[4]; // convs without the projection
    bool shared, relu;
};

// A budget of two layers, of which the op is the second.
struct purse {
    struct lte_budget budget;
    uint32_t layer_of_slot[2];
    float lambda[PAIRS];
    double score_sum[PAIRS], positive[PAIRS];
};

static void open_purse(struct purse *p, const struct shape *s, float dropout, size_t margin)
{
    *p = (struct purse){.layer_of_slot = {0, LAYER}};
    p->budget = (struct lte_budget){.config = {.dropout = dropout}, .layers = 2, .heads = s->heads,
                                    .margin = margin, .layer_of_slot = p->layer_of_slot,
                                    .enabled = true, .routing_grad = true, .lambda = p->lambda,
                                    .scale = 0.25, .score_sum = p->score_sum,
                                    .positive = p->positive};
    for (size_t i = 0; i < PAIRS; i++)
        p->lambda[i] = 0.5f + (float)i;
}

static size_t groups(const struct lte_score_op *s)
{
    return s->shared ? 1 : s->heads;
}

static void add_conv(struct grad_case *c, size_t in, size_t out, size_t taps, size_t dilation)
{
    struct lte_score_op *s = &c->op.score;
    const size_t weights = groups(s) * taps * in * out, biases = groups(s) * out;
    const size_t total = (taps - 1) * dilation;
    float *w = grad_normal(weights, sqrtf(2.0f / (float)(in * taps))), *b = grad_normal(biases, 0.3f);
    s->conv[s->convs++] = (struct lte_scorer_conv){w, b, in, out, taps, dilation, total / 2,
                                                   total - total / 2};
    c->weight[c->weights++] = (struct grad_weight){.data = w, .floats = weights};
    c->weight[c->weights++] = (struct grad_weight){.data = b, .floats = biases};
}

static struct grad_case make(struct lte_context *context, const struct shape *s,
                             const size_t *segment, size_t segments)
{
    struct grad_case c = {.context = context, .inputs = 2, .outputs = 1, .segment = segment,
                          .segments = segments, .dropout_key = 77,
                          .width = {s->heads * s->dim, s->heads * s->dim, s->heads}};
    c.op = (struct lte_op){.kind = LTE_OP_LTE_SCORE, .out = 2, .slot = SLOT,
                           .in = {0, 1, LTE_NO_VALUE, LTE_NO_VALUE},
                           .score = {.heads = s->heads, .head_dim = s->dim, .shared = s->shared,
                                     .relu = s->relu}};
    size_t in = 2 * s->dim, out = s->dim;
    for (size_t i = 0; i < s->convs; i++) {
        add_conv(&c, in, out, s->taps[i], s->dilation[i]);
        in = out;
        out /= 2;
    }
    add_conv(&c, in, 1, 1, 1);
    for (size_t i = 0; i < groups(&c.op.score); i++) // as a fresh model: most scores are positive
        ((float *)(uintptr_t)c.op.score.conv[s->convs].bias)[i] = 0.5f;
    for (size_t i = 0; i < 2; i++)
        c.in[i] = grad_normal(grad_rows(&c) * c.width[i], 1);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * c.width[2], 1);
    return c;
}

static void drop(struct grad_case *c)
{
    for (size_t i = 0; i < c->weights; i++)
        free((void *)(uintptr_t)c->weight[i].data);
    for (size_t i = 0; i < 2; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

// Multiplies a row by its mask.
static void mask(const struct grad_case *c, size_t conv, size_t line, double *x, size_t width)
{
    const float p = c->budget ? c->budget->config.dropout : 0;
    struct lte_dropout d;
    float *factor = malloc(width * sizeof *factor);
    if (!factor)
        exit(99);
    lte_dropout_init(&d, p, lte_random_bits(c->dropout_key, c->op.slot * LTE_SCORER_CONVS + conv));
    for (size_t i = 0; i < width; i++)
        factor[i] = 1;
    if (d.active && conv + 1 < c->op.score.convs)
        lte_dropout_apply(&d, line, width, factor, NULL);
    for (size_t i = 0; i < width; i++)
        x[i] *= factor[i];
    free(factor);
}

// One convolution of `rows` rows from x to y; inputs outside are zero.
static void convolve(const struct lte_scorer_conv *v, const double *w, const double *b,
                     const double *x, double *y, size_t rows)
{
    for (size_t t = 0; t < rows; t++) {
        for (size_t o = 0; o < v->out; o++) {
            double sum = b[o];
            for (size_t j = 0; j < v->taps; j++) {
                const size_t at = t + j * v->dilation;
                for (size_t i = 0; at >= v->left && at - v->left < rows && i < v->in; i++)
                    sum += w[(j * v->in + i) * v->out + o] * x[(at - v->left) * v->in + i];
            }
            y[t * v->out + o] = sum;
        }
    }
}

static void score_sequence(const struct grad_case *c, double *const *in, double *const *weight,
                           size_t head, size_t row, size_t rows, double *score)
{
    const struct lte_score_op *s = &c->op.score;
    const size_t widest = 2 * s->head_dim;
    double *x = malloc(rows * widest * sizeof *x), *y = malloc(rows * widest * sizeof *y);
    if (!x || !y)
        exit(99);
    for (size_t t = 0; t < rows; t++) {
        const size_t at = ((row + t) * s->heads + head) * s->head_dim;
        memcpy(x + t * widest, in[0] + at, s->head_dim * sizeof *x);
        memcpy(x + t * widest + s->head_dim, in[1] + at, s->head_dim * sizeof *x);
    }
    for (size_t i = 0; i < s->convs; i++) {
        const struct lte_scorer_conv *v = &s->conv[i];
        const size_t g = s->shared ? 0 : head;
        for (size_t t = 0; t < rows; t++)
            mask(c, i, (row + t) * s->heads + head, x + t * v->in, v->in);
        convolve(v, weight[2 * i] + g * v->taps * v->in * v->out, weight[2 * i + 1] + g * v->out, x,
                 y, rows);
        for (size_t j = 0; j < rows * v->out; j++)
            x[j] = i + 1 < s->convs ? y[j] / (1 + exp(-y[j])) : y[j];
    }
    for (size_t t = 0; t < rows; t++)
        score[t * s->heads] = s->relu ? fmax(x[t], 0) : 1 / (1 + exp(-x[t])) - 0.5;
    free(x);
    free(y);
}

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    const size_t heads = c->op.score.heads;
    for (size_t i = 0, row = 0; i < c->segments; row += c->segment[i++])
        for (size_t h = 0; h < heads; h++)
            score_sequence(c, in, weight, h, row, c->segment[i], out[0] + row * heads + h);
}

// The L1 term.
static double l1(const struct grad_case *c, double *const *out)
{
    const struct lte_budget *b = c->budget;
    double sum = 0;
    for (size_t i = 0, row = 0; i < c->segments; row += c->segment[i++])
        for (size_t t = 0; t + b->margin < c->segment[i]; t++)
            for (size_t h = 0; h < b->heads; h++)
                sum += b->lambda[LAYER * b->heads + h] * b->scale *
                       fmax(out[0][(row + t) * b->heads + h], 0);
    return sum;
}

// Tiles are 64 rows: sequences of more, of just as many, and shorter than the receptive field.
static const size_t lengths[] = {71, 3, 9}, whole[] = {64, 1};
static const struct shape sigmoid = {2, 4, 3, {3, 5, 3}, {1, 2, 2}, false, false};
static const struct shape relu = {3, 2, 2, {3, 3}, {2, 3}, true, true};
static const struct shape odd = {1, 3, 1, {4}, {1}, false, false};

static void check_plain(struct lte_context *context)
{
    struct grad_case c = make(context, &sigmoid, lengths, 3);
    grad_check(&c, forward, 1e-5, "sigmoid, each head its own");
    drop(&c);
    c = make(context, &relu, whole, 2);
    grad_check(&c, forward, 1e-5, "relu, one for all heads");
    drop(&c);
    c = make(context, &odd, whole, 1);
    grad_check(&c, forward, 1e-5, "one convolution of four taps");
    drop(&c);
}

static void check_budgeted(struct lte_context *context)
{
    struct purse purse;
    struct grad_case c = make(context, &sigmoid, lengths, 3);
    open_purse(&purse, &sigmoid, 0.3f, 5);
    c.budget = &purse.budget;
    c.extra_loss = l1;
    grad_check(&c, forward, 1e-5, "dropout and L1");
    drop(&c);
    c = make(context, &relu, whole, 2);
    open_purse(&purse, &relu, 0.5f, 3);
    c.budget = &purse.budget;
    c.extra_loss = l1;
    grad_check(&c, forward, 1e-5, "dropout and L1, shared");
    drop(&c);
}

// Counted rows with a positive score, and the sum of those: of one run.
static void check_sums(struct lte_context *context)
{
    struct purse purse;
    struct grad_case c = make(context, &sigmoid, lengths, 3);
    open_purse(&purse, &sigmoid, 0.1f, 5);
    c.budget = &purse.budget;
    bool good = grad_run(&c, &(struct grad_run){2, 0, 0});
    for (size_t h = 0; h < sigmoid.heads; h++) {
        double sum = 0, positive = 0;
        for (size_t i = 0, row = 0; i < c.segments; row += lengths[i++])
            for (size_t t = 0; t + 5 < lengths[i]; t++) {
                const float score = c.out[0][(row + t) * sigmoid.heads + h];
                sum += score > 0 ? (double)score : 0;
                positive += score > 0;
            }
        good = good && purse.positive[LAYER * sigmoid.heads + h] == positive && positive > 0 &&
               purse.score_sum[LAYER * sigmoid.heads + h] == sum && purse.positive[h] == 0;
    }
    check_ok(good, "the budget gets what counts");
    drop(&c);
}

// Without routing_grad only the scorer learns, and that as before; a frozen one then does nothing.
static void check_detached(struct lte_context *context)
{
    struct purse purse;
    struct grad_case c = make(context, &sigmoid, lengths, 3);
    open_purse(&purse, &sigmoid, 0.1f, 5);
    c.budget = &purse.budget;
    const size_t floats = c.weight[0].floats;
    float *with = malloc(floats * sizeof *with);
    bool good = with && grad_run(&c, &(struct grad_run){1, 0, 0});
    if (good)
        memcpy(with, c.weight[0].gradient, floats * sizeof *with);
    purse.budget.routing_grad = false;
    good = good && grad_run(&c, &(struct grad_run){1, 0, 0}) &&
           !memcmp(with, c.weight[0].gradient, floats * sizeof *with);
    for (unsigned frozen = 0; frozen < 2; frozen++) {
        good = good && grad_run(&c, &(struct grad_run){1, 2, frozen ? UINT32_MAX : 0});
        for (size_t i = 0; good && i < grad_rows(&c) * c.width[0]; i++)
            good = c.in_gradient[0][i] == 2 && c.in_gradient[1][i] == 2;
    }
    check_ok(good, "without routing_grad keys and values get nothing");
    free(with);
    drop(&c);
}

static float wave(double at, size_t i)
{
    return (float)sin(at + 0.7 * (double)i);
}

// [groups*out][in][taps] of a checkpoint to the op's [groups][taps][in][out].
static void repack(struct grad_case *c, size_t conv, double at, float scale)
{
    const struct lte_scorer_conv *v = &c->op.score.conv[conv];
    float *w = (float *)(uintptr_t)v->weight;
    for (size_t i = 0; i < c->weight[2 * conv].floats; i++) {
        const size_t j = i % v->taps, from = i / v->taps % v->in, row = i / v->taps / v->in;
        w[((row / v->out * v->taps + j) * v->in + from) * v->out + row % v->out] = scale * wave(at, i);
    }
}

static void fill_bias(struct grad_case *c, size_t conv, double at, float scale, float value)
{
    float *b = (float *)(uintptr_t)c->op.score.conv[conv].bias;
    for (size_t i = 0; i < c->weight[2 * conv + 1].floats; i++)
        b[i] = value + scale * wave(at, i);
}

static void check_published(struct lte_context *context)
{
    static const float want[] = {.142422f, .117045f, .143359f, .122634f, .135015f, .128177f, .129754f,
                                 .129288f, .119799f, .135177f, .121623f, .131044f, .128686f, .134898f};
    static const struct shape shape = {2, 4, 3, {3, 3, 3}, {2, 2, 2}, false, false};
    const size_t seven[] = {7, 7};
    struct grad_case c = make(context, &shape, seven, 2);
    for (size_t i = 0; i < 3; i++) {
        repack(&c, i, 1 + (double)i, 0.5f);
        fill_bias(&c, i, 2 + (double)i, 0.1f, 0);
    }
    repack(&c, 3, 5, 1);
    fill_bias(&c, 3, 0, 0, 0.5f);
    for (size_t i = 0; i < 2 * 56; i++) {
        c.in[0][i] = wave(.2, i % 56);
        c.in[1][i] = wave(.3, i % 56);
    }
    check_ok(grad_run(&c, &(struct grad_run){1, 0, 0}) &&
                 check_near(c.out[0], want, 14, 1, 2e-6, NULL, "score") &&
                 !memcmp(c.out[0], c.out[0] + 14, 14 * sizeof(float)),
             "the published scores, twice");
    drop(&c);
}

// Scores [.2, -.1, .3, six more] with a margin of six: only the first three count.
static void check_l1_example(struct lte_context *context)
{
    static const float scores[] = {.2f, -.1f, .3f, .4f, -.2f, .1f, .05f, .3f, .2f};
    static const struct shape shape = {1, 1, 0, {0}, {0}, false, false};
    const size_t nine = 9;
    struct lte_budget_config config = {.update_steps = 2, .tolerate = {.95, 1}};
    struct purse purse;
    double step_kept = 0, num_kept = 9;
    struct grad_case c = make(context, &shape, &nine, 1);
    open_purse(&purse, &shape, 0, 6);
    purse.layer_of_slot[SLOT] = 0;
    struct lte_budget *b = &purse.budget;
    b->config = config;
    b->layers = b->loops = b->micros = 1;
    b->step_kept = &step_kept;
    b->num_kept = &num_kept;
    purse.lambda[0] = .6f;
    lte_budget_begin_step(b, 1);
    b->routing_grad = true;
    lte_budget_begin_micro(b, &nine, 1);
    ((float *)(uintptr_t)c.weight[0].data)[0] = 1;
    ((float *)(uintptr_t)c.weight[0].data)[1] = 0;
    ((float *)(uintptr_t)c.weight[1].data)[0] = 0;
    for (size_t i = 0; i < nine; i++) {
        c.in[0][i] = logf((scores[i] + .5f) / (.5f - scores[i]));
        c.out_gradient[0][i] = 0;
    }
    c.budget = b;
    bool good = grad_run(&c, &(struct grad_run){1, 0, 0});
    for (size_t i = 0; good && i < nine; i++) {
        const double slope = .25 - (double)scores[i] * scores[i];
        good = fabs(c.in_gradient[0][i] / slope - (i == 0 || i == 2 ? .2 : 0)) < 1e-6;
    }
    const double term = lte_budget_end_micro(b);
    lte_budget_end_step(b);
    // With update_steps 2 the average is the last step's value.
    check_ok(good && fabs(term - .1) < 1e-6 && num_kept == 2, "the published L1 term, %.7f", term);
    drop(&c);
}

static void check_dropout(void)
{
    enum { LINES = 2000, WIDTH = 39 };
    struct lte_dropout d;
    double kept = 0, again = 0;
    lte_dropout_init(&d, 0.1f, 5);
    for (size_t i = 0; i < LINES; i++) {
        float x[WIDTH], y[WIDTH];
        for (size_t j = 0; j < WIDTH; j++)
            x[j] = y[j] = 1;
        lte_dropout_apply(&d, i, WIDTH, x, y);
        for (size_t j = 0; j < WIDTH; j++) {
            kept += x[j] > 0 && fabsf(x[j] - 1 / 0.9f) < 1e-6f;
            again += x[j] == y[j] && (x[j] == 0 || x[j] > 1);
        }
    }
    const double n = (double)LINES * WIDTH, off = fabs(kept / n - 0.9);
    check_ok(off < 4 * sqrt(0.09 / n) && again == n, "dropout keeps 0.9 to %.2g", off);
    float all[5] = {1, 1, 1, 1, 1};
    lte_dropout_init(&d, 1, 5);
    lte_dropout_apply(&d, 3, 5, all, NULL);
    bool none = d.active;
    for (size_t i = 0; i < 5; i++)
        none = none && all[i] == 0;
    lte_dropout_init(&d, 0, 5);
    check_ok(none && !d.active, "dropout of everything and of nothing");
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_lte_score");
    struct lte_context *context = inside_context(NULL, 1);
    check_published(context);
    check_l1_example(context);
    check_dropout();
    check_sums(context);
    check_detached(context);
    check_plain(context);
    check_budgeted(context);
    lte_close(context);
    return check_end();
}
