// SPDX-License-Identifier: BSD-2-Clause
// Running a graph forwards, its head in blocks, and backwards span by span.
#include "config.h"

#include "lib/train/reverse.h"

#include <string.h>


enum { PIECE = 1 << 16 }; // bytes a thread clears at a time

enum lte_status lte_reverse_init(struct lte_reverse *r, const struct lte_context *c,
                                 const struct lte_graph *graph, const struct lte_tape_limits *limits,
                                 bool recompute)
{
    *r = (struct lte_reverse){.context = c, .recompute = recompute};
    r->tape.limits = *limits;
    r->tape.exec = (struct lte_exec){.graph = graph, .context = c, .kernels = &c->kernels};
    r->array_bytes = lte_reverse_arrays(graph, &r->plan, &r->touched, NULL);
    r->arrays = lte_alloc_zero(c, r->array_bytes);
    if (!r->arrays)
        return lte_fail_memory(c, "the memory plan", r->array_bytes);
    lte_reverse_arrays(graph, &r->plan, &r->touched, r->arrays);
    enum lte_status status = lte_reverse_make_plan(r);
    if (status == LTE_OK && !(r->arena = lte_alloc(c, r->plan.total)))
        status = lte_fail_memory(c, "the memory of training", r->plan.total);
    if (status != LTE_OK) {
        lte_reverse_end(r);
        return status;
    }
    lte_all_used(c, r->arena, r->plan.total);
    const struct lte_reverse_plan *p = &r->plan;
    r->tape.exec.memory = (struct lte_exec_memory){.values = r->arena,
                                                   .offset = p->forward,
                                                   .scratch = r->arena + p->scratch,
                                                   .scratch_shared = p->scratch_shared,
                                                   .scratch_each = p->scratch_each};
    r->tape.exec.logits = (float *)(void *)(r->arena + p->logits);
    r->tape.logits_gradient = (float *)(void *)(r->arena + p->logits_gradient);
    r->tape.gradients = r->tape.saved = r->arena;
    r->tape.gradient_offset = p->gradient;
    return LTE_OK;
}

void lte_reverse_end(struct lte_reverse *r)
{
    if (r->context) {
        lte_release(r->context, r->arena, r->plan.total);
        lte_release(r->context, r->arrays, r->array_bytes);
    }
    *r = (struct lte_reverse){.context = NULL};
}

struct pass {
    struct lte_reverse *r;
    struct lte_reverse_run *run;
};

static void run_forward(struct lte_reverse *r, size_t from, size_t to)
{
    struct lte_exec *x = &r->tape.exec;
    for (size_t i = from; i < to; i++) {
        const struct lte_op *op = &x->graph->op[i];
        const struct lte_op_row *row = lte_op_table[op->kind];
        if (row->gradient->forward)
            row->gradient->forward(&r->tape, op);
        else
            row->compute(x, op);
    }
}

struct clear {
    unsigned char *at;
    size_t bytes;
};

static void clear_piece(void *arg, size_t item, unsigned thread)
{
    const struct clear *c = arg;
    const size_t from = item * PIECE;
    (void)thread;
    memset(c->at + from, 0, c->bytes - from < PIECE ? c->bytes - from : PIECE);
}

// The first to add to a value's gradient, or to read it, finds zeros.
static void touch(struct lte_reverse *r, lte_value v, size_t rows)
{
    const struct lte_exec *x = &r->tape.exec;
    if (v >= x->graph->values || !r->plan.has_gradient[v] || r->touched[v])
        return;
    r->touched[v] = true;
    struct clear c = {r->arena + r->plan.gradient[v], rows * x->graph->width[v] * sizeof(float)};
    lte_exec_for(x, (c.bytes + PIECE - 1) / PIECE, clear_piece, &c);
}

static void touch_op(struct lte_reverse *r, const struct lte_op *op, size_t rows)
{
    const struct lte_gradient *g = lte_op_table[op->kind]->gradient;
    for (size_t k = 0; k < LTE_OP_INPUTS; k++)
        if (g->gives >> k & 1)
            touch(r, op->in[k], rows);
    if (op->kind != LTE_OP_LINEAR)
        touch(r, op->out, rows);
    else
        for (unsigned i = 0; i < op->linear.parts; i++)
            touch(r, op->linear.part[i].out, rows);
}

static void run_backward(struct lte_reverse *r, size_t from, size_t to)
{
    const struct lte_graph *g = r->tape.exec.graph;
    for (size_t i = to; i-- > from;) {
        const struct lte_gradient *row = lte_op_table[g->op[i].kind]->gradient;
        if (row->backward)
            row->backward(&r->tape, &g->op[i]);
    }
}

// Ops whose gradients begin at zero: all rows are cleared, whichever are about to be run.
static void touch_span(struct lte_reverse *r, size_t from, size_t to, size_t rows)
{
    for (size_t i = to; i-- > from;)
        touch_op(r, &r->tape.exec.graph->op[i], rows);
}

static struct lte_loss block_loss(struct lte_reverse *r, struct lte_reverse_run *run,
                                  const struct lte_loss_block *block, float *gradient)
{
    const struct lte_exec *x = &r->tape.exec;
    if (!run->loss)
        return lte_cross_entropy(x->par, x->kernels, block, run->scale, gradient);
    struct lte_loss loss = lte_count_right(x->par, block);
    loss.sum = run->loss(run->loss_opaque, block->logits, block->target, block->rows,
                         block->vocabulary, run->scale, gradient);
    return loss;
}

// Logits of one block of rows, their loss and, in training, their gradient.
static void run_block(struct lte_reverse *r, struct lte_reverse_run *run)
{
    const struct lte_exec *x = &r->tape.exec;
    const struct lte_loss_block block = {x->logits, run->batch->target + x->first, x->rows,
                                     x->graph->vocabulary};
    run_forward(r, x->graph->head, x->graph->ops);
    const struct lte_loss loss =
        block_loss(r, run, &block, run->training ? r->tape.logits_gradient : NULL);
    run->result.sum += loss.sum;
    run->result.counted += loss.counted;
    run->result.right += loss.right;
    if (run->training)
        run_backward(r, x->graph->head, x->graph->ops);
}

static void run_head(struct lte_reverse *r, struct lte_reverse_run *run)
{
    struct lte_exec *x = &r->tape.exec;
    const size_t rows = run->batch->rows;
    if (run->training)
        touch_span(r, x->graph->head, x->graph->ops, rows);
    for (x->first = 0; x->first < rows; x->first += r->plan.block) {
        x->rows = rows - x->first < r->plan.block ? rows - x->first : r->plan.block;
        run_block(r, run);
    }
    x->first = 0;
    x->rows = rows;
}

static void run_spans_backward(struct lte_reverse *r, size_t rows)
{
    const struct lte_reverse_plan *p = &r->plan;
    r->tape.exec.memory.offset = p->backward;
    r->tape.saved_offset = p->backward_saved;
    for (size_t s = p->spans; s-- > 0;) {
        if (r->recompute)
            run_forward(r, p->span[s], p->span[s + 1]);
        for (size_t i = p->span[s + 1]; i-- > p->span[s];) {
            touch_op(r, &r->tape.exec.graph->op[i], rows);
            run_backward(r, i, i + 1);
        }
    }
}

static void pass(struct lte_par *par, void *arg)
{
    const struct pass *p = arg;
    struct lte_reverse *r = p->r;
    struct lte_exec *x = &r->tape.exec;
    x->par = par;
    x->first = 0;
    x->rows = p->run->batch->rows;
    x->memory.offset = r->plan.forward;
    r->tape.saved_offset = r->plan.forward_saved;
    r->tape.training = p->run->training;
    memset(r->touched, 0, x->graph->values * sizeof *r->touched);
    run_forward(r, 0, x->graph->head);
    run_head(r, p->run);
    if (p->run->training)
        run_spans_backward(r, x->rows);
}

void lte_reverse_run(struct lte_reverse *r, struct lte_reverse_run *run)
{
    const struct lte_batch *b = run->batch;
    struct pass p = {r, run};
    size_t row = 0;
    for (size_t i = 0; i < b->segments; row += b->segment[i++])
        run->segment[i] = (struct lte_segment){.row = row, .rows = b->segment[i]};
    r->tape.exec.tokens = b->token;
    r->tape.exec.segment = run->segment;
    r->tape.exec.segments = b->segments;
    run->result = (struct lte_loss){0};
    lte_par_run(r->context->par, pass, &p);
}
