// SPDX-License-Identifier: BSD-2-Clause
// Gradient of rope: a rotation is turned back. The angles are given by positions: nothing flows on.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"

enum { ROWS = 16 };

struct unrotate {
    const struct lte_tape *tape;
    const struct lte_rope_op *rope;
    const float *angles, *dy;
    float *dx;
    size_t width, stride;
};

static size_t stride_of(const struct lte_rope_op *o)
{
    return o->stride ? o->stride : o->head_dim;
}

static void rows(void *arg, size_t item, unsigned thread)
{
    const struct unrotate *w = arg;
    const struct lte_rope_op *o = w->rope;
    const struct lte_exec *x = &w->tape->exec;
    const size_t half = o->head_dim / 2, width = o->heads * w->stride;
    const size_t to = (item + 1) * ROWS < x->rows ? (item + 1) * ROWS : x->rows;
    lte_rope_fn *turn = o->pairs ? x->kernels->rope_pairs : x->kernels->rope;
    float *turned = lte_exec_scratch(x, thread), *minus_sin = turned + width;
    for (size_t r = item * ROWS; r < to; r++) {
        const float *cos = w->angles + r * 2 * half, *sin = cos + half;
        const float *dy = w->dy + r * w->width;
        float *dx = w->dx + r * w->width;
        for (size_t i = 0; i < half; i++)
            minus_sin[i] = -sin[i];
        memcpy(turned, dy, width * sizeof *turned);
        turn(turned, turned, o->heads, w->stride, cos, minus_sin, half);
        x->kernels->add(dx, dx, turned, width);
        x->kernels->add(dx + width, dx + width, dy + width, w->width - width);
    }
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct unrotate w = {.tape = tape,
                         .rope = &op->rope,
                         .angles = lte_exec_value(&tape->exec, op->in[1]),
                         .dy = lte_tape_gradient(tape, op->out),
                         .dx = lte_tape_gradient(tape, op->in[0]),
                         .width = lte_exec_width(&tape->exec, op->in[0]),
                         .stride = stride_of(&op->rope)};
    lte_exec_for(&tape->exec, (tape->exec.rows + ROWS - 1) / ROWS, rows, &w);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_rope_op *o = &op->rope;
    (void)limits;
    (void)kernels;
    *shared = 0;
    *each = lte_align((o->heads * stride_of(o) + o->head_dim / 2) * sizeof(float));
}

static void nothing(struct lte_tape *tape, const struct lte_op *op)
{
    (void)tape;
    (void)op;
}

const struct lte_gradient lte_grad_rope_angles = {.backward = nothing};
const struct lte_gradient lte_grad_rope = {
    .reads = 1 << 1, .gives = 1 << 0, .scratch = scratch, .backward = backward};
