// SPDX-License-Identifier: BSD-2-Clause
// align: how far a layer's output is from that of the layer it is to stand in for; training only.
#include "config.h"

#include <math.h>

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    (void)op;
    return in_width[0] == in_width[1] && in_width[0] ? 1 : 0;
}

// |a - b| / sqrt(width)
static void row(const struct lte_kernels *k, const struct lte_op *op, float *y, const float *a,
                const float *b)
{
    const size_t n = op->align.width;
    double sum = 0;
    (void)k;
    for (size_t i = 0; i < n; i++)
        sum += pow((double)a[i] - b[i], 2);
    *y = (float)sqrt(sum / (double)n);
}

static void align(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, row);
}

const struct lte_op_row lte_op_align = {
    .name = "align", .width = width, .compute = align, .gradient = &lte_grad_align};
