// SPDX-License-Identifier: BSD-2-Clause
// Training of diag_rule.
#include "config.h"

#include "lib/grad/chunk_states.h"
#include "lib/op/diag_rule.h"

// Heads may share what they read: as many groups as share no gradient.
static size_t groups_of(const struct lte_diag_rule_op *d)
{
    const struct lte_rule_source *const source[] = {&d->q, &d->k, &d->v, &d->decay, &d->beta};
    size_t groups = d->heads;
    for (size_t i = 0; i < sizeof source / sizeof source[0]; i++)
        for (size_t a = source[i]->heads; a;) {
            const size_t rest = groups % a; // Euclid: what divides both
            groups = a;
            a = rest;
        }
    return groups;
}

static struct lte_chunk_rule rule_of(const struct lte_op *op)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    return (struct lte_chunk_rule){
        .tokens = LTE_DIAG_GRAD_TOKENS,
        .heads = groups_of(d),
        .value_heads = d->heads,
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
    const struct lte_tape *tape;
    const struct lte_op *op;
};

static void forward_chunk(void *arg, const struct lte_chunk *c)
{
    const struct pass *p = arg;
    const struct lte_exec *x = &p->tape->exec;
    struct lte_diag_rule_args a = lte_diag_rule_args(x, p->op, c->row, c->rows, c->value_head,
                                                     c->column, c->columns);
    a.state = c->state;
    a.o = lte_exec_value(x, p->op->out) + c->row * a.o_stride +
          c->value_head * p->op->diag_rule.value_dim + c->column;
    x->kernels->diag_rule(&a);
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_chunk_rule rule = rule_of(op);
    struct pass p = {tape, op};
    lte_chunk_forward(tape, op, &rule, forward_chunk, &p);
}

// The gradient of what the chunk's head has of a source.
static float *gradient(const struct pass *p, const struct lte_rule_source *s,
                       const struct lte_chunk *c, size_t stride, size_t n)
{
    return lte_tape_gradient(p->tape, p->op->in[s->in]) +
           lte_rule_offset(&p->op->diag_rule, s, stride, c->row, c->value_head, n);
}

static void backward_chunk(void *arg, const struct lte_chunk *c)
{
    const struct pass *p = arg;
    const struct lte_diag_rule_op *d = &p->op->diag_rule;
    const struct lte_diag_rule_args a = lte_diag_rule_args(
        &p->tape->exec, p->op, c->row, c->rows, c->value_head, 0, d->value_dim);
    struct lte_diag_grad_args g = {
        .state = c->state,
        .dstate = c->dstate,
        .q = a.q,
        .k = a.k,
        .v = a.v,
        .dout = lte_tape_gradient(p->tape, p->op->out) + c->row * a.o_stride +
                c->value_head * d->value_dim,
        .log_decay = a.log_decay,
        .beta = a.beta,
        .keep = a.keep,
        .q_stride = a.q_stride,
        .k_stride = a.k_stride,
        .v_stride = a.v_stride,
        .dout_stride = a.o_stride,
        .decay_stride = a.decay_stride,
        .beta_stride = a.beta_stride,
        .decay_step = a.decay_step,
        .tokens = c->rows,
        .key_dim = d->key_dim,
        .value_dim = d->value_dim,
        .scratch = c->scratch,
    };
    g.dq = gradient(p, &d->q, c, a.q_stride, d->key_dim);
    g.dk = gradient(p, &d->k, c, a.k_stride, d->key_dim);
    g.dv = gradient(p, &d->v, c, a.v_stride, d->value_dim);
    if (!d->fixed)
        g.dlog_decay = gradient(p, &d->decay, c, a.decay_stride, d->decays);
    if (a.beta)
        g.dbeta = gradient(p, &d->beta, c, a.beta_stride, 1);
    p->tape->exec.kernels->diag_grad(&g);
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_chunk_rule rule = rule_of(op);
    struct pass p = {tape, op};
    lte_chunk_backward(tape, op, &rule, backward_chunk, &p);
}

const struct lte_gradient lte_grad_diag_rule = {
    .reads = 1 << 0 | 1 << 1 | 1 << 2,
    .gives = 1 << 0 | 1 << 1 | 1 << 2,
    .saved = saved,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
