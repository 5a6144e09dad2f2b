// SPDX-License-Identifier: BSD-2-Clause
// Loops over the layers: what stands around blocks of layers and whole loops.
#include "config.h"

#include "lib/builder.h"

enum lte_status lte_model_set_loops(struct lte_model *model, uint32_t loops)
{
    const struct lte_looping *l = &model->looping;
    if (loops < 1 || loops > LTE_MAX_LOOPS)
        return lte_fail(model->context, LTE_ERR_ARGUMENT, "loops: %u is outside 1..%d",
                        (unsigned)loops, LTE_MAX_LOOPS);
    if (loops > l->trained && (l->residual != LTE_RESIDUAL_NONE || l->window))
        return lte_fail(model->context, LTE_ERR_ARGUMENT,
                        "loops: %u, but this %s model is for at most %u", (unsigned)loops,
                        model->family, (unsigned)l->trained);
    model->loops = loops;
    return LTE_OK;
}

uint32_t lte_model_window(const struct lte_model *model, uint32_t slot)
{
    const struct lte_layer *layer = &model->layer[slot % model->layers];
    if (layer->mixer != LTE_MIXER_ATTENTION && layer->mixer != LTE_MIXER_LTE)
        return 0;
    return model->looping.window ? model->looping.window[slot] : layer->attention.window;
}

lte_value lte_build_block_end(struct lte_builder *b, uint32_t layer, lte_value x, lte_value start)
{
    const struct lte_looping *l = &b->model->looping;
    const float *weight = lte_prepare_vector(b, l->block_weight);
    return lte_build_loop_gate(b, x, start, weight ? weight + layer / l->block : NULL, true);
}

static lte_value residual(struct lte_builder *b, uint32_t loop, lte_value x, lte_value start)
{
    const struct lte_looping *l = &b->model->looping;
    const bool one = l->residual == LTE_RESIDUAL_SCALAR;
    const float *weight = lte_prepare_vector(b, l->residual_weight);
    if (weight)
        weight += loop * (one ? 1 : (size_t)b->model->width);
    return lte_build_loop_gate(b, x, start, weight, one);
}

// Whether this graph looks at the exit gate: a loss that does has lte_build_exit_gates().
static bool exits(const struct lte_builder *b)
{
    return b->model->looping.exit_weight && b->model->loops > 1 && b->use == LTE_GRAPH_INFERENCE;
}

void lte_build_loops_begin(struct lte_builder *b)
{
    b->exit_logits = exits(b) ? lte_build_value(b, b->model->loops - (size_t)1) : LTE_NO_VALUE;
}

// The loop's logit of leaving, and what is held for the output head.
static void build_exit(struct lte_builder *b, uint32_t loop, lte_value x)
{
    const struct lte_looping *l = &b->model->looping;
    if (loop + 1 < b->model->loops) {
        const struct lte_linear_part part =
            lte_build_part(b, l->exit_weight, l->exit_bias, b->exit_logits, loop);
        lte_build_linear(b, x, 1, &part);
    }
    b->held = lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_LOOP_EXIT,
        .in = {loop ? b->held : x, b->exit_logits, x, LTE_NO_VALUE},
        .out = loop ? b->held : LTE_NO_VALUE,
        .loop_exit = {.loop = loop, .threshold = l->exit_threshold}});
}

lte_value lte_build_loop_end(struct lte_builder *b, uint32_t loop, lte_value x, lte_value start)
{
    const struct lte_model *m = b->model;
    const bool last = loop + 1 == m->loops;
    if (m->looping.residual != LTE_RESIDUAL_NONE)
        x = residual(b, loop, x, start);
    // The last loop's norm is the head's, for just the rows whose logits are wanted.
    if (m->looping.norm && (!last || exits(b)))
        x = lte_build_rmsnorm(b, x, m->norm, m->norm_eps);
    if (exits(b))
        build_exit(b, loop, x);
    return x;
}

// Where every loop ends with the norm, only the last one's is left to the head.
static lte_value normed(struct lte_builder *b, uint32_t loop, lte_value x)
{
    const struct lte_model *m = b->model;
    return m->looping.norm && loop + 1 < m->loops ? x
                                                  : lte_build_rmsnorm(b, x, m->norm, m->norm_eps);
}

lte_value lte_build_head_input(struct lte_builder *b, lte_value x)
{
    return exits(b) ? b->held : normed(b, b->loop, x);
}

lte_value lte_build_exit_gates(struct lte_builder *b)
{
    const struct lte_model *m = b->model;
    const struct lte_looping *l = &m->looping;
    if (!l->exit_weight)
        return LTE_NO_VALUE;
    const lte_value logits = lte_build_value(b, m->loops);
    for (uint32_t loop = 0; loop < m->loops; loop++) {
        const lte_value x = normed(b, loop, b->graph->layer_output[(size_t)(loop + 1) * m->layers]);
        const struct lte_linear_part part = lte_build_part(b, l->exit_weight, l->exit_bias, logits, loop);
        lte_build_linear(b, x, 1, &part);
    }
    return logits;
}

static bool may_share(const struct lte_op *a, const struct lte_op *keeper)
{
    return keeper->kind == LTE_OP_ATTEND && !a->attend.retains &&
           a->attend.window == keeper->attend.window;
}

// Finds the op that keeps what this one shares; false if it shares nothing.
static bool link_op(const struct lte_builder *b, size_t i)
{
    const struct lte_model *m = b->model;
    const struct lte_graph *g = b->graph;
    struct lte_op *op = &g->op[i];
    const uint32_t last = (m->loops - 1) * m->layers + op->slot % m->layers;
    for (size_t k = i + 1; op->kind == LTE_OP_ATTEND && k < g->ops; k++)
        if (g->op[k].slot == last && may_share(op, &g->op[k]))
            op->attend.ahead = k - i;
    return op->kind == LTE_OP_ATTEND && op->attend.ahead > 0;
}

void lte_link_shared(struct lte_builder *b)
{
    const struct lte_graph *g = b->graph;
    const uint32_t last = (b->model->loops - 1) * b->model->layers;
    bool all = exits(b);
    if (b->status != LTE_OK)
        return;
    for (size_t i = 0; i < g->ops; i++)
        if (lte_op_table[g->op[i].kind]->state && g->op[i].slot < last)
            all = link_op(b, i) && all;
    for (size_t i = 0; all && i < g->ops; i++) {
        if (g->op[i].kind == LTE_OP_ATTEND) {
            g->op[i].attend.leaves = true;
            g->op[i].attend.threshold = b->model->looping.exit_threshold;
        }
        if (g->op[i].kind == LTE_OP_LOOP_EXIT)
            g->op[i].loop_exit.stops = g->op[i].loop_exit.loop + 1 < b->model->loops;
    }
}
