// SPDX-License-Identifier: BSD-2-Clause
// The gradient of linear: dx += dy w, dw += dy^T x, db += the column sums of dy.
//
// Every element of dx and dw is one sum in a fixed order (over weight rows, over tokens), whatever
// block of the result it is computed in; so the blocks may be as small as it takes to keep threads
// busy.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"

enum {
    // A block of dx is GROUP tokens x COLUMNS, one of dw ROWS x COLUMNS. Both kernels copy their
    // operands once for each block: x and w by whole vectors, dy's transpose at three times the
    // price. So dw is cut across its rows first.
    GROUP = 256,
    ROWS = 128,
    COLUMNS = 256,
    // A block of db: columns, and tokens that are added up before they join the sum, which keeps
    // sums over thousands of tokens exact.
    BIAS_COLUMNS = 64,
    BIAS_TOKENS = 64
};

struct backward {
    const struct lte_tape *tape;
    const struct lte_linear_op *op;
    const float *x;
    float *dx;
    size_t stride, tokens;                  // stride: of x and dx
    float *dw[LTE_LINEAR_PARTS], *db[LTE_LINEAR_PARTS];
    size_t first_dw[LTE_LINEAR_PARTS + 1];  // items
    size_t first_db[LTE_LINEAR_PARTS + 1];
};

static size_t blocks(size_t n, size_t block)
{
    return (n + block - 1) / block;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// dy of a part, row 0; its stride.
static const float *part_dy(const struct backward *b, const struct lte_linear_part *p,
                            size_t *stride)
{
    *stride = lte_exec_width(&b->tape->exec, p->out);
    return lte_tape_gradient(b->tape, p->out) + p->column;
}

static void input_block(void *arg, size_t item, unsigned thread)
{
    const struct backward *b = arg;
    const struct lte_kernels *k = b->tape->exec.kernels;
    const size_t across = blocks(b->stride, COLUMNS);
    const size_t t = item / across * GROUP, tokens = least(b->tokens - t, GROUP);
    const size_t column = item % across * COLUMNS, columns = least(b->stride - column, COLUMNS);
    for (unsigned i = 0; i < b->op->parts; i++) {
        const struct lte_linear_part *p = &b->op->part[i];
        const struct lte_matrix *w = &p->weight;
        const void *data = (const unsigned char *)w->data + column * lte_dtype_size(w->type);
        size_t ds;
        const float *dy = part_dy(b, p, &ds);
        k->gemm_nn[w->type](b->dx + t * b->stride + column, b->stride, dy + t * ds, ds, tokens,
                            data, w->cols, columns, w->rows,
                            lte_exec_scratch(&b->tape->exec, thread));
    }
}

static unsigned part_of(const size_t *first, size_t item)
{
    unsigned i = 0;
    while (item >= first[i + 1])
        i++;
    return i;
}

static void weight_block(void *arg, size_t item, unsigned thread)
{
    const struct backward *b = arg;
    const unsigned i = part_of(b->first_dw, item);
    const struct lte_linear_part *p = &b->op->part[i];
    const size_t cols = p->weight.cols, across = blocks(cols, COLUMNS);
    item -= b->first_dw[i];
    const size_t row = item / across * ROWS, rows = least(p->weight.rows - row, ROWS);
    const size_t column = item % across * COLUMNS, columns = least(cols - column, COLUMNS);
    size_t ds;
    const float *dy = part_dy(b, p, &ds);
    b->tape->exec.kernels->gemm_tn(b->dw[i] + row * cols + column, cols, dy + row, ds, rows,
                                   b->x + column, b->stride, columns, b->tokens,
                                   lte_exec_scratch(&b->tape->exec, thread));
}

static void bias_block(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct backward *b = arg;
    const struct lte_kernels *k = b->tape->exec.kernels;
    const unsigned i = part_of(b->first_db, item);
    const struct lte_linear_part *p = &b->op->part[i];
    const size_t column = (item - b->first_db[i]) * BIAS_COLUMNS;
    const size_t columns = least(p->weight.rows - column, BIAS_COLUMNS);
    size_t ds;
    const float *dy = part_dy(b, p, &ds) + column;
    float *db = b->db[i] + column;
    for (size_t t = 0; t < b->tokens; t += BIAS_TOKENS) {
        float sum[BIAS_COLUMNS] = {0};
        for (size_t j = t; j < b->tokens && j < t + BIAS_TOKENS; j++)
            k->add(sum, sum, dy + j * ds, columns);
        k->add(db, db, sum, columns);
    }
}

static void backward(struct lte_tape *tape, const struct lte_op *op)
{
    struct lte_exec *x = &tape->exec;
    struct backward b = {.tape = tape,
                         .op = &op->linear,
                         .x = lte_exec_value(x, op->in[0]),
                         .dx = lte_tape_gradient(tape, op->in[0]),
                         .stride = lte_exec_width(x, op->in[0]),
                         .tokens = x->rows};
    for (unsigned i = 0; i < b.op->parts; i++) {
        const struct lte_linear_part *p = &b.op->part[i];
        b.dw[i] = lte_tape_weight_gradient(tape, p->weight.data);
        b.db[i] = p->bias ? lte_tape_weight_gradient(tape, p->bias) : NULL;
        const size_t dw = blocks(p->weight.rows, ROWS) * blocks(p->weight.cols, COLUMNS);
        b.first_dw[i + 1] = b.first_dw[i] + (b.dw[i] ? dw : 0);
        b.first_db[i + 1] = b.first_db[i] + (b.db[i] ? blocks(p->weight.rows, BIAS_COLUMNS) : 0);
    }
    if (!b.op->detached)
        lte_exec_for(x, blocks(b.tokens, GROUP) * blocks(b.stride, COLUMNS), input_block, &b);
    lte_exec_for(x, b.first_dw[b.op->parts], weight_block, &b);
    lte_exec_for(x, b.first_db[b.op->parts], bias_block, &b);
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

// Of the forward as well, whose blocks are of this size too.
static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    size_t depth = most(limits->rows, op->linear.part[0].weight.cols);
    for (unsigned i = 0; i < op->linear.parts; i++)
        depth = most(depth, op->linear.part[i].weight.rows);
    *shared = 0;
    *each = kernels->gemm_scratch(most(GROUP, ROWS), COLUMNS, depth);
}

const struct lte_gradient lte_grad_linear = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = backward};
