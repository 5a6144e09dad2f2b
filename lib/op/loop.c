// SPDX-License-Identifier: BSD-2-Clause
// What stands between two loops: loop_gate, the residual around a loop; loop_exit, which keeps for
// every token the output of the loop after which it left, or their mean.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/op/loop.h"
#include "lib/op/rows.h"
#include "lib/session.h"

static size_t gate_width(const struct lte_op *op, const size_t *in_width)
{
    return in_width[0] <= in_width[1] && in_width[0] == op->loop_gate.width ? in_width[0] : 0;
}

struct gate {
    const struct lte_loop_gate_op *op;
    float *y;
    const float *x, *start;
    size_t rows, width, start_width;
};

static void gate_block(void *arg, size_t item, unsigned thread)
{
    const struct gate *g = arg;
    const size_t from = item * LTE_ROW_BLOCK, width = g->width;
    const size_t to = from + LTE_ROW_BLOCK < g->rows ? from + LTE_ROW_BLOCK : g->rows;
    const float *w = g->op->weight;
    (void)thread;
    for (size_t r = from; r < to; r++) {
        float *y = g->y + r * width;
        const float *x = g->x + r * width, *start = g->start + r * g->start_width;
        for (size_t i = 0; i < width; i++)
            y[i] = x[i] + (g->op->one ? *w : w[i]) * start[i];
    }
}

static void gate(struct lte_exec *x, const struct lte_op *op)
{
    struct gate g = {.op = &op->loop_gate,
                     .y = lte_exec_value(x, op->out),
                     .x = lte_exec_value(x, op->in[0]),
                     .start = lte_exec_value(x, op->in[1]),
                     .rows = x->rows,
                     .width = lte_exec_width(x, op->out),
                     .start_width = lte_exec_width(x, op->in[1])};
    lte_exec_for(x, (g.rows + LTE_ROW_BLOCK - 1) / LTE_ROW_BLOCK, gate_block, &g);
}

static size_t exit_width(const struct lte_op *op, const size_t *in_width)
{
    return in_width[0] == in_width[2] && op->loop_exit.loop <= in_width[1] ? in_width[0] : 0;
}

bool lte_loop_left(const struct lte_kernels *k, const float *logit, size_t loops, float threshold)
{
    float left = 1, sum = 0;
    for (size_t i = 0; i < loops; i++) {
        float chance;
        k->sigmoid(&chance, logit + i, 1);
        sum += chance * left;
        left *= 1 - chance;
        if (sum >= threshold)
            return true;
    }
    return false;
}

// The chance that a token leaves after just this loop; after the last one, what is left of it.
static float leaving(const struct lte_kernels *k, const float *logit, size_t loop, bool last)
{
    float left = 1, chance = 1;
    for (size_t i = 0; i < loop; i++) {
        k->sigmoid(&chance, logit + i, 1);
        left *= 1 - chance;
    }
    if (last)
        return left;
    k->sigmoid(&chance, logit + loop, 1);
    return left * chance;
}

// The loops' outputs, each by the chance of leaving there. The head is linear: its logits are the
// same mean of the loops' logits.
static void add_weighted(float *y, const float *held, const float *now, float chance, size_t width)
{
    for (size_t i = 0; i < width; i++)
        y[i] = chance * now[i] + (held ? held[i] : 0);
}

// Whether the loops to come can be left out for a sequence: its one token has left.
static bool may_stop(const struct lte_exec *x, const struct lte_loop_exit_op *o,
                     const struct lte_segment *g, const float *logit)
{
    const struct lte_session_params *p = &g->session->params;
    return o->stops && p->share_loops && g->rows == 1 &&
           lte_loop_left(x->kernels, logit, o->loop + 1, lte_loop_threshold(p, o->threshold));
}

// Row `row` of what is held for the head.
static void hold(struct lte_exec *x, const struct lte_op *op, const struct lte_session_params *p,
                 size_t row)
{
    const size_t width = lte_exec_width(x, op->out), logits = lte_exec_width(x, op->in[1]);
    const size_t loop = op->loop_exit.loop;
    const float *logit = (const float *)lte_exec_value(x, op->in[1]) + row * logits;
    const float *held = (const float *)lte_exec_value(x, op->in[0]) + row * width;
    const float *now = (const float *)lte_exec_value(x, op->in[2]) + row * width;
    float *y = (float *)lte_exec_value(x, op->out) + row * width;
    if (p->exit_weighted) {
        const float chance = leaving(x->kernels, logit, loop, loop == logits);
        add_weighted(y, loop ? held : NULL, now, chance, width);
        return;
    }
    const float threshold = lte_loop_threshold(p, op->loop_exit.threshold);
    const float *from = lte_loop_left(x->kernels, logit, loop, threshold) ? held : now;
    if (from != y)
        memcpy(y, from, width * sizeof *y);
}

// Work enough for one thread: a few numbers and at most one pass over a row.
static void leave(struct lte_exec *x, const struct lte_op *op)
{
    const struct lte_loop_exit_op *o = &op->loop_exit;
    const size_t logits = lte_exec_width(x, op->in[1]);
    const float *logit = lte_exec_value(x, op->in[1]);
    bool stop = true;
    for (size_t s = 0; s < x->segments; s++) {
        const struct lte_segment *g = &x->segment[s];
        for (size_t r = g->row; r < g->row + g->rows; r++)
            hold(x, op, &g->session->params, r);
        stop = stop && may_stop(x, o, g, logit + g->row * logits);
    }
    x->stop = stop;
}

const struct lte_op_row lte_op_loop_gate = {
    .name = "loop_gate", .width = gate_width, .compute = gate, .gradient = &lte_grad_loop_gate};
// Training looks at the last loop: it has no loop_exit.
const struct lte_op_row lte_op_loop_exit = {
    .name = "loop_exit", .width = exit_width, .compute = leave};
