// SPDX-License-Identifier: BSD-2-Clause
// Training of diag_rule, as of delta_rule. Forwards keeps each head's state at the entry of every chunk of tokens,
// and nothing else; backwards goes over the chunks from the last to the first.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"

enum {
    COLUMNS = 128, // state columns a thread takes forwards at a time
    TOKENS = LTE_DIAG_GRAD_TOKENS
};

static size_t chunks(size_t rows)
{
    return (rows + TOKENS - 1) / TOKENS;
}

static size_t head_state(const struct lte_diag_rule_op *d)
{
    const size_t blocks = (d->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS;
    return blocks * d->key_dim * LTE_DELTA_COLUMNS;
}

struct pass {
    struct lte_tape *tape;
    const struct lte_op *op;
    const float *qkv, *gates;
    float *out;
    size_t stride, gate_stride, ranges; // of qkv and gates; column ranges of a head
    float *saved;            // [chunks][value_heads][head_state]
    const float *out_gradient;
    float *qkv_gradient, *gates_gradient;
};

static struct pass pass_of(struct lte_tape *tape, const struct lte_op *op)
{
    return (struct pass){.tape = tape,
                         .op = op,
                         .qkv = lte_exec_value(&tape->exec, op->in[0]),
                         .gates = lte_exec_value(&tape->exec, op->in[1]),
                         .stride = lte_exec_width(&tape->exec, op->in[0]),
                         .gate_stride = lte_exec_width(&tape->exec, op->in[1]),
                         .ranges = (op->diag_rule.value_dim + COLUMNS - 1) / COLUMNS,
                         .saved = lte_tape_saved(tape, op)};
}

// Segment s owns the places from row / TOKENS + s on: segments may end inside a chunk, and
// those before have together left at most s places more than their rows fill.
static float *saved_state(const struct pass *p, size_t segment, size_t chunk, size_t value_head)
{
    const struct lte_diag_rule_op *d = &p->op->diag_rule;
    const size_t first = p->tape->exec.segment[segment].row / TOKENS + segment;
    return p->saved + ((first + chunk) * d->value_heads + value_head) * head_state(d);
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    const size_t most = limits->rows / TOKENS + limits->segments;
    return most * d->value_heads * head_state(d) * sizeof(float);
}

// A thread's scratch: a state (forwards, of the last chunk; backwards, its gradient), then the
// kernel's.
static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    (void)limits, (void)kernels, (void)shared;
    *each = lte_align(head_state(d) * sizeof(float)) +
            lte_diag_grad_floats(TOKENS, d->key_dim) * sizeof(float);
}

static size_t rows_of_chunk(const struct lte_segment *g, size_t chunk)
{
    const size_t left = g->rows - chunk * TOKENS;
    return left < TOKENS ? left : TOKENS;
}

// ---- forwards ----

static void forward_chunk(const struct pass *p, float *state, size_t row, size_t rows,
                          size_t value_head, size_t column)
{
    const struct lte_diag_rule_op *d = &p->op->diag_rule;
    const size_t head = value_head / (d->value_heads / d->heads);
    const size_t v = value_head * d->value_dim + column;
    const float *x = p->qkv + row * p->stride;
    const float *gates = p->gates + row * p->gate_stride;
    p->tape->exec.kernels->diag_rule(&(struct lte_diag_rule_args){
        .state = state,
        .q = x + d->q_column + head * d->key_dim,
        .k = x + d->k_column + head * d->key_dim,
        .v = x + d->v_column + v,
        .o = p->out + row * d->value_heads * d->value_dim + v,
        .log_decay = gates + value_head * d->key_dim,
        .beta = d->erase ? gates + d->value_heads * d->key_dim + value_head : NULL,
        .q_stride = p->stride,
        .k_stride = p->stride,
        .v_stride = p->stride,
        .o_stride = d->value_heads * d->value_dim,
        .decay_stride = p->gate_stride,
        .beta_stride = p->gate_stride,
        .decay_step = 1,
        .tokens = rows,
        .key_dim = d->key_dim,
        .value_dim = d->value_dim - column < COLUMNS ? d->value_dim - column : COLUMNS,
    });
}

// A range of columns of one value head over one segment: each state is computed where it is kept.
static void forward_range(void *arg, size_t item, unsigned thread)
{
    const struct pass *p = arg;
    const struct lte_diag_rule_op *d = &p->op->diag_rule;
    const size_t column = item % p->ranges * COLUMNS, at = column * d->key_dim;
    const size_t value_head = item / p->ranges % d->value_heads;
    const size_t segment = item / p->ranges / d->value_heads;
    const size_t rest = head_state(d) - at, most = COLUMNS * d->key_dim;
    const size_t floats = rest < most ? rest : most;
    const struct lte_segment *g = &p->tape->exec.segment[segment];
    float *last = lte_exec_scratch(&p->tape->exec, thread);
    for (size_t c = 0, n = chunks(g->rows); c < n; c++) {
        float *entry = saved_state(p, segment, c, value_head) + at;
        float *state = c + 1 < n ? saved_state(p, segment, c + 1, value_head) + at : last;
        if (c == 0)
            memset(entry, 0, floats * sizeof *entry);
        memcpy(state, entry, floats * sizeof *state);
        forward_chunk(p, state, g->row + c * TOKENS, rows_of_chunk(g, c), value_head,
                      column);
    }
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    struct pass p = pass_of(tape, op);
    p.out = lte_exec_value(&tape->exec, op->out);
    const size_t items = tape->exec.segments * op->diag_rule.value_heads * p.ranges;
    lte_exec_for(&tape->exec, items, forward_range, &p);
}

// ---- backwards ----

static void backward_chunk(const struct pass *p, float *dstate, float *kernel_scratch,
                           size_t segment, size_t chunk, size_t value_head)
{
    const struct lte_diag_rule_op *d = &p->op->diag_rule;
    const struct lte_segment *g = &p->tape->exec.segment[segment];
    const size_t row = g->row + chunk * TOKENS;
    const size_t head = value_head / (d->value_heads / d->heads), x = row * p->stride;
    const size_t q = x + d->q_column + head * d->key_dim, k = x + d->k_column + head * d->key_dim;
    const size_t v = x + d->v_column + value_head * d->value_dim;
    const size_t decay = row * p->gate_stride + value_head * d->key_dim;
    const size_t beta = row * p->gate_stride + d->value_heads * d->key_dim + value_head;
    p->tape->exec.kernels->diag_grad(&(struct lte_diag_grad_args){
        .state = saved_state(p, segment, chunk, value_head),
        .dstate = dstate,
        .q = p->qkv + q,
        .k = p->qkv + k,
        .v = p->qkv + v,
        .dout = p->out_gradient + (row * d->value_heads + value_head) * d->value_dim,
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
        .tokens = rows_of_chunk(g, chunk),
        .key_dim = d->key_dim,
        .value_dim = d->value_dim,
        .scratch = kernel_scratch,
    });
}

// One key head over one segment: its value heads, which share the gradients of q and k, one by one.
static void backward_head(void *arg, size_t item, unsigned thread)
{
    const struct pass *p = arg;
    const struct lte_diag_rule_op *d = &p->op->diag_rule;
    const size_t segment = item / d->heads, head = item % d->heads;
    const size_t group = d->value_heads / d->heads, bytes = head_state(d) * sizeof(float);
    unsigned char *mine = lte_exec_scratch(&p->tape->exec, thread);
    float *dstate = (float *)(void *)mine, *rest = (float *)(void *)(mine + lte_align(bytes));
    for (size_t value_head = head * group; value_head < (head + 1) * group; value_head++) {
        memset(dstate, 0, bytes);
        for (size_t c = chunks(p->tape->exec.segment[segment].rows); c-- > 0;)
            backward_chunk(p, dstate, rest, segment, c, value_head);
    }
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct pass p = pass_of(tape, op);
    p.out_gradient = lte_tape_gradient(tape, op->out);
    p.qkv_gradient = lte_tape_gradient(tape, op->in[0]);
    p.gates_gradient = lte_tape_gradient(tape, op->in[1]);
    lte_exec_for(&tape->exec, tape->exec.segments * op->diag_rule.heads, backward_head, &p);
}

const struct lte_gradient lte_grad_diag_rule = {
    .reads = 1 << 0 | 1 << 1,
    .gives = 1 << 0 | 1 << 1,
    .saved = saved,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
