// SPDX-License-Identifier: BSD-2-Clause
// model_type "ouro": a looped transformer with a norm before and after every sub-layer, the final
// norm after every loop, and a gate that says when a token may leave.
#include "config.h"

#include <string.h>

#include "lib/arch/fla.h"

static const struct lte_config_harmless harmless[] = {
    {"attention_dropout", LTE_CONFIG_ANY},
    {NULL, LTE_CONFIG_ANY},
};

static void size_keys(struct lte_config *config, struct lte_model *model)
{
    model->width = lte_config_u32(config, "hidden_size", 1, LTE_MAX_WIDTH);
    model->layers = lte_config_u32(config, "num_hidden_layers", 1, LTE_MAX_LAYERS);
    model->vocabulary = lte_config_u32(config, "vocab_size", 1, LTE_MAX_TOKENS);
    model->mlp_width = lte_config_u32(config, "intermediate_size", 1, 1 << 24);
    model->norm_eps = (float)lte_config_number_or(config, "rms_norm_eps", 0, 1, 1e-6);
}

static void loop_keys(struct lte_config *config, struct lte_model *model)
{
    struct lte_looping *l = &model->looping;
    l->trained = model->loops = lte_config_u32_or(config, "total_ut_steps", 1, LTE_MAX_LOOPS, 4);
    l->norm = l->exit_gate = model->out_norms = true;
    l->exit_threshold = (float)lte_config_number_or(config, "early_exit_threshold", 1e-6, 1e6, 1);
}

static void attention_keys(struct lte_config *c, const struct lte_model *model,
                           struct lte_attention *a)
{
    a->heads = lte_config_u32(c, "num_attention_heads", 1, LTE_MAX_HEADS);
    a->key_heads = lte_config_u32_or(c, "num_key_value_heads", 1, LTE_MAX_HEADS, a->heads);
    a->head_dim =
        lte_config_u32_or(c, "head_dim", 2, LTE_MAX_HEAD_DIM, model->width / a->heads);
    a->rope_theta = (float)lte_config_number_or(c, "rope_theta", 1, 1e30, 10000);
    if (a->heads % a->key_heads)
        lte_config_fail(c, LTE_ERR_FORMAT, "num_key_value_heads",
                        "is %u, does not divide num_attention_heads %u", (unsigned)a->key_heads,
                        (unsigned)a->heads);
    if (a->head_dim % 2 || a->head_dim == 0)
        lte_config_fail(c, LTE_ERR_FORMAT, "head_dim", "is %u, must be even",
                        (unsigned)a->head_dim);
    if (lte_config_bool_or(c, "attention_bias", false))
        lte_config_fail(c, LTE_ERR_UNSUPPORTED, "attention_bias", "is true; it must be false");
    if (lte_config_has(c, "rope_scaling"))
        lte_config_fail(c, LTE_ERR_UNSUPPORTED, "rope_scaling", "must be null");
    lte_config_ignore(c, (const struct lte_config_harmless[]){
                             {"rope_scaling", LTE_CONFIG_ANY}, {NULL, LTE_CONFIG_ANY}});
}

// The types of the layers as listed; or, with use_sliding_window, a window from layer
// max_window_layers on.
static void window_keys(struct lte_config *c, struct lte_model *model)
{
    char text[LTE_MAX_LAYERS * 20] = "";
    const bool slides = lte_config_bool_or(c, "use_sliding_window", false);
    const uint32_t size = lte_config_u32_or(c, "sliding_window", 1, LTE_MAX_TOKENS, 4096);
    const uint32_t full = lte_config_u32_or(c, "max_window_layers", 0, INT32_MAX, 28);
    const bool listed = lte_config_text(c, "layer_types", text, sizeof text);
    const char *next = text;
    for (uint32_t n = 0; n < model->layers; n++) {
        bool window = slides && n >= full;
        if (listed) {
            const size_t length = strcspn(next, ",");
            window = length == 17 && !memcmp(next, "sliding_attention", length);
            if (!window && (length != 14 || memcmp(next, "full_attention", length)))
                lte_config_fail(c, length ? LTE_ERR_UNSUPPORTED : LTE_ERR_FORMAT, "layer_types",
                                "has \"%.*s\" for layer %u; known here: \"full_attention\", "
                                "\"sliding_attention\"",
                                (int)length, next, (unsigned)n);
            next += length + (next[length] == ',');
        }
        model->layer[n].attention.window = window ? size : 0;
    }
    if (*next)
        lte_config_fail(c, LTE_ERR_FORMAT, "layer_types", "has more than %u entries",
                        (unsigned)model->layers);
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_attention attention = {0};
    size_keys(config, model);
    loop_keys(config, model);
    attention_keys(config, model, &attention);
    lte_config_ignore(config, harmless);
    if (!lte_common_configure(config, model, 0.02))
        return;
    for (uint32_t n = 0; n < model->layers; n++) {
        model->layer[n].mixer = LTE_MIXER_ATTENTION;
        model->layer[n].attention = attention;
    }
    window_keys(config, model);
}

static void norm(struct lte_walk *w, const struct lte_tensor **slot, const char *name)
{
    lte_walk_weight(w, slot, name, lte_init_constant(1), LTE_SHAPE(w->model->width));
}

static void layer_weights(struct lte_walk *w, uint32_t n)
{
    struct lte_layer *layer = &w->model->layer[n];
    struct lte_attention *a = &layer->attention;
    const struct lte_init normal = lte_init_normal(w->model->init_range);
    const uint64_t width = w->model->width, inner = w->model->mlp_width;
    const uint64_t queries = (uint64_t)a->heads * a->head_dim;
    const uint64_t keys = (uint64_t)a->key_heads * a->head_dim;
    lte_walk_prefix(w, "model.layers.%u.", (unsigned)n);
    norm(w, &layer->attn_norm, "input_layernorm.weight");
    norm(w, &layer->attn_out_norm, "input_layernorm_2.weight");
    norm(w, &layer->mlp_norm, "post_attention_layernorm.weight");
    norm(w, &layer->mlp_out_norm, "post_attention_layernorm_2.weight");
    lte_walk_weight(w, &a->q_proj, "self_attn.q_proj.weight", normal, LTE_SHAPE(queries, width));
    lte_walk_weight(w, &a->k_proj, "self_attn.k_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(w, &a->v_proj, "self_attn.v_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(w, &a->o_proj, "self_attn.o_proj.weight", normal, LTE_SHAPE(width, queries));
    lte_walk_buffer(w, "self_attn.rotary_emb.inv_freq", LTE_SHAPE(a->head_dim / 2));
    lte_walk_weight(w, &layer->gate_proj, "mlp.gate_proj.weight", normal, LTE_SHAPE(inner, width));
    lte_walk_weight(w, &layer->up_proj, "mlp.up_proj.weight", normal, LTE_SHAPE(inner, width));
    lte_walk_weight(w, &layer->down_proj, "mlp.down_proj.weight", normal, LTE_SHAPE(width, inner));
}

static void weights(struct lte_walk *walk)
{
    struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range);
    lte_walk_prefix(walk, "model.");
    lte_walk_weight(walk, &m->embeddings, "embed_tokens.weight", normal,
                    LTE_SHAPE(m->vocabulary, m->width));
    for (uint32_t n = 0; n < m->layers; n++)
        layer_weights(walk, n);
    lte_walk_prefix(walk, "model.");
    norm(walk, &m->norm, "norm.weight");
    lte_walk_weight(walk, &m->looping.exit_weight, "early_exit_gate.weight", normal,
                    LTE_SHAPE(1, m->width));
    lte_walk_weight(walk, &m->looping.exit_bias, "early_exit_gate.bias", lte_init_constant(0),
                    LTE_SHAPE(1));
    lte_walk_buffer(walk, "rotary_emb.inv_freq", LTE_SHAPE(m->layer[0].attention.head_dim / 2));
    lte_walk_prefix(walk, "lm_head.");
    walk->twin = m->tied ? &m->embeddings : NULL;
    lte_walk_weight(walk, &m->head, "weight", normal, LTE_SHAPE(m->vocabulary, m->width));
    walk->twin = NULL;
}

const struct lte_family lte_family_ouro = {"ouro", configure, weights};
