// SPDX-License-Identifier: BSD-2-Clause
// diag_rule: the linear step with a diagonal decay over each head's fp32 state.
#include "config.h"

#include "lib/op/diag_rule.h"

#include "lib/grad/grad.h"
#include "lib/op/state_ranges.h"

static struct lte_state_shape shape_of(const struct lte_op *op)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    return (struct lte_state_shape){d->heads, d->key_dim, d->value_dim};
}

// Where `head` begins to read a source, and how far its rows are apart.
static const float *find(const struct lte_exec *x, const struct lte_op *op,
                         const struct lte_rule_source *s, size_t row, size_t head, size_t n,
                         size_t *stride)
{
    *stride = lte_exec_width(x, op->in[s->in]);
    return lte_exec_value(x, op->in[s->in]) +
           lte_rule_offset(&op->diag_rule, s, *stride, row, head, n);
}

struct lte_diag_rule_args lte_diag_rule_args(const struct lte_exec *x, const struct lte_op *op,
                                             size_t row, size_t tokens, size_t head, size_t column,
                                             size_t columns)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    struct lte_diag_rule_args a = {.o_stride = d->heads * d->value_dim,
                                   .keep = d->step == LTE_RULE_WEIGHS,
                                   .decay_step = d->decays > 1,
                                   .tokens = tokens,
                                   .key_dim = d->key_dim,
                                   .value_dim = columns};
    a.q = find(x, op, &d->q, row, head, d->key_dim, &a.q_stride);
    a.k = find(x, op, &d->k, row, head, d->key_dim, &a.k_stride);
    a.v = find(x, op, &d->v, row, head, d->value_dim, &a.v_stride) + column;
    if (d->fixed)
        a.log_decay = d->fixed + head; // of every row
    else
        a.log_decay = find(x, op, &d->decay, row, head, d->decays, &a.decay_stride);
    if (d->step != LTE_RULE_ADDS)
        a.beta = find(x, op, &d->beta, row, head, 1, &a.beta_stride);
    return a;
}

struct diag_rule {
    const struct lte_exec *exec;
    const struct lte_op *op;
    float *out;
};

static void range(void *arg, const struct lte_state_range *r)
{
    const struct diag_rule *w = arg;
    const struct lte_segment *g = r->segment;
    struct lte_diag_rule_args a =
        lte_diag_rule_args(w->exec, w->op, g->row, g->rows, r->head, r->column, r->columns);
    a.state = r->state;
    a.o = w->out + g->row * a.o_stride + r->head * w->op->diag_rule.value_dim + r->column;
    w->exec->kernels->diag_rule(&a);
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    const struct lte_state_shape shape = shape_of(op);
    struct diag_rule w = {.exec = x, .op = op, .out = lte_exec_value(x, op->out)};
    lte_state_ranges_run(x, op, &shape, range, &w);
}

// Whether a source lies in its input; n: numbers of a head.
static bool lies(const struct lte_diag_rule_op *d, const struct lte_rule_source *s,
                 const size_t *in_width, size_t n)
{
    return s->in < LTE_OP_INPUTS && s->heads && d->heads % s->heads == 0 &&
           s->column + s->heads * n <= in_width[s->in];
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    const bool fits = d->key_dim <= LTE_DIAG_KEYS && lies(d, &d->q, in_width, d->key_dim) &&
                      lies(d, &d->k, in_width, d->key_dim) &&
                      lies(d, &d->v, in_width, d->value_dim) &&
                      (d->decays == 1 || d->decays == d->key_dim) &&
                      (d->fixed ? d->decays == 1 : lies(d, &d->decay, in_width, d->decays)) &&
                      (d->step == LTE_RULE_ADDS || lies(d, &d->beta, in_width, 1));
    return fits ? d->heads * d->value_dim : 0;
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
    const struct lte_diag_rule_op *d = &op->diag_rule;
    const struct lte_state_shape shape = shape_of(op);
    const size_t elements = d->heads * d->key_dim * d->value_dim;
    (void)params, (void)position;
    cost->flops += (d->step == LTE_RULE_ERASES ? 7.0 : 5.0) * (double)elements * (double)rows;
    cost->state_bytes += 2.0 * (double)lte_state_bytes(&shape);
}

const struct lte_op_row lte_op_diag_rule = {
    .name = "diag_rule", .width = width, .state = state, .compute = compute, .cost = cost,
    .gradient = &lte_grad_diag_rule};
