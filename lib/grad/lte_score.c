// SPDX-License-Identifier: BSD-2-Clause
// lte_score in training: the retention scorer over whole sequences, zero outside them at each
// convolution's input; the score of a row is written at that row. Its gradient, with the L1 term of
// the budget.
#include "config.h"

#include <string.h>

#include "lib/grad/score_tile.h"
#include "lib/op/retention.h"
#include "lib/train/budget.h"

enum {
    PARTS = 32,    // about as many partial sums of weights, over all heads, whatever the threads
    REDUCED = 1024 // weights whose partial sums are added up at a time
};

// Weights of one group, and with the biases that follow them in a partial sum.
static size_t weights_of(const struct lte_scorer_conv *c)
{
    return c->taps * c->in * c->out;
}

static size_t sums_of(const struct lte_scorer_conv *c)
{
    return weights_of(c) + c->out;
}

static size_t groups_of(const struct lte_score_op *s)
{
    return s->shared ? 1 : s->heads;
}

// Pieces that a head's tiles are cut into, each with a partial sum of its own.
static size_t pieces_of(const struct lte_score_op *s)
{
    return (PARTS + s->heads - 1) / s->heads;
}

// ---- Forward.

static void forward_item(void *arg, size_t item, unsigned thread)
{
    const struct lte_score_pass *p = arg;
    const struct lte_scorer_conv *c = &p->score->conv[p->conv];
    const size_t head = item / p->tiles, group = p->score->shared ? 0 : head;
    const struct lte_score_tile t = lte_score_tile_at(p, item % p->tiles);
    const struct lte_exec *x = &p->tape->exec;
    float *input = (float *)lte_exec_scratch(x, thread) + p->input_at;
    lte_score_input(p, head, &t, c->left, c->right, input, NULL);
    x->kernels->router_conv(lte_score_row(p, p->conv, head, t.row), c->out, input, c->in, t.rows,
                            c->weight + group * weights_of(c), c->bias + group * c->out, c->in,
                            c->out, c->taps, c->dilation, 0);
}

static void score_item(void *arg, size_t head, unsigned thread)
{
    (void)thread;
    const struct lte_score_pass *p = arg;
    const struct lte_exec *x = &p->tape->exec;
    const float *z = lte_score_row(p, p->score->convs - 1, head, 0);
    float *score = lte_exec_value(x, p->op->out) + head;
    for (size_t t = 0; t < x->rows; t++)
        score[t * p->score->heads] = lte_retention(z[t], p->score->relu);
    if (p->tape->budget && !p->tape->training)
        lte_score_count(p, head);
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    struct lte_score_pass p;
    lte_score_pass_init(&p, tape, op);
    for (size_t i = 0; i < p.score->convs; i++) {
        lte_score_pass_conv(&p, i);
        lte_exec_for(&tape->exec, p.score->heads * p.tiles, forward_item, &p);
    }
    lte_exec_for(&tape->exec, p.score->heads, score_item, &p);
}

// ---- Backward.

struct backward {
    struct lte_score_pass pass; // first: items of both kinds take it
    size_t pieces;
    bool inputs, weights;       // which gradients of this convolution are wanted
    float *dw, *db;             // NULL: frozen
    // Shared scratch.
    float *reversed;            // [groups][taps][out][in]: the weights as the input's gradient reads them
    float *none;                // a bias of zeros
    float *partial;             // [heads][pieces][sums]
};

// The score's gradient with the L1 term, on to the logit's, which takes the place of the logit.
static void logit_item(void *arg, size_t head, unsigned thread)
{
    (void)thread;
    const struct lte_score_pass *p = arg;
    const struct lte_exec *x = &p->tape->exec;
    const struct lte_budget *b = p->tape->budget;
    const size_t heads = p->score->heads, margin = b ? b->margin : 0;
    const float *score = lte_exec_value(x, p->op->out) + head;
    const float *given = lte_tape_gradient(p->tape, p->op->out) + head;
    float *dz = lte_score_row(p, p->score->convs - 1, head, 0), l1 = 0;
    if (b)
        l1 = (float)(b->scale * (double)b->lambda[b->layer_of_slot[p->op->slot] * heads + head]);
    for (size_t i = 0; i < x->segments; i++) {
        const struct lte_segment *s = &x->segment[i];
        for (size_t t = 0; t < s->rows; t++) {
            const size_t at = (s->row + t) * heads;
            const bool counts = t + margin < s->rows && score[at] > 0;
            dz[s->row + t] = (given[at] + (counts ? l1 : 0)) *
                             lte_retention_slope(score[at], p->score->relu);
        }
    }
    if (b)
        lte_score_count(p, head);
}

static void reverse_item(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct backward *b = arg;
    const struct lte_scorer_conv *c = &b->pass.score->conv[b->pass.conv];
    const size_t tap = item % c->taps, plane = c->in * c->out;
    const float *from = c->weight + (item / c->taps * c->taps + c->taps - 1 - tap) * plane;
    float *to = b->reversed + item * plane;
    for (size_t o = 0; o < c->out; o++)
        for (size_t i = 0; i < c->in; i++)
            to[o * c->in + i] = from[i * c->out + o];
}

static void multiply(float *restrict y, const float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void multiply_add(float *restrict y, const float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a[i] * b[i];
}

// The change of the input goes on to the convolution before, or to k and v.
static void pass_on(const struct lte_score_pass *p, size_t head, const struct lte_score_tile *t,
                    const float *change, const float *slope)
{
    const size_t in = p->score->conv[p->conv].in, dim = p->score->head_dim;
    if (p->conv > 0) {
        multiply(lte_score_row(p, p->conv - 1, head, t->row), change, slope, t->rows * in);
        return;
    }
    const size_t stride = p->score->heads * dim, first = t->row * stride + head * dim;
    float *k = lte_tape_gradient(p->tape, p->op->in[0]) + first;
    float *v = lte_tape_gradient(p->tape, p->op->in[1]) + first;
    for (size_t i = 0; i < t->rows; i++, change += in, slope += in) {
        multiply_add(k + i * stride, change, slope, dim);
        multiply_add(v + i * stride, change + dim, slope + dim, dim);
    }
}

static void backward_tile(const struct backward *b, size_t head, const struct lte_score_tile *t,
                          float *scratch, float *partial)
{
    const struct lte_score_pass *p = &b->pass;
    const struct lte_kernels *kernels = p->tape->exec.kernels;
    const struct lte_scorer_conv *c = &p->score->conv[p->conv];
    const size_t group = p->score->shared ? 0 : head;
    float *x = scratch + p->input_at, *slope = scratch + p->slope_at;
    float *dz = scratch + p->gradient_at, *change = scratch + p->change_at;
    lte_score_input(p, head, t, 0, 0, x, slope);
    lte_score_gradient(p, head, t, c->right, c->left, dz);
    if (b->weights)
        kernels->router_weight_grad(partial, partial + weights_of(c), x, c->in, dz, c->out, t->rows,
                                    c->in, c->out, c->taps, c->dilation, c->left);
    if (b->inputs) {
        kernels->router_conv(change, c->in, dz, c->out, t->rows, b->reversed + group * weights_of(c),
                             b->none, c->out, c->in, c->taps, c->dilation, 0);
        pass_on(p, head, t, change, slope);
    }
}

static void backward_item(void *arg, size_t item, unsigned thread)
{
    const struct backward *b = arg;
    const struct lte_score_pass *p = &b->pass;
    const size_t sums = sums_of(&p->score->conv[p->conv]);
    const size_t head = item / b->pieces, piece = item % b->pieces;
    float *partial = b->partial + item * sums;
    if (b->weights)
        memset(partial, 0, sums * sizeof *partial);
    for (size_t i = p->tiles * piece / b->pieces; i < p->tiles * (piece + 1) / b->pieces; i++) {
        const struct lte_score_tile t = lte_score_tile_at(p, i);
        backward_tile(b, head, &t, lte_exec_scratch(&p->tape->exec, thread), partial);
    }
}

// Adds up [first, first + n) of a group's partial sums: a block's worth, on the stack.
static void add_parts(const struct backward *b, size_t group, size_t first, size_t n, float *sum)
{
    const struct lte_score_op *s = b->pass.score;
    const size_t sums = sums_of(&s->conv[b->pass.conv]);
    const size_t parts = (s->shared ? s->heads : 1) * b->pieces;
    const float *part = b->partial + group * b->pieces * sums + first;
    memset(sum, 0, n * sizeof *sum);
    for (size_t i = 0; i < parts; i++, part += sums)
        for (size_t j = 0; j < n; j++)
            sum[j] += part[j];
}

static size_t blocks_of(const struct lte_scorer_conv *c)
{
    return (sums_of(c) + REDUCED - 1) / REDUCED;
}

static void reduce_item(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct backward *b = arg;
    const struct lte_scorer_conv *c = &b->pass.score->conv[b->pass.conv];
    const size_t group = item / blocks_of(c), first = item % blocks_of(c) * REDUCED;
    const size_t weights = weights_of(c), left = sums_of(c) - first;
    const size_t n = left < REDUCED ? left : REDUCED;
    float sum[REDUCED];
    add_parts(b, group, first, n, sum);
    for (size_t i = 0; i < n; i++) {
        if (first + i < weights && b->dw)
            b->dw[group * weights + first + i] += sum[i];
        else if (first + i >= weights && b->db)
            b->db[group * c->out + first + i - weights] += sum[i];
    }
}

static void backward_conv(struct backward *b, size_t conv, bool inputs)
{
    const struct lte_exec *x = &b->pass.tape->exec;
    const struct lte_score_op *s = b->pass.score;
    const struct lte_scorer_conv *c = &s->conv[conv];
    lte_score_pass_conv(&b->pass, conv);
    b->dw = lte_tape_weight_gradient(b->pass.tape, c->weight);
    b->db = lte_tape_weight_gradient(b->pass.tape, c->bias);
    b->weights = b->dw || b->db;
    b->inputs = inputs;
    if (inputs)
        lte_exec_for(x, groups_of(s) * c->taps, reverse_item, b);
    lte_exec_for(x, s->heads * b->pieces, backward_item, b);
    if (b->weights)
        lte_exec_for(x, groups_of(s) * blocks_of(c), reduce_item, b);
}

// How many convolutions from the bottom have nothing to learn and nothing to pass on.
static size_t idle_convs(const struct lte_tape *tape, const struct lte_score_op *s)
{
    size_t n = 0;
    if (!tape->budget || tape->budget->routing_grad)
        return 0;
    while (n < s->convs && !lte_tape_weight_gradient(tape, s->conv[n].weight) &&
           !lte_tape_weight_gradient(tape, s->conv[n].bias))
        n++;
    return n;
}

static size_t largest(const struct lte_score_op *s, size_t (*of)(const struct lte_scorer_conv *))
{
    size_t most = 0;
    for (size_t i = 0; i < s->convs; i++)
        most = of(&s->conv[i]) > most ? of(&s->conv[i]) : most;
    return most;
}

static size_t inputs_of(const struct lte_scorer_conv *c)
{
    return c->in;
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct backward b;
    const struct lte_score_op *s = &op->score;
    lte_score_pass_init(&b.pass, tape, op);
    b.pieces = pieces_of(s);
    b.reversed = lte_exec_shared(&tape->exec);
    b.none = b.reversed + groups_of(s) * largest(s, weights_of);
    b.partial = b.none + largest(s, inputs_of);
    memset(b.none, 0, largest(s, inputs_of) * sizeof *b.none);
    lte_exec_for(&tape->exec, s->heads, logit_item, &b.pass);
    const size_t idle = idle_convs(tape, s);
    const bool to_keys = !tape->budget || tape->budget->routing_grad;
    for (size_t i = s->convs; i-- > idle;)
        backward_conv(&b, i, i > idle || (i == 0 && to_keys));
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    return lte_score_kept(&op->score, op->score.convs, limits->rows) * sizeof(float);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)limits, (void)kernels;
    const struct lte_score_op *s = &op->score;
    struct lte_score_pass p;
    const size_t parts = s->heads * pieces_of(s);
    *shared = (groups_of(s) * largest(s, weights_of) + largest(s, inputs_of) +
               parts * largest(s, sums_of)) *
              sizeof(float);
    *each = lte_score_layout(&p, s) * sizeof(float);
}

const struct lte_gradient lte_grad_lte_score = {.reads = 1 << 0 | 1 << 1 | LTE_READS_OUT,
                                                .gives = 1 << 0 | 1 << 1,
                                                .saved = saved,
                                                .scratch = scratch,
                                                .forward = forward,
                                                .backward = backward};
