// SPDX-License-Identifier: BSD-2-Clause
// Walking the graph on the CPU.
#include "config.h"

#include "lib/session.h"

struct walk {
    struct lte_exec *exec;
    size_t rows, wanted;
};

static void run_ops(struct lte_exec *x, size_t from, size_t to)
{
    x->stop = false;
    for (size_t i = from; i < to && !x->stop; i++) {
        const struct lte_op *op = &x->graph->op[i];
        lte_op_table[op->kind]->compute(x, op);
        if (x->observe)
            x->observe(x->observe_opaque, x, i);
    }
}

static void walk(struct lte_par *par, void *arg)
{
    const struct walk *w = arg;
    struct lte_exec *x = w->exec;
    x->par = par;
    x->first = 0;
    x->rows = w->rows;
    run_ops(x, 0, x->graph->head);
    x->first = w->rows - w->wanted;
    x->rows = w->wanted;
    if (w->wanted)
        run_ops(x, x->graph->head, x->graph->ops);
}

void lte_exec_run(struct lte_exec *exec, size_t rows, size_t wanted)
{
    struct walk w = {exec, rows, wanted};
    lte_par_run(exec->context->par, walk, &w);
}

float *lte_exec_value(const struct lte_exec *x, lte_value value)
{
    if (value == LTE_LOGITS_VALUE)
        return x->logits;
    unsigned char *base = x->memory.values + x->memory.offset[value];
    return (float *)(void *)base + x->first * x->graph->width[value];
}

size_t lte_exec_width(const struct lte_exec *x, lte_value value)
{
    return value == LTE_LOGITS_VALUE ? x->graph->vocabulary : x->graph->width[value];
}

void *lte_exec_state(const struct lte_exec *x, const struct lte_op *op,
                     const struct lte_session *session)
{
    return (unsigned char *)session + session->layout.state[op - x->graph->op];
}

void *lte_exec_shared(const struct lte_exec *x)
{
    return x->memory.scratch;
}

void *lte_exec_scratch(const struct lte_exec *x, unsigned thread)
{
    return x->memory.scratch + x->memory.scratch_shared + thread * x->memory.scratch_each;
}
