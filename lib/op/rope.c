// SPDX-License-Identifier: BSD-2-Clause
// rope_angles: cos and sin of every row's position, once for all layers; rope: the rotation.
// The angle is formed in double: at a position of a million an fp32 product is off by 0.03 rad.
#include "config.h"

#include <math.h>
#include <string.h>

#include "lib/grad/grad.h"

static void angles(struct lte_exec *x, const struct lte_op *op)
{
    const size_t half = op->rope.head_dim / 2;
    float *y = lte_exec_value(x, op->out);
    for (size_t s = 0; s < x->segments; s++) {
        const struct lte_segment *g = &x->segment[s];
        for (size_t r = 0; r < g->rows; r++) {
            float *row = y + (g->row + r) * 2 * half;
            for (size_t i = 0; i < half; i++) {
                const double angle = (double)(g->position + r) * op->rope.inv_freq[i];
                row[i] = (float)cos(angle);
                row[half + i] = (float)sin(angle);
            }
        }
    }
}

static size_t angles_width(const struct lte_op *op, const size_t *in_width)
{
    (void)in_width;
    return op->rope.head_dim / 2 * 2;
}

enum { ROWS = 16 };

struct rotate {
    const struct lte_exec *exec;
    const struct lte_rope_op *rope;
    const float *x;
    float *y; // may be x
    const float *angles;
    size_t width, stride;
};

static void rows(void *arg, size_t item, unsigned thread)
{
    const struct rotate *w = arg;
    const struct lte_rope_op *o = w->rope;
    const size_t half = o->head_dim / 2, width = w->width;
    const size_t to = (item + 1) * ROWS < w->exec->rows ? (item + 1) * ROWS : w->exec->rows;
    const bool rest = w->y != w->x && o->heads * o->head_dim < width;
    lte_rope_fn *turn = o->pairs ? w->exec->kernels->rope_pairs : w->exec->kernels->rope;
    (void)thread;
    for (size_t r = item * ROWS; r < to; r++) {
        const float *a = w->angles + r * 2 * half;
        if (rest)
            memcpy(w->y + r * width, w->x + r * width, width * sizeof *w->y);
        turn(w->y + r * width, w->x + r * width, o->heads, w->stride, a, a + half, half);
    }
}

static void rotate(struct lte_exec *x, const struct lte_op *op)
{
    struct rotate w = {.exec = x,
                       .rope = &op->rope,
                       .x = lte_exec_value(x, op->in[0]),
                       .y = lte_exec_value(x, op->out),
                       .angles = lte_exec_value(x, op->in[1]),
                       .width = lte_exec_width(x, op->in[0]),
                       .stride = op->rope.stride ? op->rope.stride : op->rope.head_dim};
    lte_exec_for(x, (x->rows + ROWS - 1) / ROWS, rows, &w);
}

static size_t rotate_width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_rope_op *o = &op->rope;
    const bool fits = o->stride ? o->head_dim <= o->stride && o->heads * o->stride <= in_width[0]
                                : o->heads * o->head_dim == in_width[0];
    return fits && o->head_dim == in_width[1] ? in_width[0] : 0;
}

const struct lte_op_row lte_op_rope_angles = {
    .name = "rope_angles",
    .width = angles_width,
    .compute = angles,
    .gradient = &lte_grad_rope_angles};
const struct lte_op_row lte_op_rope = {
    .name = "rope", .width = rotate_width, .compute = rotate, .gradient = &lte_grad_rope};
