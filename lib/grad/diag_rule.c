// SPDX-License-Identifier: BSD-2-Clause
// Training of diag_rule.
#include "config.h"

#include "lib/grad/chunk_states.h"

static struct lte_chunk_rule rule_of(const struct lte_op *op)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    return (struct lte_chunk_rule){
        .tokens = LTE_DIAG_GRAD_TOKENS,
        .heads = d->heads,
        .value_heads = d->value_heads,
        .key_dim = d->key_dim,
        .value_dim = d->value_dim,
        .scratch = lte_diag_grad_floats(LTE_DIAG_GRAD_TOKENS, d->key_dim) * sizeof(float),
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
    const struct lte_diag_rule_op *op;
    const float *qkv, *gates;
    float *out;
    size_t stride, gate_stride; // of qkv and gates
    const float *out_gradient;
    float *qkv_gradient, *gates_gradient;
};

static struct pass pass_of(const struct lte_tape *tape, const struct lte_op *op)
{
    return (struct pass){.kernels = tape->exec.kernels,
                         .op = &op->diag_rule,
                         .qkv = lte_exec_value(&tape->exec, op->in[0]),
                         .gates = lte_exec_value(&tape->exec, op->in[1]),
                         .stride = lte_exec_width(&tape->exec, op->in[0]),
                         .gate_stride = lte_exec_width(&tape->exec, op->in[1])};
}

static void forward_chunk(void *arg, const struct lte_chunk *c)
{
    const struct pass *p = arg;
    const struct lte_diag_rule_op *d = p->op;
    const size_t value_head = c->value_head, head = value_head / (d->value_heads / d->heads);
    const size_t v = value_head * d->value_dim + c->column;
    const float *x = p->qkv + c->row * p->stride;
    const float *gates = p->gates + c->row * p->gate_stride;
    p->kernels->diag_rule(&(struct lte_diag_rule_args){
        .state = c->state,
        .q = x + d->q_column + head * d->key_dim,
        .k = x + d->k_column + head * d->key_dim,
        .v = x + d->v_column + v,
        .o = p->out + c->row * d->value_heads * d->value_dim + v,
        .log_decay = gates + value_head * d->key_dim,
        .beta = d->erase ? gates + d->value_heads * d->key_dim + value_head : NULL,
        .q_stride = p->stride,
        .k_stride = p->stride,
        .v_stride = p->stride,
        .o_stride = d->value_heads * d->value_dim,
        .decay_stride = p->gate_stride,
        .beta_stride = p->gate_stride,
        .decay_step = 1,
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
    const struct lte_diag_rule_op *d = p->op;
    const size_t value_head = c->value_head, head = value_head / (d->value_heads / d->heads);
    const size_t x = c->row * p->stride;
    const size_t q = x + d->q_column + head * d->key_dim, k = x + d->k_column + head * d->key_dim;
    const size_t v = x + d->v_column + value_head * d->value_dim;
    const size_t decay = c->row * p->gate_stride + value_head * d->key_dim;
    const size_t beta = c->row * p->gate_stride + d->value_heads * d->key_dim + value_head;
    p->kernels->diag_grad(&(struct lte_diag_grad_args){
        .state = c->state,
        .dstate = c->dstate,
        .q = p->qkv + q,
        .k = p->qkv + k,
        .v = p->qkv + v,
        .dout = p->out_gradient + (c->row * d->value_heads + c->value_head) * d->value_dim,
        .log_decay = p->gates + decay,
        .beta = d->erase ? p->gates + beta : NULL,
        .dq = p->qkv_gradient + q,
        .dk = p->qkv_gradient + k,
        .dv = p->qkv_gradient + v,
        .dlog_decay = p->gates_gradient + decay,
        .dbeta = d->erase ? p->gates_gradient + beta : NULL,
        .q_stride = p->stride,
        .k_stride = p->stride,
        .v_stride = p->stride,
        .dout_stride = d->value_heads * d->value_dim,
        .decay_stride = p->gate_stride,
        .beta_stride = p->gate_stride,
        .decay_step = 1,
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

const struct lte_gradient lte_grad_diag_rule = {
    .reads = 1 << 0 | 1 << 1,
    .gives = 1 << 0 | 1 << 1,
    .saved = saved,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
