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

// Whether this graph looks at the exit gate: training looks at the last loop alone.
static bool exits(const struct lte_builder *b)
{
    return b->model->looping.exit_weight && b->model->loops > 1 && b->use == LTE_GRAPH_INFERENCE;
}

// The loop's logit of leaving, and what has been held so far.
static void build_exit(struct lte_builder *b, uint32_t loop, lte_value x)
{
    const struct lte_looping *l = &b->model->looping;
    if (loop == 0) {
        b->exit_logits = lte_build_value(b, b->model->loops - (size_t)1);
        b->held = x;
    } else {
        b->held = lte_build_op(b, (struct lte_op){
            .kind = LTE_OP_LOOP_EXIT,
            .in = {b->held, b->exit_logits, x, LTE_NO_VALUE},
            .out = loop == 1 ? LTE_NO_VALUE : b->held,
            .loop_exit = {.loop = loop, .threshold = l->exit_threshold}});
    }
    if (loop + 1 == b->model->loops)
        return;
    const struct lte_linear_part part =
        lte_build_part(b, l->exit_weight, l->exit_bias, b->exit_logits, loop);
    lte_build_linear(b, x, 1, &part);
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

lte_value lte_build_head_input(struct lte_builder *b, lte_value x)
{
    return exits(b) ? b->held : lte_build_rmsnorm(b, x, b->model->norm, b->model->norm_eps);
}

static bool may_share(const struct lte_op *a, const struct lte_op *keeper)
{
    return keeper->kind == LTE_OP_ATTEND && !a->attend.retains &&
           a->attend.window == keeper->attend.window;
}

void lte_link_shared(struct lte_builder *b)
{
    const struct lte_model *m = b->model;
    const struct lte_graph *g = b->graph;
    for (size_t i = 0; b->status == LTE_OK && i < g->ops; i++) {
        struct lte_op *op = &g->op[i];
        if (op->kind != LTE_OP_ATTEND || op->slot == LTE_NO_SLOT)
            continue;
        const uint32_t last = (m->loops - 1) * m->layers + op->slot % m->layers;
        for (size_t k = i + 1; k < g->ops; k++)
            if (g->op[k].slot == last && may_share(op, &g->op[k]))
                op->attend.ahead = k - i;
    }
}
