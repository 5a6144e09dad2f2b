// SPDX-License-Identifier: BSD-2-Clause
// Attention over whole sequences, and its gradient: full, windowed, or with retained keys. Weights
// are formed anew in the backward pass from the log-sum-exp of each query and head, so nothing is
// kept that grows with the square of the length.
#include "config.h"

#include <math.h>

#include "lib/grad/attend_plan.h"

struct attend {
    struct lte_attend_plan plan;
    const struct lte_exec *exec;
    const struct lte_attend_op *op;
    size_t step;
    const float *q, *k, *v;
    float *o, *lse;                   // lse: [rows][heads]
    const float *d_o;
    float *dq, *dk, *dv, *dscore;
};

static struct attend begin(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_exec *x = &tape->exec;
    const struct lte_attend_op *o = &op->attend;
    struct attend a = {.exec = x,
                       .op = o,
                       .q = lte_exec_value(x, op->in[0]),
                       .k = lte_exec_value(x, op->in[1]),
                       .v = lte_exec_value(x, op->in[2]),
                       .o = lte_exec_value(x, op->out),
                       .lse = lte_tape_saved(tape, op)};
    const float *scores = o->retains ? lte_exec_value(x, op->in[3]) : NULL;
    lte_attend_plan_make(&a.plan, tape, o, scores, lte_exec_shared(x));
    return a;
}

static float scale(const struct lte_attend_op *op)
{
    return (float)(1.0 / sqrt((double)op->head_dim));
}

// Where the rows of a stream begin in values of one row of all query heads, and of all key heads.
static size_t query_at(const struct attend *a, const struct lte_attend_stream *s)
{
    const size_t group = a->op->heads / a->op->key_heads;
    return (s->segment->row * a->op->heads + s->head * group) * a->op->head_dim;
}

static size_t key_at(const struct attend *a, const struct lte_attend_stream *s)
{
    return (s->segment->row * a->op->key_heads + s->head) * a->op->head_dim;
}

static size_t lse_at(const struct attend *a, const struct lte_attend_stream *s)
{
    return s->segment->row * a->op->heads + s->head * (a->op->heads / a->op->key_heads);
}

static size_t query_blocks(const struct lte_attend_plan *p, const struct lte_attend_stream *s,
                           size_t step)
{
    (void)p;
    (void)step;
    return (s->segment->rows + LTE_ATTEND_QUERIES - 1) / LTE_ATTEND_QUERIES;
}

// Keys of the list that some query before `end` sees.
static size_t list_before(const struct lte_attend_stream *s, size_t end)
{
    size_t low = 0, high = s->retained;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->at_from[middle] < end)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void forward_item(void *arg, size_t item, unsigned thread)
{
    const struct attend *a = arg;
    const struct lte_attend_plan *p = &a->plan;
    const struct lte_attend_op *op = a->op;
    const struct lte_attend_stream *s = lte_attend_plan_find(p, &item);
    const size_t first = item * LTE_ATTEND_QUERIES, left = s->segment->rows - first;
    const size_t count = left < LTE_ATTEND_QUERIES ? left : LTE_ATTEND_QUERIES;
    const size_t low = p->window && first >= p->window ? first - p->window + 1 : 0;
    const size_t keys = key_at(a, s), width = op->key_heads * op->head_dim;
    const struct lte_kv_span span[] = {
        {.k = a->k + keys, .v = a->v + keys, .k_stride = width, .v_stride = width, .at = s->at,
         .from = s->at_from, .until = p->ever, .keys = list_before(s, first + count), .f32 = 1},
        {.k = a->k + keys + low * width, .v = a->v + keys + low * width, .k_stride = width,
         .v_stride = width, .from = p->from + low, .until = p->until + low,
         .keys = first + count - low, .f32 = 1}};
    a->exec->kernels->attend[LTE_DTYPE_F32](&(struct lte_attend_args){
        .q = a->q + query_at(a, s),
        .o = a->o + query_at(a, s),
        .q_stride = op->heads * op->head_dim,
        .o_stride = op->heads * op->head_dim,
        .first = first,
        .count = count,
        .group = op->heads / op->key_heads,
        .head_dim = op->head_dim,
        .scale = scale(op),
        .span = span,
        .spans = 2,
        .lse = a->lse + lse_at(a, s),
        .lse_stride = op->heads,
        .scratch = lte_exec_scratch(a->exec, thread),
    });
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    struct attend a = begin(tape, op);
    lte_exec_for(a.exec, lte_attend_plan_items(&a.plan, query_blocks, 0), forward_item, &a);
}

// One block of queries; the keys, counted from `key`, are the caller's to fill in.
static struct lte_attend_grad_args gradient_args(const struct attend *a,
                                                 const struct lte_attend_stream *s, size_t key,
                                                 size_t query_block, unsigned thread)
{
    const struct lte_attend_op *op = a->op;
    const size_t query = query_at(a, s), first = query_block * LTE_ATTEND_GRAD_QUERIES;
    const size_t width = op->key_heads * op->head_dim, keys = key_at(a, s) + key * width;
    const size_t left = s->segment->rows - first;
    return (struct lte_attend_grad_args){
        .q = a->q + query,
        .o = a->o + query,
        .d_o = a->d_o + query,
        .dq = a->dq + query,
        .lse = a->lse + lse_at(a, s),
        .k = a->k + keys,
        .v = a->v + keys,
        .dk = a->dk + keys,
        .dv = a->dv + keys,
        .dgate = a->dscore ? a->dscore + (s->segment->row + key) * op->key_heads + s->head : NULL,
        .q_stride = op->heads * op->head_dim,
        .lse_stride = op->heads,
        .k_stride = width,
        .gate_stride = op->key_heads,
        .first = first,
        .count = left < LTE_ATTEND_GRAD_QUERIES ? left : LTE_ATTEND_GRAD_QUERIES,
        .group = op->heads / op->key_heads,
        .head_dim = op->head_dim,
        .scale = scale(op),
        .scratch = lte_exec_scratch(a->exec, thread),
    };
}

static void window_item(void *arg, size_t item, unsigned thread)
{
    const struct attend *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    struct lte_attend_pair pair;
    if (!lte_attend_step_pair(&a->plan, s, a->step, item, &pair))
        return;
    const size_t key = pair.keys * LTE_ATTEND_GRAD_KEYS, left = s->segment->rows - key;
    struct lte_attend_grad_args args = gradient_args(a, s, key, pair.queries, thread);
    args.from = a->plan.from + key;
    args.until = a->plan.until + key;
    args.keys = left < LTE_ATTEND_GRAD_KEYS ? left : LTE_ATTEND_GRAD_KEYS;
    a->exec->kernels->attend_grad(&args);
}

static void list_item(void *arg, size_t item, unsigned thread)
{
    const struct attend *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    struct lte_attend_pair pair;
    if (!lte_attend_list_pair(s, a->step, item, &pair))
        return;
    const size_t key = pair.keys * LTE_ATTEND_GRAD_KEYS, left = s->retained - key;
    struct lte_attend_grad_args args = gradient_args(a, s, 0, pair.queries, thread);
    args.at = s->at + key;
    args.from = s->at_from + key;
    args.until = a->plan.ever;
    args.keys = left < LTE_ATTEND_GRAD_KEYS ? left : LTE_ATTEND_GRAD_KEYS;
    a->exec->kernels->attend_grad(&args);
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct attend a = begin(tape, op);
    a.d_o = lte_tape_gradient(tape, op->out);
    a.dq = lte_tape_gradient(tape, op->in[0]);
    a.dk = lte_tape_gradient(tape, op->in[1]);
    a.dv = lte_tape_gradient(tape, op->in[2]);
    a.dscore = a.op->retains ? lte_tape_gradient(tape, op->in[3]) : NULL;
    const size_t steps = lte_attend_steps(&a.plan), list_steps = lte_attend_list_steps(&a.plan);
    for (a.step = 0; a.step < steps; a.step++)
        lte_exec_for(a.exec, lte_attend_plan_items(&a.plan, lte_attend_step_count, a.step),
                     window_item, &a);
    for (a.step = 0; a.step < list_steps; a.step++)
        lte_exec_for(a.exec, lte_attend_plan_items(&a.plan, lte_attend_list_count, a.step),
                     list_item, &a);
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    return limits->rows * op->attend.heads * sizeof(float);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_attend_op *o = &op->attend;
    const size_t forwards = lte_attend_scratch(o->heads / o->key_heads, o->head_dim);
    const size_t backwards = lte_attend_grad_scratch(o->head_dim);
    (void)kernels;
    *shared = lte_attend_plan_bytes(o, limits);
    *each = lte_align((forwards > backwards ? forwards : backwards) * sizeof(float));
}

const struct lte_gradient lte_grad_attend = {
    .reads = 1 | 2 | 4 | 8 | LTE_READS_OUT, // the scores: who was retained
    .gives = 1 | 2 | 4 | 8,
    .saved = saved,
    .scratch = scratch,
    .forward = forward,
    .backward = backward};
