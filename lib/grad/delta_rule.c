// SPDX-License-Identifier: BSD-2-Clause
// Training of delta_rule. Forwards keeps each head's state at the entry of every chunk of tokens,
// and nothing else; backwards goes over the chunks from the last to the first.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"

enum { COLUMNS = 128 }; // state columns a thread takes forwards at a time

// Tokens of a chunk. Long chunks keep fewer states (at 128 x 128, half of what the op's inputs
// take); short ones do less work on pairs of tokens, which counts when the state is small.
static size_t chunk_tokens(const struct lte_delta_rule_op *d)
{
    return d->key_dim + d->value_dim > 64 ? LTE_DELTA_GRAD_TOKENS : LTE_DELTA_GRAD_TOKENS / 2;
}

static size_t chunks(const struct lte_delta_rule_op *d, size_t rows)
{
    return (rows + chunk_tokens(d) - 1) / chunk_tokens(d);
}

static size_t head_state(const struct lte_delta_rule_op *d)
{
    const size_t blocks = (d->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS;
    return blocks * d->key_dim * LTE_DELTA_COLUMNS;
}

struct pass {
    struct lte_tape *tape;
    const struct lte_op *op;
    const float *qkv, *gates;
    float *out;
    size_t stride, ranges;   // of qkv; column ranges of a head
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
                         .ranges = (op->delta_rule.value_dim + COLUMNS - 1) / COLUMNS,
                         .saved = lte_tape_saved(tape, op)};
}

// Segment s owns the places from row / chunk_tokens + s on: segments may end inside a chunk, and
// those before have together left at most s places more than their rows fill.
static float *saved_state(const struct pass *p, size_t segment, size_t chunk, size_t value_head)
{
    const struct lte_delta_rule_op *d = &p->op->delta_rule;
    const size_t first = p->tape->exec.segment[segment].row / chunk_tokens(d) + segment;
    return p->saved + ((first + chunk) * d->value_heads + value_head) * head_state(d);
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    const size_t most = limits->rows / chunk_tokens(d) + limits->segments;
    return most * d->value_heads * head_state(d) * sizeof(float);
}

// A thread's scratch: a state (forwards, of the last chunk; backwards, its gradient), then the
// kernel's.
static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_delta_rule_op *d = &op->delta_rule;
    (void)limits, (void)kernels, (void)shared;
    *each = lte_align(head_state(d) * sizeof(float)) +
            lte_delta_grad_floats(chunk_tokens(d), d->key_dim, d->value_dim) * sizeof(float);
}

static size_t rows_of_chunk(const struct lte_delta_rule_op *d, const struct lte_segment *g,
                            size_t chunk)
{
    const size_t left = g->rows - chunk * chunk_tokens(d);
    return left < chunk_tokens(d) ? left : chunk_tokens(d);
}

// ---- forwards ----

static void forward_chunk(const struct pass *p, float *state, size_t row, size_t rows,
                          size_t value_head, size_t column)
{
    const struct lte_delta_rule_op *d = &p->op->delta_rule;
    const size_t head = value_head / (d->value_heads / d->heads);
    const size_t v = value_head * d->value_dim + column;
    const float *x = p->qkv + row * p->stride;
    const float *gates = p->gates + row * 2 * d->value_heads + value_head;
    p->tape->exec.kernels->delta_rule(&(struct lte_delta_rule_args){
        .state = state,
        .q = x + d->q_column + head * d->key_dim,
        .k = x + d->k_column + head * d->key_dim,
        .v = x + d->v_column + v,
        .o = p->out + row * d->value_heads * d->value_dim + v,
        .log_decay = gates,
        .beta = gates + d->value_heads,
        .qk_stride = p->stride,
        .v_stride = p->stride,
        .o_stride = d->value_heads * d->value_dim,
        .gate_stride = 2 * d->value_heads,
        .tokens = rows,
        .key_dim = d->key_dim,
        .value_dim = d->value_dim - column < COLUMNS ? d->value_dim - column : COLUMNS,
    });
}

// A range of columns of one value head over one segment: each state is computed where it is kept.
static void forward_range(void *arg, size_t item, unsigned thread)
{
    const struct pass *p = arg;
    const struct lte_delta_rule_op *d = &p->op->delta_rule;
    const size_t column = item % p->ranges * COLUMNS, at = column * d->key_dim;
    const size_t value_head = item / p->ranges % d->value_heads;
    const size_t segment = item / p->ranges / d->value_heads;
    const size_t rest = head_state(d) - at, most = COLUMNS * d->key_dim;
    const size_t floats = rest < most ? rest : most;
    const struct lte_segment *g = &p->tape->exec.segment[segment];
    float *last = lte_exec_scratch(&p->tape->exec, thread);
    for (size_t c = 0, n = chunks(d, g->rows); c < n; c++) {
        float *entry = saved_state(p, segment, c, value_head) + at;
        float *state = c + 1 < n ? saved_state(p, segment, c + 1, value_head) + at : last;
        if (c == 0)
            memset(entry, 0, floats * sizeof *entry);
        memcpy(state, entry, floats * sizeof *state);
        forward_chunk(p, state, g->row + c * chunk_tokens(d), rows_of_chunk(d, g, c), value_head,
                      column);
    }
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    struct pass p = pass_of(tape, op);
    p.out = lte_exec_value(&tape->exec, op->out);
    const size_t items = tape->exec.segments * op->delta_rule.value_heads * p.ranges;
    lte_exec_for(&tape->exec, items, forward_range, &p);
}

// ---- backwards ----

static void backward_chunk(const struct pass *p, float *dstate, float *kernel_scratch,
                           size_t segment, size_t chunk, size_t value_head)
{
    const struct lte_delta_rule_op *d = &p->op->delta_rule;
    const struct lte_segment *g = &p->tape->exec.segment[segment];
    const size_t row = g->row + chunk * chunk_tokens(d);
    const size_t head = value_head / (d->value_heads / d->heads), x = row * p->stride;
    const size_t q = x + d->q_column + head * d->key_dim, k = x + d->k_column + head * d->key_dim;
    const size_t v = x + d->v_column + value_head * d->value_dim;
    const size_t gate = row * 2 * d->value_heads + value_head;
    p->tape->exec.kernels->delta_grad(&(struct lte_delta_grad_args){
        .state = saved_state(p, segment, chunk, value_head),
        .dstate = dstate,
        .q = p->qkv + q,
        .k = p->qkv + k,
        .v = p->qkv + v,
        .dout = p->out_gradient + (row * d->value_heads + value_head) * d->value_dim,
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
        .gate_stride = 2 * d->value_heads,
        .tokens = rows_of_chunk(d, g, chunk),
        .key_dim = d->key_dim,
        .value_dim = d->value_dim,
        .scratch = kernel_scratch,
    });
}

// One key head over one segment: its value heads, which share the gradients of q and k, one by one.
static void backward_head(void *arg, size_t item, unsigned thread)
{
    const struct pass *p = arg;
    const struct lte_delta_rule_op *d = &p->op->delta_rule;
    const size_t segment = item / d->heads, head = item % d->heads;
    const size_t group = d->value_heads / d->heads, bytes = head_state(d) * sizeof(float);
    unsigned char *mine = lte_exec_scratch(&p->tape->exec, thread);
    float *dstate = (float *)(void *)mine, *rest = (float *)(void *)(mine + lte_align(bytes));
    for (size_t value_head = head * group; value_head < (head + 1) * group; value_head++) {
        memset(dstate, 0, bytes);
        for (size_t c = chunks(d, p->tape->exec.segment[segment].rows); c-- > 0;)
            backward_chunk(p, dstate, rest, segment, c, value_head);
    }
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct pass p = pass_of(tape, op);
    p.out_gradient = lte_tape_gradient(tape, op->out);
    p.qkv_gradient = lte_tape_gradient(tape, op->in[0]);
    p.gates_gradient = lte_tape_gradient(tape, op->in[1]);
    lte_exec_for(&tape->exec, tape->exec.segments * op->delta_rule.heads, backward_head, &p);
}

const struct lte_gradient lte_grad_delta_rule = {
    .reads = 1 << 0 | 1 << 1,
    .gives = 1 << 0 | 1 << 1,
    .saved = saved,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
