// SPDX-License-Identifier: BSD-2-Clause
// linear: products of one input with one or more weight matrices, split over blocks of weight rows.
#include "config.h"

#include "lib/blas.h"
#include "lib/grad/grad.h"

enum {
    // Weight rows a thread takes at a time; fixed, so that results do not depend on the threads.
    // The matrix-matrix kernel copies its tokens once for each block: larger blocks copy less.
    BLOCK = 64,
    GEMM_BLOCK = 256,
    GEMM_TOKENS = 24, // from here on a sequence's tokens go through the matrix-matrix kernel
    GEMM_GROUP = 256  // tokens handed to it at once
};

struct linear {
    const struct lte_exec *exec;
    const struct lte_linear_op *op;
    const float *in;
    size_t in_stride;
    size_t first_item[LTE_LINEAR_PARTS + 1];
    bool gemm;
    size_t block;           // weight rows of an item
    size_t group, groups;   // tokens of an item; items of a block of weights
};

static size_t part_blocks(const struct linear *l, const struct lte_linear_part *p)
{
    return (p->weight.rows + l->block - 1) / l->block;
}

static void add_bias(float *y, size_t stride, size_t tokens, const float *bias, size_t rows,
                     const struct lte_kernels *k)
{
    for (size_t t = 0; t < tokens; t++)
        k->add(y + t * stride, y + t * stride, bias, rows);
}

static void multiply(const struct linear *l, float *y, size_t ys, size_t first, size_t tokens,
                     const struct lte_linear_part *part, const void *data, size_t rows,
                     unsigned thread)
{
    const struct lte_kernels *k = l->exec->kernels;
    const struct lte_matrix *w = &part->weight;
    const float *in = l->in + first * l->in_stride;
    if (!l->gemm || (part->steady && l->exec->segment->session))
        k->linear[w->type](y, ys, in, l->in_stride, tokens, data, w->cols, rows, w->cols);
    else if (w->type != LTE_DTYPE_F32 || (uintptr_t)data % sizeof(float) ||
             !lte_blas_gemm(k, y, ys, in, l->in_stride, tokens, data, w->cols, rows, w->cols))
        k->gemm[w->type](y, ys, in, l->in_stride, tokens, data, w->cols, rows, w->cols,
                         lte_exec_scratch(l->exec, thread));
}

static void block(void *arg, size_t item, unsigned thread)
{
    const struct linear *l = arg;
    unsigned i = 0;
    while (item >= l->first_item[i + 1])
        i++;
    const struct lte_linear_part *p = &l->op->part[i];
    const struct lte_matrix *w = &p->weight;
    const size_t from = (item - l->first_item[i]) / l->groups * l->block;
    const size_t rows = w->rows - from < l->block ? w->rows - from : l->block;
    const void *data = (const unsigned char *)w->data + from * w->cols * lte_dtype_size(w->type);
    const size_t t = (item - l->first_item[i]) % l->groups * l->group;
    const size_t tokens = l->exec->rows - t < l->group ? l->exec->rows - t : l->group;
    const size_t stride = lte_exec_width(l->exec, p->out);
    float *out = lte_exec_value(l->exec, p->out) + t * stride + p->column + from;
    multiply(l, out, stride, t, tokens, p, data, rows, thread);
    if (p->bias)
        add_bias(out, stride, tokens, p->bias + from, rows, l->exec->kernels);
}

// The bits of a session must not depend on the sequences that share its call: there only a call of
// one sequence takes the matrix-matrix kernel. In training all sequences are one batch.
static bool takes_gemm(const struct lte_exec *x)
{
    const bool together = x->segments == 1 || !x->segment[0].session;
    return together && x->rows >= GEMM_TOKENS;
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    struct linear l = {.exec = x,
                       .op = &op->linear,
                       .in = lte_exec_value(x, op->in[0]),
                       .in_stride = lte_exec_width(x, op->in[0]),
                       .gemm = takes_gemm(x)};
    if (!x->rows)
        return;
    l.block = l.gemm ? GEMM_BLOCK : BLOCK;
    l.group = l.gemm ? GEMM_GROUP : x->rows;
    l.groups = (x->rows + l.group - 1) / l.group;
    for (unsigned i = 0; i < op->linear.parts; i++)
        l.first_item[i + 1] = l.first_item[i] + part_blocks(&l, &op->linear.part[i]) * l.groups;
    lte_exec_for(x, l.first_item[op->linear.parts], block, &l);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    for (unsigned i = 0; i < op->linear.parts; i++)
        if (op->linear.part[i].weight.cols != in_width[0])
            return 0;
    return in_width[0];
}

static void scratch(const struct lte_op *op, const struct lte_session_params *params,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const size_t tokens = params->batch < GEMM_GROUP ? params->batch : GEMM_GROUP;
    *shared = 0;
    *each = 0;
    if (params->batch >= GEMM_TOKENS)
        *each = kernels->gemm_scratch(tokens, GEMM_BLOCK, op->linear.part[0].weight.cols);
}

static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    (void)params, (void)position;
    for (unsigned i = 0; i < op->linear.parts; i++) {
        const struct lte_matrix *w = &op->linear.part[i].weight;
        cost->flops += 2.0 * (double)w->rows * (double)w->cols * (double)rows;
        cost->weight_bytes += (double)w->rows * (double)w->cols * (double)lte_dtype_size(w->type);
    }
}

const struct lte_op_row lte_op_linear = {
    .name = "linear", .width = width, .scratch = scratch, .compute = compute, .cost = cost,
    .gradient = &lte_grad_linear};
