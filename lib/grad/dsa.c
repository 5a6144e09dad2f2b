// SPDX-License-Identifier: BSD-2-Clause
// DeepSeek sparse attention over whole sequences, and its gradient. The selection is held fixed:
// nothing flows from the output into the indexer, which has a loss of its own, and nothing from
// that into keys and queries.
#include "config.h"

#include "lib/grad/dsa.h"

#include <math.h>

#include "lib/train/index_loss.h"

enum {
    QUERIES = LTE_ATTEND_GRAD_QUERIES,
    KEYS = LTE_ATTEND_GRAD_KEYS,
    // Of a sequence, as key and as query bands: a band of keys gathers what a query selected there.
    BANDS = 8
};

static struct lte_attend_op as_attend(const struct lte_dsa_op *op)
{
    return (struct lte_attend_op){.heads = op->heads, .key_heads = 1, .head_dim = op->head_dim};
}

static size_t plan_bytes(const struct lte_dsa_op *op, const struct lte_tape_limits *limits)
{
    const struct lte_attend_op attend = as_attend(op);
    return lte_align(lte_attend_plan_bytes(&attend, limits));
}

static size_t most_selected(const struct lte_dsa_op *op, const struct lte_tape_limits *limits)
{
    return op->top < limits->rows ? op->top : limits->rows;
}

static struct lte_dsa_pass begin(struct lte_tape *tape, const struct lte_op *op)
{
    const struct lte_exec *x = &tape->exec;
    const struct lte_attend_op attend = as_attend(&op->dsa);
    unsigned char *shared = lte_exec_shared(x);
    struct lte_dsa_pass a = {.tape = tape,
                             .exec = x,
                             .op = &op->dsa,
                             .dense = tape->index && tape->index->dense,
                             .q = lte_exec_value(x, op->in[0]),
                             .k = lte_exec_value(x, op->in[1]),
                             .v = lte_exec_value(x, op->in[2]),
                             .index = lte_exec_value(x, op->in[3]),
                             .out = lte_exec_value(x, op->out),
                             .lse = lte_tape_saved(tape, op),
                             .top = most_selected(&op->dsa, &tape->limits),
                             .shared = shared + plan_bytes(&op->dsa, &tape->limits)};
    a.at = (uint32_t *)(void *)(a.lse + tape->limits.rows * op->dsa.heads);
    lte_attend_plan_make(&a.plan, tape, &attend, NULL, shared);
    return a;
}

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

// Queries [first, first + count) of a sequence: what each selects. The best of all are as good as
// those of a session, which has the same scores.
static void choose(const struct lte_dsa_pass *a, const struct lte_segment *g, size_t first, size_t count,
                   float *scratch)
{
    const struct lte_dsa_op *op = a->op;
    const struct lte_selector s = lte_dsa_selector(op);
    const size_t width = lte_dsa_index_width(op), stride = padded(a->tape->limits.rows);
    const float *index = a->index + g->row * width;
    const struct lte_dsa_index_keys keys = {index + lte_dsa_key_column(op), width, LTE_DTYPE_F32};
    float *score = scratch, *rest = scratch + LTE_DSA_RUN * stride;
    for (size_t t = first; t < first + count; t += LTE_DSA_RUN) {
        struct lte_dsa_query query[LTE_DSA_RUN];
        const size_t left = first + count - t, n = left < LTE_DSA_RUN ? left : LTE_DSA_RUN;
        for (size_t i = 0; i < n; i++)
            query[i] = (struct lte_dsa_query){index + (t + i) * width, t + i, score + i * stride};
        if (t + n > op->top)
            lte_dsa_score(op, a->exec->kernels, &keys, 0, t + n, query, n, rest);
        for (size_t i = 0; i < n; i++)
            lte_select_best(&s, a->exec->kernels, score + i * stride, t + i + 1,
                            a->at + (g->row + t + i) * a->top);
    }
}

static void attend(const struct lte_dsa_pass *a, const struct lte_segment *g, size_t first, size_t count,
                   const uint32_t *at, size_t keys, float *scratch)
{
    const struct lte_dsa_op *op = a->op;
    const size_t group = op->heads / op->key_heads, kv = op->key_heads * op->head_dim;
    for (size_t h = 0; h < op->key_heads; h++) {
        const size_t from = g->row * kv + h * op->head_dim, row = g->row * op->heads + h * group;
        const struct lte_dsa_keys k = {.k = a->k + from,
                                       .v = a->v + from,
                                       .stride = kv,
                                       .at = at,
                                       .from = a->plan.from, // of a list: no key is later than it
                                       .until = a->plan.ever,
                                       .keys = keys};
        const struct lte_dsa_rows rows = {.q = a->q + row * op->head_dim,
                                          .o = a->out + row * op->head_dim,
                                          .lse = a->lse + row,
                                          .stride = op->heads * op->head_dim,
                                          .lse_stride = op->heads,
                                          .first = first,
                                          .count = count};
        lte_dsa_attend(op, a->exec->kernels, &k, &rows, scratch);
    }
}

static size_t query_blocks(const struct lte_attend_plan *p, const struct lte_attend_stream *s, size_t step)
{
    (void)p;
    (void)step;
    return (s->segment->rows + LTE_ATTEND_QUERIES - 1) / LTE_ATTEND_QUERIES;
}

static void forward_item(void *arg, size_t item, unsigned thread)
{
    const struct lte_dsa_pass *a = arg;
    const struct lte_segment *g = lte_attend_plan_find(&a->plan, &item)->segment;
    const size_t first = item * LTE_ATTEND_QUERIES, left = g->rows - first;
    const size_t count = left < LTE_ATTEND_QUERIES ? left : LTE_ATTEND_QUERIES;
    float *scratch = lte_exec_scratch(a->exec, thread);
    if (!a->dense)
        choose(a, g, first, count, scratch);
    if (a->dense || first + count <= a->op->top) {
        attend(a, g, first, count, NULL, first + count, scratch);
        return;
    }
    for (size_t t = first; t < first + count; t++)
        attend(a, g, t, 1, a->at + (g->row + t) * a->top, lte_dsa_count(a, t), scratch);
}

static void forward(struct lte_tape *tape, const struct lte_op *op)
{
    struct lte_dsa_pass a = begin(tape, op);
    lte_exec_for(a.exec, lte_attend_plan_items(&a.plan, query_blocks, 0), forward_item, &a);
    if (tape->index && !tape->training)
        tape->index->sum += lte_dsa_index_loss(&a, 0, false);
}

// A band of keys and one of queries of a sequence and a key head.
struct pair {
    const struct lte_dsa_pass *pass;
    const struct lte_segment *segment;
    size_t head;
    size_t key, key_end, query, query_end;
    unsigned thread;
};

static struct lte_attend_grad_args gradient_args(const struct pair *p)
{
    const struct lte_dsa_pass *a = p->pass;
    const struct lte_dsa_op *op = a->op;
    const size_t group = op->heads / op->key_heads, kv = op->key_heads * op->head_dim;
    const size_t row = p->segment->row * op->heads + p->head * group, at = row * op->head_dim;
    const size_t from = p->segment->row * kv + p->head * op->head_dim;
    return (struct lte_attend_grad_args){
        .q = a->q + at,
        .o = a->out + at,
        .d_o = a->d_out + at,
        .dq = a->dq + at,
        .lse = a->lse + row,
        .k = a->k + from,
        .v = a->v + from,
        .dk = a->dk + from,
        .dv = a->dv + from,
        .q_stride = op->heads * op->head_dim,
        .lse_stride = op->heads,
        .k_stride = kv,
        .until = a->plan.ever,
        .group = group,
        .head_dim = op->head_dim,
        .scale = (float)(1.0 / sqrt((double)op->head_dim)),
        .scratch = lte_exec_scratch(a->exec, p->thread),
    };
}

// Queries [first, first + count) that see every key before them.
static void dense_block(const struct pair *p, size_t first, size_t count)
{
    const size_t end = p->key_end < first + count ? p->key_end : first + count;
    for (size_t key = p->key; key < end; key += KEYS) {
        struct lte_attend_grad_args args = gradient_args(p);
        args.k += key * args.k_stride;
        args.v += key * args.k_stride;
        args.dk += key * args.k_stride;
        args.dv += key * args.k_stride;
        args.from = p->pass->plan.from + key;
        args.keys = end - key < KEYS ? end - key : KEYS;
        args.first = first;
        args.count = count;
        p->pass->exec->kernels->attend_grad(&args);
    }
}

// The first of a rising list that is not below `key`.
static size_t lower_bound(const uint32_t *at, size_t n, size_t key)
{
    size_t low = 0;
    while (low < n) {
        const size_t middle = low + (n - low) / 2;
        if (at[middle] < key)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

// One query, whose heads take the place of queries: they all see the same keys.
static void sparse_query(const struct pair *p, size_t t)
{
    static const uint32_t from[KEYS];
    const struct lte_dsa_pass *a = p->pass;
    const size_t group = a->op->heads / a->op->key_heads, all = lte_dsa_count(a, t);
    const uint32_t *at = a->at + (p->segment->row + t) * a->top;
    const size_t end = lower_bound(at, all, p->key_end);
    for (size_t i = lower_bound(at, end, p->key); i < end; i += KEYS) {
        struct lte_attend_grad_args args = gradient_args(p);
        const size_t to_query = t * args.q_stride;
        args.q += to_query;
        args.o += to_query;
        args.d_o += to_query;
        args.dq += to_query;
        args.lse += t * args.lse_stride;
        args.q_stride = a->op->head_dim;
        args.lse_stride = 1;
        args.group = 1;
        args.at = at + i;
        args.from = from;
        args.keys = end - i < KEYS ? end - i : KEYS;
        for (args.first = 0; args.first < group; args.first += QUERIES) {
            args.count = group - args.first < QUERIES ? group - args.first : QUERIES;
            a->exec->kernels->attend_grad(&args);
        }
    }
}

static size_t band_of(size_t rows)
{
    return ((rows + BANDS - 1) / BANDS + QUERIES - 1) / QUERIES * QUERIES;
}

static size_t bands(const struct lte_attend_plan *p, const struct lte_attend_stream *s, size_t heads)
{
    (void)p;
    return (s->segment->rows + band_of(s->segment->rows) - 1) / band_of(s->segment->rows) * heads;
}

// In step n the bands of a pair add up to n modulo their number: no band is in two pairs.
static void backward_item(void *arg, size_t item, unsigned thread)
{
    const struct lte_dsa_pass *a = arg;
    const struct lte_attend_stream *s = lte_attend_plan_find(&a->plan, &item);
    const size_t rows = s->segment->rows, band = band_of(rows), count = bands(&a->plan, s, 1);
    const size_t key = item / a->op->key_heads, query = (a->step + count - key) % count;
    if (a->step >= count || query < key)
        return;
    const struct pair p = {.pass = a,
                           .segment = s->segment,
                           .head = item % a->op->key_heads,
                           .key = key * band,
                           .key_end = (key + 1) * band < rows ? (key + 1) * band : rows,
                           .query = query * band,
                           .query_end = (query + 1) * band < rows ? (query + 1) * band : rows,
                           .thread = thread};
    for (size_t t = p.query; t < p.query_end; t += QUERIES) {
        const size_t end = t + QUERIES < p.query_end ? t + QUERIES : p.query_end;
        if (a->dense || end <= a->op->top)
            dense_block(&p, t, end - t);
        else
            for (size_t i = t; i < end; i++)
                sparse_query(&p, i);
    }
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct lte_dsa_pass a = begin(tape, op);
    a.d_out = lte_tape_gradient(tape, op->out);
    a.dq = lte_tape_gradient(tape, op->in[0]);
    a.dk = lte_tape_gradient(tape, op->in[1]);
    a.dv = lte_tape_gradient(tape, op->in[2]);
    a.d_index = lte_tape_gradient(tape, op->in[3]);
    for (a.step = 0; a.step < BANDS; a.step++)
        lte_exec_for(a.exec, lte_attend_plan_items(&a.plan, bands, op->dsa.key_heads), backward_item, &a);
    if (tape->index && tape->index->scale > 0)
        tape->index->sum += lte_dsa_index_loss(&a, tape->index->scale, true);
}

static size_t saved(const struct lte_op *op, const struct lte_tape_limits *limits)
{
    return limits->rows * (op->dsa.heads + most_selected(&op->dsa, limits)) * sizeof(float);
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_dsa_op *o = &op->dsa;
    const size_t scores = LTE_DSA_RUN * padded(limits->rows) * sizeof(float) + lte_dsa_score_scratch(o);
    const size_t attend = lte_attend_scratch(o->heads / o->key_heads, o->head_dim) * sizeof(float);
    const size_t backwards = lte_attend_grad_scratch(o->head_dim) * sizeof(float);
    lte_dsa_index_scratch(o, limits, kernels, shared, each);
    *shared += plan_bytes(o, limits);
    *each = lte_align(most(most(*each, scores), most(attend, backwards)));
}

const struct lte_gradient lte_grad_dsa = {.reads = 1 | 2 | 4 | 8 | LTE_READS_OUT,
                                          .gives = 1 | 2 | 4 | 8,
                                          .saved = saved,
                                          .scratch = scratch,
                                          .forward = forward,
                                          .backward = backward};
