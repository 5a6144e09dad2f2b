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
    [LTE_MIXER_RETNET] = lte_mixer_retnet,
    [LTE_MIXER_HGRN2] = lte_mixer_hgrn2,
    [LTE_MIXER_MAMBA2] = lte_mixer_mamba2,
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

// The student's mixer of the layer on what the model's gets, and how far apart they come out.
static void build_alignment(struct lte_builder *b, uint32_t n, lte_value x, lte_value y)
{
    const struct lte_model *model = b->model;
    const struct lte_layer *layer = &b->student->layer[n];
    if (layer->mixer == model->layer[n].mixer)
        return;
    b->model = b->student;
    b->frozen = false;
    const lte_value own = mixer_table[layer->mixer](b, layer, x);
    lte_build_op(b, (struct lte_op){.kind = LTE_OP_ALIGN,
                                    .in = {own, y, LTE_NO_VALUE, LTE_NO_VALUE},
                                    .out = LTE_NO_VALUE,
                                    .align = {.width = model->width}});
    b->graph->aligned++;
    b->frozen = true;
    b->model = model;
}

static lte_value build_layer(struct lte_builder *b, uint32_t n, lte_value x)
{
    const float eps = b->model->norm_eps;
    const struct lte_layer *layer = &b->model->layer[n];
    const lte_value normed = lte_build_rmsnorm(b, x, layer->attn_norm, eps);
    lte_value y = mixer_table[layer->mixer](b, layer, normed);
    if (b->student)
        build_alignment(b, n, normed, y);
    if (layer->attn_out_norm)
        y = lte_build_rmsnorm(b, y, layer->attn_out_norm, eps);
    x = lte_build_add(b, x, y);
    if (!layer->mlp_norm)
        return x;
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
        x = build_layer(b, n, x);
        if (m->looping.block && (n + 1 == m->layers || (n + 1) % m->looping.block == 0))
            block = x = lte_build_block_end(b, n, x, block);
        b->graph->layer_output[b->slot + 1] = x;
    }
    return b->graph->layer_output[b->slot + 1] = lte_build_loop_end(b, loop, x, start);
}

static void build_logits(struct lte_builder *b, lte_value x)
{
    const struct lte_linear_part head = lte_build_part(b, b->model->head, NULL, LTE_LOGITS_VALUE, 0);
    b->graph->exit[b->graph->exits++] = b->graph->ops;
    lte_build_linear(b, lte_build_head_input(b, x), 1, &head);
}

// A head after every loop, and before them the gate, which looks at all.
static void build_exits(struct lte_builder *b)
{
    const struct lte_model *m = b->model;
    struct lte_graph *g = b->graph;
    const bool frozen = b->frozen;
    b->frozen = false;
    g->exit_logits = lte_build_exit_gates(b);
    b->frozen = frozen;
    for (uint32_t loop = 0; loop < m->loops; loop++) {
        b->loop = loop;
        build_logits(b, g->layer_output[(size_t)(loop + 1) * m->layers]);
    }
}

static void build(struct lte_builder *b, bool exits)
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
    b->loop = m->loops - 1;
    if (exits)
        build_exits(b);
    else if (!b->student)
        build_logits(b, x);
    g->exit[g->exits] = g->ops;
    lte_link_shared(b);
}

// No more loops than slots.
static size_t exit_capacity(const struct lte_graph *g)
{
    return (size_t)g->slots + 1;
}

static enum lte_status make(const struct lte_graph_spec *spec, enum lte_graph_use use,
                            struct lte_graph **graph)
{
    const struct lte_model *model = spec->model;
    const struct lte_context *c = model->context;
    *graph = NULL;
    struct lte_graph *g = lte_alloc_zero(c, sizeof *g);
    if (!g)
        return lte_fail_memory(c, "the graph", sizeof *g);
    g->slots = model->layers * model->loops;
    g->vocabulary = model->vocabulary;
    g->exit_logits = LTE_NO_VALUE;
    g->layer_output = lte_alloc_array(c, (size_t)g->slots + 1, sizeof *g->layer_output);
    g->exit = lte_alloc_array(c, exit_capacity(g), sizeof *g->exit);
    struct lte_builder b = {.model = model, .context = c, .graph = g, .use = use,
                            .student = spec->student,
                            .frozen = spec->frozen || spec->student, .slot = LTE_NO_SLOT};
    if (g->layer_output && g->exit)
        build(&b, spec->exits);
    else
        b.status = lte_fail_memory(c, "the graph", g->slots * sizeof *g->layer_output);
    if (b.status != LTE_OK) {
        lte_graph_free(c, g);
        return b.status;
    }
    *graph = g;
    return LTE_OK;
}

enum lte_status lte_graph_build(const struct lte_model *model, enum lte_graph_use use,
                                struct lte_graph **graph)
{
    return make(&(struct lte_graph_spec){.model = model}, use, graph);
}

enum lte_status lte_graph_build_training(const struct lte_graph_spec *spec, struct lte_graph **graph)
{
    return make(spec, LTE_GRAPH_TRAINING, graph);
}

void lte_graph_free(const struct lte_context *context, struct lte_graph *graph)
{
    if (!graph)
        return;
    lte_prepared_free(context, graph->prepared);
    lte_release(context, graph->exit, exit_capacity(graph) * sizeof *graph->exit);
    lte_release(context, graph->layer_output, (graph->slots + (size_t)1) * sizeof *graph->layer_output);
    lte_release(context, graph->width, graph->value_capacity * sizeof *graph->width);
    lte_release(context, graph->op, graph->op_capacity * sizeof *graph->op);
    lte_release(context, graph, sizeof *graph);
}
