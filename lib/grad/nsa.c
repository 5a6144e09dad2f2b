// SPDX-License-Identifier: BSD-2-Clause
// Native sparse attention over whole sequences, and its gradient: that of three attentions, the
// means' spread over their blocks, and that of the gates. What is selected has no gradient.
#include "config.h"

#include <math.h>
#include <string.h>

#include "lib/grad/attend_plan.h"
#include "lib/grad/nsa_saved.h"
#include "lib/sparse/nsa.h"

enum { QUERIES = LTE_ATTEND_GRAD_QUERIES, KEYS = LTE_ATTEND_GRAD_KEYS, ROWS = 32 };

struct nsa {
    struct lte_attend_plan plan;      // of the window
    const struct lte_exec *exec;
    const struct lte_nsa_op *op;
    struct lte_nsa_saved saved;
    size_t step;
    enum lte_nsa_branch branch;
    const float *q, *k, *v, *gate;
    float *out;
    float *d_o;                       // [rows][heads][head_dim] of the branch
    const float *d_out;
    float *dq, *dk, *dv, *dgate;
    float *d_pool[2];                 // as saved.pool
};

static struct lte_attend_op as_attend(const struct lte_nsa_op *op)
{
    return (struct lte_attend_op){.heads = op->heads,
                                  .key_heads = op->key_heads,
                                  .head_dim = op->head_dim,
                                  .window = op->window};
}

static size_t plan_bytes(const struct lte_nsa_op *op, const struct lte_tape_limits *limits)
{
    const struct lte_attend_op attend = as_attend(op);
    return lte_align(lte_attend_plan_bytes(&attend, limits));
}

static struct nsa begin(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_exec *x = &tape->exec;
    const struct lte_attend_op attend = as_attend(&op->nsa);
    struct nsa a = {.exec = x,
                    .op = &op->nsa,
                    .q = lte_exec_value(x, op->in[0]),
                    .k = lte_exec_value(x, op->in[1]),
                    .v = lte_exec_value(x, op->in[2]),
                    .gate = lte_exec_value(x, op->in[3]),
                    .out = lte_exec_value(x, op->out)};
    lte_nsa_saved_carve(&op->nsa, &tape->limits, lte_tape_saved(tape, op), &a.saved);
    lte_attend_plan_make(&a.plan, tape, &attend, NULL, lte_exec_shared(x));
    return a;
}

// Where the rows of a stream begin.
static size_t query_row(const struct nsa *a, const struct lte_attend_stream *s)
{
    return s->segment->row * a->op->heads + s->head * (a->op->heads / a->op->key_heads);
}

static size_t key_at(const struct nsa *a, const struct lte_attend_stream *s)
{
    return (s->segment->row * a->op->key_heads + s->head) * a->op->head_dim;
}

static size_t pool_at(const struct nsa *a, const struct lte_attend_stream *s)
{
    return (s->head * a->saved.blocks + s->segment->row / a->op->block) * a->op->head_dim;
}

static uint32_t *units_of(const struct nsa *a, const struct lte_attend_stream *s, size_t query)
{
    const size_t row = (s->segment->row + query) * a->op->key_heads + s->head;
    return a->saved.unit + row * a->saved.units;
}

static void pool_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_attend_stream *s = &a->plan.stream[item];
    const size_t width = a->op->key_heads * a->op->head_dim, at = pool_at(a, s);
    const size_t blocks = s->segment->rows / a->op->block;
    float *row = lte_exec_scratch(a->exec, thread);
    lte_nsa_pool(a->op, a->exec->kernels, a->k + key_at(a, s), width, LTE_DTYPE_F32, 0, blocks,
                 a->saved.pool[0] + at, row);
    lte_nsa_pool(a->op, a->exec->kernels, a->v + key_at(a, s), width, LTE_DTYPE_F32, 0, blocks,
                 a->saved.pool[1] + at, row);
}

static size_t query_blocks(const struct lte_attend_plan *p, const struct lte_attend_stream *s,
                           size_t step)
{
    (void)p;
    (void)step;
    return (s->segment->rows + LTE_ATTEND_QUERIES - 1) / LTE_ATTEND_QUERIES;
}

static void mix(const struct nsa *a, size_t row, size_t count)
{
    const size_t dim = a->op->head_dim;
    for (size_t i = 0; i < count; i++, row += a->op->heads) {
        const float *const o[] = {a->saved.o[0] + row * dim, a->saved.o[1] + row * dim,
                                  a->saved.o[2] + row * dim};
        lte_nsa_mix(a->op, a->exec->kernels, a->gate + row * LTE_NSA_BRANCHES, o,
                    a->out + row * dim);
    }
}

static void forward_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    const size_t first = item * LTE_ATTEND_QUERIES, left = s->segment->rows - first;
    const size_t row = query_row(a, s) + first * a->op->heads, dim = a->op->head_dim;
    const struct lte_nsa_keys keys = {.k = a->k + key_at(a, s),
                                      .v = a->v + key_at(a, s),
                                      .stride = a->op->key_heads * dim,
                                      .pool_k = a->saved.pool[0] + pool_at(a, s),
                                      .pool_v = a->saved.pool[1] + pool_at(a, s)};
    struct lte_nsa_queries q = {.q = a->q + row * dim,
                                .q_stride = a->op->heads * dim,
                                .position = first,
                                .count = left < LTE_ATTEND_QUERIES ? left : LTE_ATTEND_QUERIES,
                                .o_stride = a->op->heads * dim,
                                .lse_stride = a->op->heads,
                                .unit = units_of(a, s, first),
                                .unit_stride = a->op->key_heads * a->saved.units,
                                .units = a->saved.units};
    for (size_t b = 0; b < LTE_NSA_BRANCHES; b++) {
        q.o[b] = a->saved.o[b] + row * dim;
        q.lse[b] = a->saved.lse[b] + row;
    }
    lte_nsa_attend(a->op, a->exec->kernels, &keys, &q, lte_exec_scratch(a->exec, thread));
    mix(a, row, q.count);
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    struct nsa a = begin(tape, op);
    lte_exec_for(a.exec, a.plan.streams, pool_item, &a);
    lte_exec_for(a.exec, lte_attend_plan_items(&a.plan, query_blocks, 0), forward_item, &a);
}

// The gradient at a branch's output, and of its gates.
static void gate_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const size_t heads = a->op->heads, dim = a->op->head_dim;
    const size_t from = item * ROWS * heads, all = a->exec->rows * heads;
    const size_t to = from + ROWS * heads < all ? from + ROWS * heads : all;
    (void)thread;
    for (size_t h = from; h < to; h++) {
        const float *o = a->saved.o[a->branch] + h * dim, *d_out = a->d_out + h * dim;
        const size_t at = h * LTE_NSA_BRANCHES + a->branch;
        float open, sum = 0;
        a->exec->kernels->sigmoid(&open, a->gate + at, 1);
        for (size_t d = 0; d < dim; d++) {
            sum += d_out[d] * o[d];
            a->d_o[h * dim + d] = open * d_out[d];
        }
        a->dgate[at] += sum * open * (1 - open);
    }
}

// Queries from `query` on; keys and who sees them are the caller's to fill in.
static struct lte_attend_grad_args gradient_args(const struct nsa *a,
                                                 const struct lte_attend_stream *s, size_t query,
                                                 unsigned thread)
{
    const size_t row = query_row(a, s), at = row * a->op->head_dim;
    const size_t left = s->segment->rows - query;
    return (struct lte_attend_grad_args){
        .q = a->q + at,
        .o = a->saved.o[a->branch] + at,
        .d_o = a->d_o + at,
        .dq = a->dq + at,
        .lse = a->saved.lse[a->branch] + row,
        .k = a->k + key_at(a, s),
        .v = a->v + key_at(a, s),
        .dk = a->dk + key_at(a, s),
        .dv = a->dv + key_at(a, s),
        .q_stride = a->op->heads * a->op->head_dim,
        .lse_stride = a->op->heads,
        .k_stride = a->op->key_heads * a->op->head_dim,
        .first = query,
        .count = left < QUERIES ? left : QUERIES,
        .group = a->op->heads / a->op->key_heads,
        .head_dim = a->op->head_dim,
        .scale = (float)(1.0 / sqrt((double)a->op->head_dim)),
        .scratch = lte_exec_scratch(a->exec, thread),
    };
}

static void window_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    struct lte_attend_pair pair;
    if (!lte_attend_step_pair(&a->plan, s, a->step, item, &pair))
        return;
    const size_t key = pair.keys * KEYS, left = s->segment->rows - key;
    struct lte_attend_grad_args args = gradient_args(a, s, pair.queries * QUERIES, thread);
    args.k += key * args.k_stride;
    args.v += key * args.k_stride;
    args.dk += key * args.k_stride;
    args.dv += key * args.k_stride;
    args.from = a->plan.from + key;
    args.until = a->plan.until + key;
    args.keys = left < KEYS ? left : KEYS;
    a->exec->kernels->attend_grad(&args);
}

// The means are far fewer than the queries: in every step each block of them meets another block of
// queries.
static size_t pooled_count(const struct lte_attend_plan *p, const struct lte_attend_stream *s,
                           size_t step)
{
    (void)p;
    (void)step;
    return s->blocks;
}

static void pooled_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    const size_t means = s->segment->rows / a->op->block, first = item * KEYS;
    const size_t query = (item + a->step) % s->blocks * QUERIES;
    uint32_t from[KEYS];
    size_t keys = 0;
    if (a->step >= s->blocks)
        return;
    struct lte_attend_grad_args args = gradient_args(a, s, query, thread);
    for (; keys < KEYS && first + keys < means; keys++) {
        from[keys] = (uint32_t)((first + keys + 1) * a->op->block - 1);
        if (from[keys] >= query + args.count)
            break;
    }
    if (!keys)
        return;
    const size_t at = pool_at(a, s) + first * a->op->head_dim;
    args.k = a->saved.pool[0] + at;
    args.v = a->saved.pool[1] + at;
    args.dk = a->d_pool[0] + at;
    args.dv = a->d_pool[1] + at;
    args.k_stride = a->op->head_dim;
    args.from = from;
    args.until = a->plan.ever;
    args.keys = keys;
    a->exec->kernels->attend_grad(&args);
}

// Tokens of the block of keys at `key` that the query selected.
static size_t selected_keys(const struct nsa *a, const struct lte_attend_stream *s, size_t query,
                            size_t key, uint32_t *at)
{
    const uint32_t *unit = units_of(a, s, query);
    const size_t end = key + KEYS < query + 1 ? key + KEYS : query + 1;
    size_t keys = 0;
    for (size_t n = 0; n < a->saved.units && unit[n] != UINT32_MAX; n++) {
        const size_t begin = (size_t)unit[n] * a->op->block;
        if (begin >= end)
            break;
        for (size_t t = begin > key ? begin : key; t < begin + a->op->block && t < end; t++)
            at[keys++] = (uint32_t)t;
    }
    return keys;
}

// One query at a time, whose heads take the place of queries: they all see the same keys.
static void selected_query(const struct nsa *a, const struct lte_attend_stream *s, size_t query,
                           size_t key, unsigned thread)
{
    static const uint32_t from[KEYS];
    const size_t group = a->op->heads / a->op->key_heads;
    uint32_t at[KEYS];
    const size_t keys = selected_keys(a, s, query, key, at);
    if (!keys)
        return;
    struct lte_attend_grad_args args = gradient_args(a, s, query, thread);
    const size_t to_query = query * args.q_stride;
    args.q += to_query;
    args.o += to_query;
    args.d_o += to_query;
    args.dq += to_query;
    args.lse += query * args.lse_stride;
    args.q_stride = a->op->head_dim;
    args.lse_stride = 1;
    args.group = 1;
    args.at = at;
    args.from = from;
    args.until = a->plan.ever;
    args.keys = keys;
    for (args.first = 0; args.first < group; args.first += QUERIES) {
        args.count = group - args.first < QUERIES ? group - args.first : QUERIES;
        a->exec->kernels->attend_grad(&args);
    }
}

static void selected_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    struct lte_attend_pair pair;
    if (!lte_attend_step_pair(&a->plan, s, a->step, item, &pair))
        return;
    const size_t first = pair.queries * QUERIES, left = s->segment->rows - first;
    for (size_t i = 0; i < QUERIES && i < left; i++)
        selected_query(a, s, first + i, pair.keys * KEYS, thread);
}

// Every token of a complete block gets its share of the mean's gradient.
static void spread_item(void *arg, size_t item, unsigned thread)
{
    const struct nsa *a = arg;
    const struct lte_attend_stream *s = &a->plan.stream[item];
    const size_t dim = a->op->head_dim, width = a->op->key_heads * dim;
    const size_t tokens = s->segment->rows / a->op->block * a->op->block;
    const float share = 1 / (float)a->op->block;
    (void)thread;
    for (size_t t = 0; t < tokens; t++) {
        const size_t from = pool_at(a, s) + t / a->op->block * dim, to = key_at(a, s) + t * width;
        for (size_t d = 0; d < dim; d++) {
            a->dk[to + d] += share * a->d_pool[0][from + d];
            a->dv[to + d] += share * a->d_pool[1][from + d];
        }
    }
}

static void run_steps(struct nsa *a, size_t steps, lte_attend_count_fn *count, lte_par_fn *item)
{
    for (a->step = 0; a->step < steps; a->step++)
        lte_exec_for(a->exec, lte_attend_plan_items(&a->plan, count, a->step), item, a);
}

static void begin_branch(struct nsa *a, enum lte_nsa_branch branch)
{
    a->branch = branch;
    lte_exec_for(a->exec, (a->exec->rows + ROWS - 1) / ROWS, gate_item, a);
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct nsa a = begin(tape, op);
    const size_t pool = a.op->key_heads * a.saved.blocks * a.op->head_dim;
    unsigned char *shared = lte_exec_shared(a.exec);
    a.d_pool[0] = (float *)(void *)(shared + plan_bytes(a.op, &tape->limits));
    a.d_pool[1] = a.d_pool[0] + pool;
    a.d_o = a.d_pool[1] + pool;
    a.d_out = lte_tape_gradient(tape, op->out);
    a.dq = lte_tape_gradient(tape, op->in[0]);
    a.dk = lte_tape_gradient(tape, op->in[1]);
    a.dv = lte_tape_gradient(tape, op->in[2]);
    a.dgate = lte_tape_gradient(tape, op->in[3]);
    memset(a.d_pool[0], 0, 2 * pool * sizeof(float));

    begin_branch(&a, LTE_NSA_WINDOW);
    run_steps(&a, lte_attend_steps(&a.plan), lte_attend_step_count, window_item);
    a.plan.window = 0; // any earlier block may have been selected
    begin_branch(&a, LTE_NSA_SELECTED);
    run_steps(&a, lte_attend_steps(&a.plan), lte_attend_step_count, selected_item);
    begin_branch(&a, LTE_NSA_POOLED);
    run_steps(&a, lte_attend_steps(&a.plan), pooled_count, pooled_item);
    lte_exec_for(a.exec, a.plan.streams, spread_item, &a);
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    return lte_nsa_saved_carve(&op->nsa, limits, NULL, NULL);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_nsa_op *o = &op->nsa;
    const size_t pool = 2 * o->key_heads * (limits->rows / o->block) * o->head_dim;
    const size_t forwards = lte_nsa_scratch(o, limits->rows);
    const size_t backwards = lte_attend_grad_scratch(o->head_dim) * sizeof(float);
    (void)kernels;
    *shared = plan_bytes(o, limits) +
              (pool + limits->rows * o->heads * o->head_dim) * sizeof(float);
    *each = lte_align(forwards > backwards ? forwards : backwards);
}

const struct lte_gradient lte_grad_nsa = {.reads = 1 | 2 | 4 | 8,
                                          .gives = 1 | 2 | 4 | 8,
                                          .saved = saved,
                                          .scratch = scratch,
                                          .forward = forward,
                                          .backward = backward};
