// SPDX-License-Identifier: BSD-2-Clause
// Training of delta_rule.
#include "config.h"

#include "lib/grad/chunk_states.h"

// Long chunks keep fewer states (at 128 x 128, half of what the op's inputs take); short ones do
// less work on pairs of tokens, which counts when the state is small.
static size_t chunk_tokens(const struct lte_delta_rule_op *d)
{
    return d->key_dim + d->value_dim > 64 ? LTE_DELTA_GRAD_TOKENS : LTE_DELTA_GRAD_TOKENS / 2;
}

static struct lte_chunk_rule rule_of(const struct lte_op *op)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    return (struct lte_chunk_rule){
        .tokens = chunk_tokens(d),
        .heads = d->heads,
        .value_heads = d->value_heads,
        .key_dim = d->key_dim,
        .value_dim = d->value_dim,
        .scratch = lte_delta_grad_floats(chunk_tokens(d), d->key_dim, d->value_dim) * sizeof(float),
    };
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    const struct lte_chunk_rule rule = rule_of(op);
    return lte_chunk_saved(&rule, limits);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_chunk_rule rule = rule_of(op);
    (void)limits, (void)kernels, (void)shared;
    *each = lte_chunk_scratch(&rule);
}

struct pass {
    const struct lte_kernels *kernels;
    const struct lte_delta_rule_op *op;
    const float *qkv, *gates;
    float *out;
    size_t stride, gate_stride; // of qkv and gates
    const float *out_gradient;
    float *qkv_gradient, *gates_gradient;
};

static struct pass pass_of(const struct lte_tape *tape, const struct lte_op *op)
{
    return (struct pass){.kernels = tape->exec.kernels,
                         .op = &op->delta_rule,
                         .qkv = lte_exec_value(&tape->exec, op->in[0]),
                         .gates = lte_exec_value(&tape->exec, op->in[1]),
                         .stride = lte_exec_width(&tape->exec, op->in[0]),
                         .gate_stride = lte_exec_width(&tape->exec, op->in[1])};
}

static void forward_chunk(void *arg, const struct lte_chunk *c)
{
    const struct pass *p = arg;
    const struct lte_delta_rule_op *d = p->op;
    const size_t value_head = c->value_head, head = value_head / (d->value_heads / d->heads);
    const size_t v = value_head * d->value_dim + c->column;
    const float *x = p->qkv + c->row * p->stride;
    const float *gates = p->gates + c->row * p->gate_stride + value_head;
    p->kernels->delta_rule(&(struct lte_delta_rule_args){
        .state = c->state,
        .q = x + d->q_column + head * d->key_dim,
        .k = x + d->k_column + head * d->key_dim,
        .v = x + d->v_column + v,
        .o = p->out + c->row * d->value_heads * d->value_dim + v,
        .log_decay = gates,
        .beta = gates + d->value_heads,
        .qk_stride = p->stride,
        .v_stride = p->stride,
        .o_stride = d->value_heads * d->value_dim,
        .gate_stride = p->gate_stride,
        .tokens = c->rows,
        .key_dim = d->key_dim,
        .value_dim = c->columns,
    });
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_chunk_rule rule = rule_of(op);
    struct pass p = pass_of(tape, op);
    p.out = lte_exec_value(&tape->exec, op->out);
    lte_chunk_forward(tape, op, &rule, forward_chunk, &p);
}

static void backward_chunk(void *arg, const struct lte_chunk *c)
{
    const struct pass *p = arg;
    const struct lte_delta_rule_op *d = p->op;
    const size_t value_head = c->value_head, head = value_head / (d->value_heads / d->heads);
    const size_t x = c->row * p->stride;
    const size_t q = x + d->q_column + head * d->key_dim, k = x + d->k_column + head * d->key_dim;
    const size_t v = x + d->v_column + value_head * d->value_dim;
    const size_t gate = c->row * p->gate_stride + value_head;
    p->kernels->delta_grad(&(struct lte_delta_grad_args){
        .state = c->state,
        .dstate = c->dstate,
        .q = p->qkv + q,
        .k = p->qkv + k,
        .v = p->qkv + v,
        .dout = p->out_gradient + (c->row * d->value_heads + c->value_head) * d->value_dim,
        .log_decay = p->gates + gate,
        .beta = p->gates + gate + d->value_heads,
        .dq = p->qkv_gradient + q,
        .dk = p->qkv_gradient + k,
        .dv = p->qkv_gradient + v,
        .dlog_decay = p->gates_gradient + gate,
        .dbeta = p->gates_gradient + gate + d->value_heads,
        .qk_stride = p->stride,
        .v_stride = p->stride,
        .dout_stride = d->value_heads * d->value_dim,
        .gate_stride = p->gate_stride,
        .tokens = c->rows,
        .key_dim = d->key_dim,
        .value_dim = c->columns,
        .scratch = c->scratch,
    });
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_chunk_rule rule = rule_of(op);
    struct pass p = pass_of(tape, op);
    p.out_gradient = lte_tape_gradient(tape, op->out);
    p.qkv_gradient = lte_tape_gradient(tape, op->in[0]);
    p.gates_gradient = lte_tape_gradient(tape, op->in[1]);
    lte_chunk_backward(tape, op, &rule, backward_chunk, &p);
}

const struct lte_gradient lte_grad_delta_rule = {
    .reads = 1 << 0 | 1 << 1,
    .gives = 1 << 0 | 1 << 1,
    .saved = saved,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
