// SPDX-License-Identifier: BSD-2-Clause
// short_conv over whole sequences, each from an empty history, and its gradient.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

enum { CHANNELS = 128 }; // a thread takes this many channels of a sequence at a time

struct short_conv {
    const struct lte_exec *exec;
    const struct lte_short_conv_op *op;
    const float *x, *dy;
    float *y, *dx;
    float *partial;           // [segments][taps][channels]; NULL: no gradient of the weights
    float *bias_partial;      // [segments][channels], likewise
    size_t blocks;            // of channels
};

// A block of channels of a sequence.
struct part {
    const struct lte_segment *segment;
    size_t from, channels, at;
};

static struct part find_part(const struct short_conv *s, size_t item)
{
    const struct lte_segment *g = &s->exec->segment[item / s->blocks];
    const size_t from = item % s->blocks * CHANNELS, rest = s->op->channels - from;
    return (struct part){g, from, rest < CHANNELS ? rest : CHANNELS,
                         g->row * s->op->channels + from};
}

static const float *bias_of(const struct short_conv *s, const struct part *p)
{
    return s->op->bias ? s->op->bias + p->from : NULL;
}

static void clear_rows(float *x, size_t stride, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++)
        memset(x + r * stride, 0, n * sizeof *x);
}

static void forward_part(void *arg, size_t item, unsigned thread)
{
    const struct short_conv *s = arg;
    const struct part p = find_part(s, item);
    const size_t width = s->op->channels;
    float *tail = lte_exec_scratch(s->exec, thread);
    clear_rows(tail, width, s->op->taps - 1, p.channels);
    s->exec->kernels->short_conv(s->y + p.at, width, s->x + p.at, width, tail,
                                 s->op->weight + p.from, bias_of(s, &p), width, p.segment->rows,
                                 p.channels, s->op->taps);
}

static void backward_part(void *arg, size_t item, unsigned thread)
{
    const struct short_conv *s = arg;
    const struct part p = find_part(s, item);
    const size_t width = s->op->channels, taps = s->op->taps;
    float *dw = s->partial ? s->partial + item / s->blocks * taps * width + p.from : NULL;
    float *db = s->bias_partial ? s->bias_partial + item / s->blocks * width + p.from : NULL;
    (void)thread;
    if (dw)
        clear_rows(dw, width, taps, p.channels);
    if (db)
        clear_rows(db, width, 1, p.channels);
    s->exec->kernels->short_conv_back(s->dx + p.at, dw, db, s->dy + p.at, s->x + p.at, width,
                                      s->op->weight + p.from, bias_of(s, &p), width,
                                      p.segment->rows, p.channels, taps);
}

static struct short_conv open_op(struct lte_tape *t, const struct lte_op *op)
{
    return (struct short_conv){.exec = &t->exec,
                               .op = &op->short_conv,
                               .x = lte_exec_value(&t->exec, op->in[0]),
                               .blocks = (op->short_conv.channels + CHANNELS - 1) / CHANNELS};
}

static void forward(struct lte_tape *t, const struct lte_op *op)
{
    struct short_conv s = open_op(t, op);
    s.y = lte_exec_value(&t->exec, op->out);
    lte_exec_for(s.exec, s.exec->segments * s.blocks, forward_part, &s);
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    struct short_conv s = open_op(t, op);
    float *dw = lte_tape_weight_gradient(t, op->short_conv.weight);
    float *db = s.op->bias ? lte_tape_weight_gradient(t, s.op->bias) : NULL;
    const size_t weights = s.exec->segments * s.op->taps * s.op->channels;
    s.dy = lte_tape_gradient(t, op->out);
    s.dx = lte_tape_gradient(t, op->in[0]);
    s.partial = dw ? lte_exec_shared(s.exec) : NULL;
    s.bias_partial = db ? (float *)lte_exec_shared(s.exec) + weights : NULL;
    lte_exec_for(s.exec, s.exec->segments * s.blocks, backward_part, &s);
    if (dw)
        lte_partial_add(s.exec, dw, s.partial, s.exec->segments, s.op->taps * s.op->channels,
                        s.op->taps * s.op->channels);
    if (db)
        lte_partial_add(s.exec, db, s.bias_partial, s.exec->segments, s.op->channels,
                        s.op->channels);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const size_t taps = op->short_conv.taps, channels = op->short_conv.channels;
    (void)kernels;
    *shared = limits->segments * (taps + (op->short_conv.bias ? 1 : 0)) * channels * sizeof(float);
    *each = (taps - 1) * channels * sizeof(float);
}

const struct lte_gradient lte_grad_short_conv = {
    .reads = 1, .gives = 1, .scratch = scratch, .forward = forward, .backward = backward};
