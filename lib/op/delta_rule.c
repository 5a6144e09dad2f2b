// SPDX-License-Identifier: BSD-2-Clause
// delta_rule: the gated delta rule over each value head's fp32 state.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/op/state_ranges.h"

struct delta_rule {
    const struct lte_kernels *kernels;
    const struct lte_delta_rule_op *op;
    const float *qkv, *gates;
    float *out;
    size_t stride; // of qkv
};

static struct lte_state_shape shape_of(const struct lte_op *op)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    return (struct lte_state_shape){d->value_heads, d->key_dim, d->value_dim};
}

static void range(void *arg, const struct lte_state_range *r)
{
    const struct delta_rule *w = arg;
    const struct lte_delta_rule_op *d = w->op;
    const size_t row = r->segment->row, head = r->head / (d->value_heads / d->heads);
    const size_t v = r->head * d->value_dim + r->column;
    const float *x = w->qkv + row * w->stride;
    const float *gates = w->gates + row * 2 * d->value_heads + r->head;
    w->kernels->delta_rule(&(struct lte_delta_rule_args){
        .state = r->state,
        .q = x + d->q_column + head * d->key_dim,
        .k = x + d->k_column + head * d->key_dim,
        .v = x + d->v_column + v,
        .o = w->out + row * d->value_heads * d->value_dim + v,
        .log_decay = gates,
        .beta = gates + d->value_heads,
        .qk_stride = w->stride,
        .v_stride = w->stride,
        .o_stride = d->value_heads * d->value_dim,
        .gate_stride = 2 * d->value_heads,
        .tokens = r->segment->rows,
        .key_dim = d->key_dim,
        .value_dim = r->columns,
    });
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    const struct lte_state_shape shape = shape_of(op);
    struct delta_rule w = {.kernels = x->kernels,
                           .op = &op->delta_rule,
                           .qkv = lte_exec_value(x, op->in[0]),
                           .gates = lte_exec_value(x, op->in[1]),
                           .out = lte_exec_value(x, op->out),
                           .stride = lte_exec_width(x, op->in[0])};
    lte_state_ranges_run(x, op, &shape, range, &w);
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
    const struct lte_state_shape shape = shape_of(op);
    (void)params, (void)grows;
    return lte_state_bytes(&shape);
}

static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    const struct lte_state_shape shape = shape_of(op);
    (void)params, (void)position;
    cost->flops += 6.0 * (double)(d->value_heads * d->key_dim * d->value_dim) * (double)rows;
    cost->state_bytes += 2.0 * (double)lte_state_bytes(&shape);
}

const struct lte_op_row lte_op_delta_rule = {
    .name = "delta_rule", .width = width, .state = state, .compute = compute, .cost = cost,
    .gradient = &lte_grad_delta_rule};
