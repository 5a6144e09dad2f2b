// SPDX-License-Identifier: BSD-2-Clause
// From layers to ops: the residual stream around the mixers, once per loop.
#include "config.h"

#include "lib/graph.h"

#include <string.h>

#include "lib/builder.h"

// Indexed by enum lte_mixer.
static lte_mixer_fn *const mixer_table[LTE_MIXERS] = {
    [LTE_MIXER_GDN] = lte_mixer_gdn,
    [LTE_MIXER_DELTA_NET] = lte_mixer_delta_net,
    [LTE_MIXER_KDA] = lte_mixer_kda,
    [LTE_MIXER_ATTENTION] = lte_mixer_attention,
    [LTE_MIXER_LTE] = lte_mixer_attention,
    [LTE_MIXER_NSA] = lte_mixer_nsa,
    [LTE_MIXER_DSA] = lte_mixer_attention,
};

static lte_value build_mlp(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const lte_value gate = lte_build_value(b, b->model->mlp_width);
    const lte_value up = lte_build_value(b, b->model->mlp_width);
    const struct lte_linear_part part[] = {
        lte_build_part(b, layer->gate_proj, NULL, gate, 0),
        lte_build_part(b, layer->up_proj, NULL, up, 0),
    };
    lte_build_linear(b, x, 2, part);
    const lte_value product = lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_SWIGLU, .in = {gate, up, LTE_NO_VALUE, LTE_NO_VALUE}, .out = gate});
    return lte_build_project(b, product, layer->down_proj);
}

static lte_value build_layer(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const float eps = b->model->norm_eps;
    lte_value y = lte_build_rmsnorm(b, x, layer->attn_norm, eps);
    y = mixer_table[layer->mixer](b, layer, y);
    if (layer->attn_out_norm)
        y = lte_build_rmsnorm(b, y, layer->attn_out_norm, eps);
    x = lte_build_add(b, x, y);
    y = build_mlp(b, layer, lte_build_rmsnorm(b, x, layer->mlp_norm, eps));
    if (layer->mlp_out_norm)
        y = lte_build_rmsnorm(b, y, layer->mlp_out_norm, eps);
    return lte_build_add(b, x, y);
}

static lte_value build_loop(struct lte_builder *b, uint32_t loop, lte_value x)
{
    const struct lte_model *m = b->model;
    const lte_value start = x;
    lte_value block = x;
    for (uint32_t n = 0; n < m->layers; n++) {
        b->slot = loop * m->layers + n;
        x = build_layer(b, &m->layer[n], x);
        if (m->looping.block && (n + 1 == m->layers || (n + 1) % m->looping.block == 0))
            block = x = lte_build_block_end(b, n, x, block);
        b->graph->layer_output[b->slot + 1] = x;
    }
    return b->graph->layer_output[b->slot + 1] = lte_build_loop_end(b, loop, x, start);
}

static void build(struct lte_builder *b)
{
    const struct lte_model *m = b->model;
    struct lte_graph *g = b->graph;
    lte_value x = lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_EMBED,
        .in = {LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
        .out = LTE_NO_VALUE,
        .embed = {.table = lte_build_matrix(m->embeddings)}});
    g->layer_output[0] = x;
    lte_build_loops_begin(b);
    for (uint32_t loop = 0; loop < m->loops; loop++)
        x = build_loop(b, loop, x);
    b->slot = LTE_NO_SLOT;
    g->head = g->ops;
    x = lte_build_head_input(b, x);
    const struct lte_linear_part head = lte_build_part(b, m->head, NULL, LTE_LOGITS_VALUE, 0);
    lte_build_linear(b, x, 1, &head);
    lte_link_shared(b);
}

enum lte_status lte_graph_build(const struct lte_model *model, enum lte_graph_use use,
                                struct lte_graph **graph)
{
    const struct lte_context *c = model->context;
    *graph = NULL;
    struct lte_graph *g = lte_alloc_zero(c, sizeof *g);
    if (!g)
        return lte_fail_memory(c, "the graph", sizeof *g);
    g->slots = model->layers * model->loops;
    g->vocabulary = model->vocabulary;
    g->layer_output = lte_alloc_array(c, (size_t)g->slots + 1, sizeof *g->layer_output);
    struct lte_builder b = {.model = model, .context = c, .graph = g, .use = use,
                            .slot = LTE_NO_SLOT};
    if (g->layer_output)
        build(&b);
    else
        b.status = lte_fail_memory(c, "the graph", g->slots * sizeof *g->layer_output);
    if (b.status != LTE_OK) {
        lte_graph_free(c, g);
        return b.status;
    }
    *graph = g;
    return LTE_OK;
}

void lte_graph_free(const struct lte_context *context, struct lte_graph *graph)
{
    if (!graph)
        return;
    lte_prepared_free(context, graph->prepared);
    lte_release(context, graph->layer_output, (graph->slots + (size_t)1) * sizeof *graph->layer_output);
    lte_release(context, graph->width, graph->value_capacity * sizeof *graph->width);
    lte_release(context, graph->op, graph->op_capacity * sizeof *graph->op);
    lte_release(context, graph, sizeof *graph);
}
