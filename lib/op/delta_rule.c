// SPDX-License-Identifier: BSD-2-Clause
// delta_rule: the gated delta rule over each value head's fp32 state.
#include "config.h"

#include "lib/grad/grad.h"

enum { COLUMNS = 128 }; // state columns a thread takes at a time

struct delta_rule {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *qkv, *gates;
    float *out;
    size_t stride, ranges; // column ranges of a head
};

static size_t head_state(const struct lte_delta_rule_op *d)
{
    return lte_delta_state_floats(d->key_dim, d->value_dim);
}

static void range(void *arg, size_t item, unsigned thread)
{
    const struct delta_rule *w = arg;
    const struct lte_delta_rule_op *d = &w->op->delta_rule;
    const size_t column = item % w->ranges * COLUMNS;
    const size_t value_head = item / w->ranges % d->value_heads;
    const struct lte_segment *g = &w->exec->segment[item / w->ranges / d->value_heads];
    const size_t head = value_head / (d->value_heads / d->heads);
    const size_t v = value_head * d->value_dim + column;
    const float *row = w->qkv + g->row * w->stride;
    const float *gates = w->gates + g->row * 2 * d->value_heads + value_head;
    float *state = lte_exec_state(w->exec, w->op, g->session);
    (void)thread;
    w->exec->kernels->delta_rule(&(struct lte_delta_rule_args){
        .state = state + value_head * head_state(d) + column * d->key_dim,
        .q = row + d->q_column + head * d->key_dim,
        .k = row + d->k_column + head * d->key_dim,
        .v = row + d->v_column + v,
        .o = w->out + g->row * d->value_heads * d->value_dim + v,
        .log_decay = gates,
        .beta = gates + d->value_heads,
        .qk_stride = w->stride,
        .v_stride = w->stride,
        .o_stride = d->value_heads * d->value_dim,
        .gate_stride = 2 * d->value_heads,
        .tokens = g->rows,
        .key_dim = d->key_dim,
        .value_dim = d->value_dim - column < COLUMNS ? d->value_dim - column : COLUMNS,
    });
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    struct delta_rule w = {.exec = x,
                           .op = op,
                           .qkv = lte_exec_value(x, op->in[0]),
                           .gates = lte_exec_value(x, op->in[1]),
                           .out = lte_exec_value(x, op->out),
                           .stride = lte_exec_width(x, op->in[0]),
                           .ranges = (d->value_dim + COLUMNS - 1) / COLUMNS};
    lte_exec_for(x, x->segments * d->value_heads * w.ranges, range, &w);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    const size_t value = d->value_heads * d->value_dim;
    const bool fits = d->value_heads % d->heads == 0 && in_width[1] == 2 * d->value_heads &&
                      in_width[0] == 2 * d->heads * d->key_dim + value;
    return fits ? value : 0;
}

static size_t state(const struct lte_op *op, const struct lte_session_params *params, bool *grows)
{
    (void)params, (void)grows;
    return op->delta_rule.value_heads * head_state(&op->delta_rule) * sizeof(float);
}

static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    bool grows;
    (void)position;
    cost->flops += 6.0 * (double)(d->value_heads * d->key_dim * d->value_dim) * (double)rows;
    cost->state_bytes += 2.0 * (double)state(op, params, &grows);
}

const struct lte_op_row lte_op_delta_rule = {
    .name = "delta_rule", .width = width, .state = state, .compute = compute, .cost = cost,
    .gradient = &lte_grad_delta_rule};
