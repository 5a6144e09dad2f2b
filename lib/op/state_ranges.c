// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/op/state_ranges.h"

enum { COLUMNS = 128 }; // state columns a thread takes at a time

struct ranges {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const struct lte_state_shape *shape;
    size_t each; // ranges of a head
    lte_state_range_fn *fn;
    void *arg;
};

static void run_item(void *arg, size_t item, unsigned thread)
{
    const struct ranges *w = arg;
    const struct lte_state_shape *s = w->shape;
    const size_t column = item % w->each * COLUMNS, head = item / w->each % s->heads;
    const size_t left = s->value_dim - column;
    const struct lte_segment *g = &w->exec->segment[item / w->each / s->heads];
    float *state = lte_exec_state(w->exec, w->op, g->session);
    const struct lte_state_range range = {
        .segment = g,
        .head = head,
        .column = column,
        .columns = left < COLUMNS ? left : COLUMNS,
        .state = state + head * lte_delta_state_floats(s->key_dim, s->value_dim) +
                 column * s->key_dim};
    (void)thread;
    w->fn(w->arg, &range);
}

void lte_state_ranges_run(const struct lte_exec *x, const struct lte_op *op,
                          const struct lte_state_shape *shape, lte_state_range_fn *fn, void *arg)
{
    struct ranges w = {x, op, shape, (shape->value_dim + COLUMNS - 1) / COLUMNS, fn, arg};
    lte_exec_for(x, x->segments * shape->heads * w.each, run_item, &w);
}

size_t lte_state_bytes(const struct lte_state_shape *s)
{
    return s->heads * lte_delta_state_floats(s->key_dim, s->value_dim) * sizeof(float);
}
