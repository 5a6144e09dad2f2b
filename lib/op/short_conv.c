// SPDX-License-Identifier: BSD-2-Clause
// short_conv: causal depthwise convolution with SiLU; the slot holds the last taps-1 inputs.
#include "config.h"

#include "lib/grad/grad.h"

enum { CHANNELS = 256 }; // a thread takes this many channels at a time

struct short_conv {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *in;
    float *out;
    size_t blocks;
};

static void block(void *arg, size_t item, unsigned thread)
{
    const struct short_conv *s = arg;
    const struct lte_short_conv_op *c = &s->op->short_conv;
    const struct lte_segment *g = &s->exec->segment[item / s->blocks];
    const size_t from = item % s->blocks * CHANNELS;
    const size_t n = c->channels - from < CHANNELS ? c->channels - from : CHANNELS;
    float *tail = lte_exec_state(s->exec, s->op, g->session);
    const size_t at = g->row * c->channels + from;
    (void)thread;
    s->exec->kernels->short_conv(s->out + at, c->channels, s->in + at, c->channels, tail + from,
                                 c->weight + from, c->bias ? c->bias + from : NULL, c->channels,
                                 g->rows, n, c->taps);
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    struct short_conv s = {.exec = x,
                           .op = op,
                           .in = lte_exec_value(x, op->in[0]),
                           .out = lte_exec_value(x, op->out),
                           .blocks = (op->short_conv.channels + CHANNELS - 1) / CHANNELS};
    lte_exec_for(x, x->segments * s.blocks, block, &s);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    return op->short_conv.channels == in_width[0] ? in_width[0] : 0;
}

static size_t state(const struct lte_op *op, const struct lte_session_params *params, bool *grows)
{
    (void)params, (void)grows;
    return (op->short_conv.taps - 1) * op->short_conv.channels * sizeof(float);
}

static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    bool grows;
    (void)position;
    cost->flops += 2.0 * (double)(op->short_conv.taps * op->short_conv.channels * rows);
    cost->state_bytes += 2.0 * (double)state(op, params, &grows);
}

const struct lte_op_row lte_op_short_conv = {
    .name = "short_conv",
    .width = width,
    .state = state,
    .compute = compute,
    .cost = cost,
    .gradient = &lte_grad_short_conv};
