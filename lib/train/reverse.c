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
    if (op->frozen)
        return;
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
        if (row->backward && !g->op[i].frozen)
            row->backward(&r->tape, &g->op[i]);
    }
}

// Ops whose gradients begin at zero: all rows are cleared, whichever are about to be run.
static void touch_span(struct lte_reverse *r, size_t from, size_t to, size_t rows)
{
    for (size_t i = to; i-- > from;)
        touch_op(r, &r->tape.exec.graph->op[i], rows);
}

static struct lte_loss block_loss(struct lte_reverse *r, struct lte_reverse_run *run, size_t exit,
                                  const struct lte_loss_block *block, float *gradient)
{
    const struct lte_exec *x = &r->tape.exec;
    if (run->objective)
        return run->objective->loss(run->objective, &r->tape, exit, block, gradient);
    if (!run->loss)
        return lte_cross_entropy(x->par, x->kernels, block, run->scale, gradient);
    struct lte_loss loss = lte_count_right(x->par, block);
    loss.sum = run->loss(run->loss_opaque, block->logits, block->target, block->rows,
                         block->vocabulary, run->scale, gradient);
    return loss;
}

// Logits of one exit, their loss and, in training, their gradient. What counts as right is the
// last's.
static void run_exit(struct lte_reverse *r, struct lte_reverse_run *run, size_t exit,
                     const struct lte_loss_block *block)
{
    const struct lte_graph *g = r->tape.exec.graph;
    const struct lte_objective *o = run->objective;
    if (o && o->wants && !o->wants(o, exit))
        return;
    run_forward(r, g->exit[exit], g->exit[exit + 1]);
    const struct lte_loss loss =
        block_loss(r, run, exit, block, run->training ? r->tape.logits_gradient : NULL);
    run->result.sum += loss.sum;
    if (exit + 1 == g->exits) {
        run->result.counted += loss.counted;
        run->result.right += loss.right;
    }
    if (run->training)
        run_backward(r, g->exit[exit], g->exit[exit + 1]);
}

static void run_block(struct lte_reverse *r, struct lte_reverse_run *run)
{
    const struct lte_exec *x = &r->tape.exec;
    const struct lte_graph *g = x->graph;
    struct lte_objective *o = run->objective;
    const struct lte_loss_block block = {x->logits, run->batch->target + x->first, x->rows,
                                         g->vocabulary};
    run_forward(r, g->head, g->exit[0]);
    if (o && o->begin_block)
        o->begin_block(o, &r->tape);
    for (size_t exit = 0; exit < g->exits; exit++)
        run_exit(r, run, exit, &block);
    if (o && o->end_block)
        run->result.sum += o->end_block(o, &r->tape, &block);
    if (run->training)
        run_backward(r, g->head, g->exit[0]);
}

static void run_head(struct lte_reverse *r, struct lte_reverse_run *run)
{
    struct lte_exec *x = &r->tape.exec;
    const size_t rows = run->batch->rows;
    if (!x->graph->exits)
        return;
    if (run->training)
        touch_span(r, x->graph->head, x->graph->ops, rows);
    for (x->first = 0; x->first < rows; x->first += r->plan.block) {
        x->rows = rows - x->first < r->plan.block ? rows - x->first : r->plan.block;
        run_block(r, run);
    }
    x->first = 0;
    x->rows = rows;
}

static bool is_frozen(const struct lte_reverse *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!r->tape.exec.graph->op[i].frozen)
            return false;
    return true;
}

static void run_spans_backward(struct lte_reverse *r, size_t rows)
{
    const struct lte_reverse_plan *p = &r->plan;
    r->tape.exec.memory.offset = p->backward;
    r->tape.saved_offset = p->backward_saved;
    for (size_t s = p->spans; s-- > 0;) {
        if (is_frozen(r, p->span[s], p->span[s + 1]))
            continue;
        if (r->recompute)
            run_forward(r, p->span[s], p->span[s + 1]);
        for (size_t i = p->span[s + 1]; i-- > p->span[s];) {
            touch_op(r, &r->tape.exec.graph->op[i], rows);
            run_backward(r, i, i + 1);
        }
    }
}

static void set_batch(struct lte_reverse *r, const struct lte_reverse_run *run)
{
    r->tape.exec.tokens = run->batch->token;
    r->tape.exec.segment = run->segment;
    r->tape.exec.segments = run->batch->segments;
}

static void begin_forward(struct lte_reverse *r, struct lte_par *par, size_t rows)
{
    struct lte_exec *x = &r->tape.exec;
    x->par = par;
    x->first = 0;
    x->rows = rows;
    x->memory.offset = r->plan.forward;
    r->tape.saved_offset = r->plan.forward_saved;
}

static void pass(struct lte_par *par, void *arg)
{
    const struct pass *p = arg;
    struct lte_reverse *r = p->r;
    const struct lte_exec *x = &r->tape.exec;
    begin_forward(r, par, p->run->batch->rows);
    r->tape.training = p->run->training;
    memset(r->touched, 0, x->graph->values * sizeof *r->touched);
    if (p->run->objective && p->run->objective->begin)
        p->run->objective->begin(p->run->objective, par, p->run);
    run_forward(r, 0, x->graph->head);
    run_head(r, p->run);
    if (p->run->training)
        run_spans_backward(r, x->rows);
}

void lte_reverse_follow(struct lte_reverse *r, struct lte_par *par, const struct lte_reverse_run *run)
{
    set_batch(r, run);
    begin_forward(r, par, run->batch->rows);
    r->tape.training = false;
    run_forward(r, 0, r->tape.exec.graph->head);
}

float *lte_reverse_logits(struct lte_reverse *r, size_t exit, size_t first, size_t rows)
{
    struct lte_exec *x = &r->tape.exec;
    x->first = first;
    x->rows = rows;
    run_forward(r, x->graph->exit[exit], x->graph->exit[exit + 1]);
    return x->logits;
}

void lte_reverse_run(struct lte_reverse *r, struct lte_reverse_run *run)
{
    const struct lte_batch *b = run->batch;
    struct pass p = {r, run};
    size_t row = 0;
    for (size_t i = 0; i < b->segments; row += b->segment[i++])
        run->segment[i] = (struct lte_segment){.row = row, .rows = b->segment[i]};
    set_batch(r, run);
    run->result = (struct lte_loss){0};
    lte_par_run(r->context->par, pass, &p);
}
