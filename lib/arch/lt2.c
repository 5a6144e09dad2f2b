// SPDX-License-Identifier: BSD-2-Clause
// model_type "lt2": looped transformers whose layers are attention and Gated DeltaNet by a layout
// (arXiv 2605.20670). The config is this library's own; lte(7) lists its keys.
#include "config.h"

#include <math.h>
#include <string.h>

#include "lib/arch/fla.h"
#include "lib/arch/pattern.h"

enum { MAX_LAYOUT = 8192 };

// The published sizes; a key that is given wins.
static void preset(struct lte_config *config)
{
    static const char *const names[] = {"none", "1.3b", "0.6b", "1.3b-dsa", "0.6b-dsa", NULL};
    static const char *const sizes[] = {
        "{}",
        "{\"hidden_size\":2048,\"num_hidden_layers\":20,\"num_heads\":16,\"num_loops\":4,"
        "\"layer_types\":\"4:1\",\"attn_gate\":\"element\"}",
        "{\"hidden_size\":1024,\"num_hidden_layers\":21,\"num_heads\":8,\"num_loops\":4,"
        "\"layer_types\":\"4:1\",\"attn_gate\":\"element\"}",
        "{\"hidden_size\":2048,\"num_hidden_layers\":20,\"num_heads\":16,\"num_loops\":4,"
        "\"layer_types\":\"interleaved:4:1:gdn:dsa\"}",
        "{\"hidden_size\":1024,\"num_hidden_layers\":21,\"num_heads\":8,\"num_loops\":4,"
        "\"layer_types\":\"interleaved:4:1:gdn:dsa\"}",
    };
    lte_config_defaults(config, sizes[lte_config_choice_or(config, "preset", names, 0)]);
    lte_config_defaults(config, "{\"vocab_size\":128256,\"tie_word_embeddings\":true,"
                                "\"num_loops\":4,\"layer_types\":\"full\"}");
}

static void attention_keys(struct lte_config *config, struct lte_model *model,
                           struct lte_attention *a)
{
    static const char *const gates[] = {"none", "element", "head", "query", "query_group", NULL};
    lte_attention_configure(config, model, a);
    lte_attention_qk_norm(config, a);
    a->head_dim = lte_config_u32_or(config, "head_dim", 2, LTE_MAX_HEAD_DIM, a->head_dim);
    if (a->head_dim % 2)
        lte_config_fail(config, LTE_ERR_FORMAT, "head_dim", "is %u, must be even",
                        (unsigned)a->head_dim);
    a->rope_pairs = lte_config_bool_or(config, "rope_interleaved", true);
    a->gate = (enum lte_output_gate)lte_config_choice_or(config, "attn_gate", gates, LTE_GATE_NONE);
}

// Native sparse attention: block sizes and window; the heads are attention's.
static void nsa_keys(struct lte_config *config, struct lte_attention *nsa)
{
    enum { FORCED_BLOCKS = 3 };
    struct lte_config own;
    lte_config_object(config, "nsa", "nsa.", &own);
    nsa->block = lte_config_u32_or(&own, "block_size", 1, LTE_MAX_TOKENS, 64);
    nsa->top = lte_config_u32_or(&own, "block_counts", FORCED_BLOCKS, LTE_MAX_TOKENS, 16);
    nsa->window = lte_config_u32_or(&own, "window_size", 1, LTE_MAX_TOKENS, 512);
    lte_config_end(&own);
}

static void dsa_keys(struct lte_config *config, struct lte_attention *dsa)
{
    struct lte_config own;
    lte_config_object(config, "dsa", "dsa.", &own);
    lte_dsa_configure(&own, &dsa->index);
    lte_config_end(&own);
}

static void residual_keys(struct lte_config *config, struct lte_model *model, uint32_t block)
{
    static const char *const kinds[] = {"none", "channel", "scalar", NULL};
    model->looping.residual = (enum lte_loop_residual)lte_config_choice_or(
        config, "residual_gate", kinds, LTE_RESIDUAL_CHANNEL);
    model->looping.block = lte_config_bool_or(config, "block_residual", false) ? block : 0;
    model->gate_init_range = lte_config_number_or(config, "gate_init_range", 0, 100, 0);
}

// What a converted Ouro brings: norms on what sub-layers add, the final norm after every loop, and
// the gate that reads it.
static void exit_keys(struct lte_config *config, struct lte_model *model)
{
    struct lte_looping *l = &model->looping;
    model->out_norms = lte_config_bool_or(config, "out_norms", false);
    l->norm = lte_config_bool_or(config, "loop_norm", false);
    l->exit_gate = lte_config_bool_or(config, "exit_gate", false);
    l->exit_threshold = (float)lte_config_number_or(config, "early_exit_threshold", 1e-6, 1e6, 1);
    if (l->exit_gate && !l->norm)
        lte_config_fail(config, LTE_ERR_FORMAT, "exit_gate", "is true without loop_norm");
}

static void window_keys(struct lte_config *config, struct lte_model *model, uint32_t loops)
{
    char text[MAX_LAYOUT] = "full";
    const uint32_t size = lte_config_u32_or(config, "window_size", 1, LTE_MAX_TOKENS, 2048);
    lte_config_text(config, "window_pattern", text, sizeof text);
    const size_t windows = (size_t)loops * model->layers;
    uint32_t *window = lte_alloc_array(config->context, windows, sizeof *window);
    if (!window) {
        *config->status = lte_fail_memory(config->context, "the windows", windows * sizeof *window);
        return;
    }
    lte_pattern_windows(config, "window_pattern", text, loops, model->layers, size, window);
    if (lte_pattern_loops(text) > 1) { // loops differ
        model->looping.window = window;
        return;
    }
    for (uint32_t n = 0; n < model->layers; n++)
        if (model->layer[n].mixer == LTE_MIXER_ATTENTION)
            model->layer[n].attention.window = window[n];
    lte_release(config->context, window, windows * sizeof *window);
}

static void layer_keys(struct lte_config *config, struct lte_model *model, uint32_t *block)
{
    struct lte_layer layer[LTE_MIXERS] = {0};
    enum lte_mixer mixer[LTE_MAX_LAYERS];
    bool used[LTE_MIXERS] = {false};
    char text[MAX_LAYOUT] = "full";
    struct lte_attention *attention = &layer[LTE_MIXER_ATTENTION].attention;
    attention_keys(config, model, attention);
    layer[LTE_MIXER_NSA].attention = layer[LTE_MIXER_DSA].attention = *attention;
    nsa_keys(config, &layer[LTE_MIXER_NSA].attention);
    dsa_keys(config, &layer[LTE_MIXER_DSA].attention);
    lte_config_text(config, "layer_types", text, sizeof text);
    lte_pattern_mixers(config, "layer_types", text, model->layers, mixer, block);
    for (uint32_t n = 0; lte_config_ok(config) && n < model->layers; n++)
        used[mixer[n]] = true;
    lte_lt2_mixers(config, model, attention->heads, used, layer);
    if (used[LTE_MIXER_NSA] && attention->qk_norm)
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, "qk_norm",
                        "is true, which layers of native sparse attention do not have");
    for (uint32_t n = 0; lte_config_ok(config) && n < model->layers; n++) {
        model->layer[n] = layer[mixer[n]];
        model->layer[n].mixer = mixer[n];
    }
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    uint32_t block = 0;
    preset(config);
    const uint32_t loops = lte_config_u32(config, "num_loops", 1, LTE_MAX_LOOPS);
    if (!lte_fla_configure(config, model, 0))
        return;
    if (model->init_range == 0)
        model->init_range = 1 / sqrt((double)model->width);
    model->loops = model->looping.trained = loops;
    layer_keys(config, model, &block);
    residual_keys(config, model, block);
    exit_keys(config, model);
    window_keys(config, model, loops);
}

static void weights(struct lte_walk *walk)
{
    struct lte_model *m = walk->model;
    struct lte_looping *l = &m->looping;
    const struct lte_init init = lte_init_normal(m->gate_init_range);
    lte_fla_weights(walk, NULL);
    lte_walk_prefix(walk, "model.");
    walk->scale = true;
    if (l->residual == LTE_RESIDUAL_CHANNEL)
        lte_walk_weight(walk, &l->residual_weight, "residual_weight", init,
                        LTE_SHAPE(l->trained, m->width));
    if (l->residual == LTE_RESIDUAL_SCALAR)
        lte_walk_weight(walk, &l->residual_weight, "residual_weight", init, LTE_SHAPE(l->trained));
    if (l->block)
        lte_walk_weight(walk, &l->block_weight, "block_residual_weight", init,
                        LTE_SHAPE((m->layers + l->block - 1) / l->block));
    walk->scale = false;
    if (l->exit_gate) {
        lte_walk_weight(walk, &l->exit_weight, "early_exit_gate.weight",
                        lte_init_normal(m->init_range), LTE_SHAPE(1, m->width));
        lte_walk_weight(walk, &l->exit_bias, "early_exit_gate.bias", lte_init_constant(0),
                        LTE_SHAPE(1));
    }
    for (uint32_t n = 0; m->out_norms && n < m->layers; n++) {
        struct lte_layer *layer = &m->layer[n];
        lte_walk_prefix(walk, "model.layers.%u.", (unsigned)n);
        lte_walk_weight(walk, &layer->attn_out_norm, "attn_out_norm.weight", lte_init_constant(1),
                        LTE_SHAPE(m->width));
        lte_walk_weight(walk, &layer->mlp_out_norm, "mlp_out_norm.weight", lte_init_constant(1),
                        LTE_SHAPE(m->width));
    }
}

const struct lte_family lte_family_lt2 = {"lt2", configure, weights};
