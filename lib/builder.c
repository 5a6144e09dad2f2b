// SPDX-License-Identifier: BSD-2-Clause
// Adding values and ops to a graph.
#include "config.h"

#include "lib/builder.h"

#include <math.h>
#include <string.h>

// Room for one more element in a growing array.
static bool grow(struct lte_builder *b, void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return true;
    const size_t more = *capacity ? *capacity * 2 : 64;
    void *larger = lte_alloc_array(b->context, more, size);
    if (!larger) {
        b->status = lte_fail_memory(b->context, "the graph", more * size);
        return false;
    }
    if (count)
        memcpy(larger, *array, count * size);
    lte_release(b->context, *array, *capacity * size);
    *array = larger;
    *capacity = more;
    return true;
}

lte_value lte_build_value(struct lte_builder *b, size_t width)
{
    struct lte_graph *g = b->graph;
    void *array = g->width;
    if (b->status != LTE_OK || !grow(b, &array, &g->value_capacity, g->values, sizeof *g->width))
        return LTE_NO_VALUE;
    g->width = array;
    g->width[g->values] = width;
    return (lte_value)g->values++;
}

// The op's output width by its own rule; 0 if it does not fit its inputs.
static size_t output_width(const struct lte_builder *b, const struct lte_op *op)
{
    size_t in_width[LTE_OP_INPUTS];
    for (size_t i = 0; i < LTE_OP_INPUTS; i++)
        in_width[i] = op->in[i] < b->graph->values ? b->graph->width[op->in[i]] : 0;
    return lte_op_table[op->kind]->width(op, in_width);
}

static void misfit(struct lte_builder *b, const struct lte_op *op)
{
    b->status = lte_fail(b->context, LTE_ERR_UNSUPPORTED, "graph: %s does not fit its inputs (slot %u)",
                         lte_op_table[op->kind]->name, (unsigned)op->slot);
}

lte_value lte_build_op(struct lte_builder *b, struct lte_op op)
{
    struct lte_graph *g = b->graph;
    if (b->status != LTE_OK)
        return LTE_NO_VALUE;
    op.slot = b->slot;
    op.frozen = b->frozen;
    const size_t width = output_width(b, &op);
    if (b->use == LTE_GRAPH_TRAINING && op.out == op.in[0])
        op.out = LTE_NO_VALUE;
    if (op.out == LTE_NO_VALUE && op.kind != LTE_OP_LINEAR)
        op.out = lte_build_value(b, width);
    if (!width || (op.out < g->values && g->width[op.out] < width))
        misfit(b, &op);
    void *array = g->op;
    if (b->status != LTE_OK || !grow(b, &array, &g->op_capacity, g->ops, sizeof *g->op))
        return LTE_NO_VALUE;
    g->op = array;
    g->op[g->ops++] = op;
    return op.out;
}

struct lte_matrix lte_build_matrix(const struct lte_tensor *t)
{
    return (struct lte_matrix){
        .data = t->data,
        .type = (enum lte_dtype)t->type,
        .rows = (size_t)t->shape[0],
        .cols = (size_t)t->shape[1],
    };
}

struct lte_linear_part lte_build_part(struct lte_builder *b, const struct lte_tensor *weight,
                                      const struct lte_tensor *bias, lte_value out, size_t column)
{
    return (struct lte_linear_part){
        .weight = lte_build_matrix(weight),
        .bias = bias ? lte_prepare_vector(b, bias) : NULL,
        .out = out,
        .column = column,
    };
}

void lte_build_linear(struct lte_builder *b, lte_value x, size_t parts,
                      const struct lte_linear_part *part)
{
    struct lte_op op = {.kind = LTE_OP_LINEAR,
                        .in = {x, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                        .out = LTE_NO_VALUE,
                        .linear = {.parts = (unsigned)parts}};
    memcpy(op.linear.part, part, parts * sizeof *part);
    lte_build_op(b, op);
}

lte_value lte_build_project(struct lte_builder *b, lte_value x, const struct lte_tensor *weight)
{
    const lte_value y = lte_build_value(b, (size_t)weight->shape[0]);
    const struct lte_linear_part part = lte_build_part(b, weight, NULL, y, 0);
    lte_build_linear(b, x, 1, &part);
    return y;
}

lte_value lte_build_rmsnorm(struct lte_builder *b, lte_value x, const struct lte_tensor *weight,
                            float eps)
{
    return lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_RMSNORM,
        .in = {x, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
        .out = LTE_NO_VALUE,
        .norm = {.weight = lte_prepare_vector(b, weight),
                 .vectors = 1,
                 .width = (size_t)weight->elements,
                 .eps = eps}});
}

lte_value lte_build_add(struct lte_builder *b, lte_value x, lte_value y)
{
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_ADD,
                                           .in = {x, y, LTE_NO_VALUE, LTE_NO_VALUE},
                                           .out = LTE_NO_VALUE});
}

lte_value lte_build_loop_gate(struct lte_builder *b, lte_value x, lte_value y, const float *weight,
                              bool one)
{
    const size_t width = b->model->width;
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_LOOP_GATE,
                                           .in = {x, y, LTE_NO_VALUE, LTE_NO_VALUE},
                                           .out = LTE_NO_VALUE,
                                           .loop_gate = {weight, width, one}});
}

lte_value lte_build_rope_angles(struct lte_builder *b, float theta, size_t head_dim)
{
    for (size_t i = 0; i < b->ropes; i++)
        if (b->rope[i].theta == theta && b->rope[i].head_dim == head_dim)
            return b->rope[i].value;
    const size_t half = head_dim / 2;
    double *inv_freq = lte_prepare_bytes(b, half, sizeof *inv_freq);
    if (!inv_freq)
        return LTE_NO_VALUE;
    for (size_t i = 0; i < half; i++)
        inv_freq[i] = pow((double)theta, -2.0 * (double)i / (double)head_dim);
    const lte_value value = lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_ROPE_ANGLES,
        .in = {LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
        .out = LTE_NO_VALUE,
        .rope = {.inv_freq = inv_freq, .head_dim = head_dim}});
    if (b->ropes < LTE_ROPE_TABLES) {
        b->rope[b->ropes].theta = theta;
        b->rope[b->ropes].head_dim = head_dim;
        b->rope[b->ropes++].value = value;
    }
    return value;
}
