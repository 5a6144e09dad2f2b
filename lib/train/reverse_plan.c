// SPDX-License-Identifier: BSD-2-Clause
// The memory plan of a forward and backward pass. Every op gets a moment for each time it runs;
// what a value is needed for, and when, follows from the ops' rows.
#include "config.h"

#include <string.h>

#include "lib/train/intervals.h"
#include "lib/train/reverse.h"

enum { BLOCK_LOGITS = 1 << 21, MIN_BLOCK = 64, MAX_BLOCK = 1024 };

static void *carve(unsigned char **next, size_t bytes)
{
    void *part = *next;
    *next += lte_align(bytes);
    return part;
}

size_t lte_reverse_arrays(const struct lte_graph *g, struct lte_reverse_plan *p, bool **touched,
                          void *memory)
{
    const size_t values = lte_align(g->values * sizeof(size_t));
    const size_t ops = lte_align((g->ops + 2) * sizeof(size_t));
    const size_t flags = lte_align(g->values * sizeof(bool));
    if (memory) {
        unsigned char *next = memory;
        p->forward = carve(&next, values);
        p->backward = carve(&next, values);
        p->gradient = carve(&next, values);
        p->forward_saved = carve(&next, ops);
        p->backward_saved = carve(&next, ops);
        p->span = carve(&next, ops);
        p->has_gradient = carve(&next, flags);
        *touched = carve(&next, flags);
    }
    return 3 * values + 3 * ops + 2 * flags;
}

static void find_spans(const struct lte_graph *g, struct lte_reverse_plan *p)
{
    p->spans = 0;
    for (size_t i = 0; i < g->head; i++)
        if (i == 0 || g->op[i].slot != g->op[i - 1].slot)
            p->span[p->spans++] = i;
    p->span[p->spans] = g->head;
}

// What is being planned, and the kinds of buffers: one interval each per value or op.
struct planner {
    const struct lte_graph *graph;
    struct lte_reverse_plan *plan;
    const struct lte_tape_limits *limits;
    bool recompute;
    size_t *forward, *again, *backward;   // [ops]: moments
    struct lte_interval *forward_value, *backward_value, *gradient; // [values]
    struct lte_interval *forward_saved, *backward_saved;            // [ops]
    struct lte_interval *logits;          // [2]: and their gradient
    size_t intervals;
    size_t *writer_span, *crosses;        // [values]
};

static void use(struct lte_interval *v, size_t moment)
{
    if (v->from > moment)
        v->from = moment;
    if (v->until < moment)
        v->until = moment;
}

static const struct lte_gradient *row_of(const struct lte_op *op)
{
    return lte_op_table[op->kind]->gradient;
}

// Calls fn for every value that the op writes.
static void each_output(struct planner *w, size_t op_index,
                        void (*fn)(struct planner *w, size_t op_index, lte_value v))
{
    const struct lte_op *op = &w->graph->op[op_index];
    if (op->kind != LTE_OP_LINEAR) {
        fn(w, op_index, op->out);
        return;
    }
    for (unsigned i = 0; i < op->linear.parts; i++)
        if (op->linear.part[i].out < w->graph->values)
            fn(w, op_index, op->linear.part[i].out);
}

static size_t span_of(const struct planner *w, size_t op)
{
    size_t s = 0;
    while (s < w->plan->spans && op >= w->plan->span[s + 1])
        s++;
    return s; // == spans for the head
}

static void set_moments(struct planner *w)
{
    const struct lte_reverse_plan *p = w->plan;
    size_t now = 0;
    for (size_t i = 0; i < w->graph->head; i++)
        w->forward[i] = w->again[i] = now++;
    for (size_t i = w->graph->head; i < w->graph->ops; i++) // all at one moment: they run in blocks
        w->forward[i] = w->again[i] = w->backward[i] = now;
    now++;
    for (size_t s = p->spans; s-- > 0;) {
        for (size_t i = p->span[s]; w->recompute && i < p->span[s + 1]; i++)
            w->again[i] = now++;
        for (size_t i = p->span[s + 1]; i-- > p->span[s];)
            w->backward[i] = now++;
    }
}

static void note_writer(struct planner *w, size_t op, lte_value v)
{
    w->writer_span[v] = span_of(w, op);
}

static void find_crossing(struct planner *w)
{
    for (size_t i = 0; i < w->graph->ops; i++)
        each_output(w, i, note_writer);
    for (size_t i = 0; i < w->graph->ops; i++)
        for (size_t k = 0; k < LTE_OP_INPUTS; k++) {
            const lte_value v = w->graph->op[i].in[k];
            if (v < w->graph->values && w->writer_span[v] != span_of(w, i))
                w->crosses[v] = 1;
        }
}

// A value needed by `op`, or written by it, when it runs forwards; and when again.
static void use_forward(struct planner *w, size_t op, lte_value v)
{
    const bool one = !w->recompute || w->crosses[v];
    use(&w->forward_value[v], w->forward[op]);
    use(one ? &w->forward_value[v] : &w->backward_value[v], w->again[op]);
}

static void use_backward(struct planner *w, size_t op, lte_value v)
{
    const bool one = !w->recompute || w->crosses[v];
    use(one ? &w->forward_value[v] : &w->backward_value[v], w->backward[op]);
}

static void use_out(struct planner *w, size_t op, lte_value v)
{
    use_forward(w, op, v);
    if (!w->graph->op[op].frozen && row_of(&w->graph->op[op])->reads & LTE_READS_OUT)
        use_backward(w, op, v);
}

static void use_out_gradient(struct planner *w, size_t op, lte_value v)
{
    use(&w->gradient[v], w->backward[op]);
    w->plan->has_gradient[v] = true;
}

static void use_values(struct planner *w)
{
    for (size_t i = 0; i < w->graph->ops; i++) {
        const struct lte_op *op = &w->graph->op[i];
        const struct lte_gradient *g = row_of(op);
        for (size_t k = 0; k < LTE_OP_INPUTS; k++) {
            const lte_value v = op->in[k];
            if (v >= w->graph->values)
                continue;
            use_forward(w, i, v);
            if (!op->frozen && g->reads >> k & 1)
                use_backward(w, i, v);
            if (!op->frozen && g->gives >> k & 1) {
                use(&w->gradient[v], w->backward[i]);
                w->plan->has_gradient[v] = true;
            }
        }
        each_output(w, i, use_out);
        if (g->backward && !op->frozen)
            each_output(w, i, use_out_gradient);
        if (g->saved) {
            use(&w->forward_saved[i], w->forward[i]);
            use(w->recompute ? &w->backward_saved[i] : &w->forward_saved[i], w->again[i]);
            if (!op->frozen)
                use(w->recompute ? &w->backward_saved[i] : &w->forward_saved[i], w->backward[i]);
        }
    }
}

static void size_buffers(struct planner *w)
{
    const size_t rows = w->limits->rows;
    for (size_t v = 0; v < w->graph->values; v++) {
        const size_t bytes = lte_align(w->graph->width[v] * rows * sizeof(float));
        w->forward_value[v].bytes = w->backward_value[v].bytes = w->gradient[v].bytes = bytes;
    }
    for (size_t i = 0; i < w->graph->ops; i++) {
        const struct lte_gradient *g = row_of(&w->graph->op[i]);
        const size_t bytes = g->saved ? lte_align(g->saved(&w->graph->op[i], w->limits)) : 0;
        w->forward_saved[i].bytes = w->backward_saved[i].bytes = bytes;
    }
    size_t block = BLOCK_LOGITS / w->graph->vocabulary;
    block = block < MIN_BLOCK ? MIN_BLOCK : block > MAX_BLOCK ? MAX_BLOCK : block;
    w->plan->block = block < rows ? block : rows;
    for (size_t i = 0; i < 2; i++) {
        if (w->graph->exits)
            w->logits[i].bytes = lte_align(w->plan->block * w->graph->vocabulary * sizeof(float));
        use(&w->logits[i], w->graph->head);
    }
}

static void size_scratch(const struct lte_context *c, struct planner *w)
{
    struct lte_reverse_plan *p = w->plan;
    struct lte_session_params params = {.max_tokens = 1, .batch = (uint32_t)w->limits->rows};
    p->scratch_shared = p->scratch_each = 0;
    for (size_t i = 0; i < w->graph->ops; i++) {
        const struct lte_op *op = &w->graph->op[i];
        const struct lte_op_row *row = lte_op_table[op->kind];
        size_t shared[2] = {0, 0}, each[2] = {0, 0};
        if (row->scratch && !row->gradient->forward)
            row->scratch(op, &params, &c->kernels, &shared[0], &each[0]);
        if (row->gradient->scratch)
            row->gradient->scratch(op, w->limits, &c->kernels, &shared[1], &each[1]);
        for (size_t k = 0; k < 2; k++) {
            p->scratch_shared = shared[k] > p->scratch_shared ? shared[k] : p->scratch_shared;
            p->scratch_each = each[k] > p->scratch_each ? each[k] : p->scratch_each;
        }
    }
    p->scratch_shared = lte_align(p->scratch_shared);
    p->scratch_each = lte_align(p->scratch_each);
}

static void take_offsets(struct planner *w)
{
    struct lte_reverse_plan *p = w->plan;
    for (size_t v = 0; v < w->graph->values; v++) {
        const bool one = !w->recompute || w->crosses[v];
        p->forward[v] = w->forward_value[v].offset;
        p->backward[v] = one ? p->forward[v] : w->backward_value[v].offset;
        p->gradient[v] = w->gradient[v].offset;
    }
    for (size_t i = 0; i < w->graph->ops; i++) {
        p->forward_saved[i] = w->forward_saved[i].offset;
        p->backward_saved[i] =
            w->recompute ? w->backward_saved[i].offset : w->forward_saved[i].offset;
    }
    p->logits = w->logits[0].offset;
    p->logits_gradient = w->logits[1].offset;
}

static enum lte_status check_rows(const struct lte_context *c, const struct lte_graph *g)
{
    for (size_t i = 0; i < g->ops; i++)
        if (!row_of(&g->op[i]))
            return lte_fail(c, LTE_ERR_UNSUPPORTED, "training: %s has no gradient",
                            lte_op_table[g->op[i].kind]->name);
    return LTE_OK;
}

static void make(const struct lte_context *c, struct planner *w, size_t *order)
{
    for (size_t i = 0; i < w->intervals; i++)
        w->forward_value[i] = (struct lte_interval){.from = SIZE_MAX};
    find_spans(w->graph, w->plan);
    set_moments(w);
    find_crossing(w);
    use_values(w);
    size_buffers(w);
    size_scratch(c, w);
    w->plan->scratch = lte_intervals_place(w->forward_value, w->intervals, order);
    take_offsets(w);
    w->plan->total =
        w->plan->scratch + w->plan->scratch_shared + c->threads * w->plan->scratch_each;
}

enum lte_status lte_reverse_make_plan(struct lte_reverse *r)
{
    const struct lte_context *c = r->context;
    const struct lte_graph *g = r->tape.exec.graph;
    LTE_TRY(check_rows(c, g));
    struct planner w = {.graph = g, .plan = &r->plan, .limits = &r->tape.limits,
                        .recompute = r->recompute, .intervals = 3 * g->values + 2 * g->ops + 2};
    const size_t words = 3 * g->ops + 2 * g->values + 2 * w.intervals;
    const size_t bytes = w.intervals * sizeof(struct lte_interval) + words * sizeof(size_t);
    struct lte_interval *memory = lte_alloc_zero(c, bytes);
    if (!memory)
        return lte_fail_memory(c, "the memory plan", bytes);
    w.forward_value = memory;
    w.backward_value = w.forward_value + g->values;
    w.gradient = w.backward_value + g->values;
    w.forward_saved = w.gradient + g->values;
    w.backward_saved = w.forward_saved + g->ops;
    w.logits = w.backward_saved + g->ops;
    w.forward = (size_t *)(void *)(memory + w.intervals);
    w.again = w.forward + g->ops;
    w.backward = w.again + g->ops;
    w.writer_span = w.backward + g->ops;
    w.crosses = w.writer_span + g->values;
    make(c, &w, w.crosses + g->values);
    lte_release(c, memory, bytes);
    return LTE_OK;
}
