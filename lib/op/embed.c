// SPDX-License-Identifier: BSD-2-Clause
// embed: rows of the embedding table, widened.
#include "config.h"

#include "lib/grad/grad.h"

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    (void)in_width;
    return op->embed.table.cols;
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    const struct lte_matrix *t = &op->embed.table;
    const size_t row_bytes = t->cols * lte_dtype_size(t->type);
    float *y = lte_exec_value(x, op->out);
    for (size_t r = 0; r < x->rows; r++)
        x->kernels->widen[t->type](
            y + r * t->cols, (const unsigned char *)t->data + x->tokens[x->first + r] * row_bytes,
            t->cols);
}

const struct lte_op_row lte_op_embed = {
    .name = "embed", .width = width, .compute = compute, .gradient = &lte_grad_embed};
