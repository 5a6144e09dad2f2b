// SPDX-License-Identifier: BSD-2-Clause
// The skeleton of the families with flash-linear-attention's names: embeddings, blocks, MLP, head.
#include "config.h"

#include "lib/arch/fla.h"

// None of these changes the mathematics.
static const struct lte_config_harmless harmless[] = {
    {"_attn_implementation_autoset", LTE_CONFIG_BOOL},
    {"_name_or_path", LTE_CONFIG_STRING},
    {"architectures", LTE_CONFIG_ANY},
    {"attn_mode", LTE_CONFIG_STRING},
    {"auto_map", LTE_CONFIG_ANY},
    {"dtype", LTE_CONFIG_STRING},
    {"elementwise_affine", LTE_CONFIG_BOOL},
    {"fuse_cross_entropy", LTE_CONFIG_BOOL},
    {"fuse_linear_cross_entropy", LTE_CONFIG_BOOL},
    {"fuse_norm", LTE_CONFIG_BOOL},
    {"fuse_swiglu", LTE_CONFIG_BOOL},
    {"max_position_embeddings", LTE_CONFIG_INTEGER}, // sizes a table in the reference, no limit
    {"pad_token_id", LTE_CONFIG_INTEGER},
    {"torch_dtype", LTE_CONFIG_STRING},
    {"transformers_version", LTE_CONFIG_STRING},
    {"use_cache", LTE_CONFIG_BOOL},
    {"use_l2warp", LTE_CONFIG_BOOL},
    {NULL, LTE_CONFIG_ANY},
};

// elementwise_affine false would leave the norms without weights; the tensors then say so by name.

static int32_t token(struct lte_config *config, const char *key, uint32_t vocabulary)
{
    const uint32_t id = lte_config_u32_or(config, key, 0, vocabulary - 1, UINT32_MAX);
    return id == UINT32_MAX ? -1 : (int32_t)id;
}

// The hidden size times ratio * 2/3, rounded up to a multiple of 256, unless the config says it.
static uint32_t mlp_width(struct lte_config *config, uint32_t width)
{
    enum { STEP = 256 };
    const double ratio = lte_config_number_or(config, "hidden_ratio", 0.001, 64, 4);
    const uint32_t size = (uint32_t)(width * ratio * 2 / 3);
    const uint32_t rounded = (size + STEP - 1) / STEP * STEP;
    return lte_config_u32_or(config, "intermediate_size", 1, 1 << 24, rounded ? rounded : STEP);
}

bool lte_fla_configure(struct lte_config *config, struct lte_model *model, double init_range)
{
    model->width = lte_config_u32(config, "hidden_size", 1, LTE_MAX_WIDTH);
    model->layers = lte_config_u32(config, "num_hidden_layers", 1, LTE_MAX_LAYERS);
    model->loops = model->looping.trained = 1;
    model->vocabulary = lte_config_u32_or(config, "vocab_size", 1, LTE_MAX_TOKENS, 32000);
    model->mlp_width = mlp_width(config, model->width);
    model->norm_eps = (float)lte_config_number_or(config, "norm_eps", 0, 1, 1e-6);
    if (lte_config_u32_or(config, "attnres_block_size", 1, LTE_MAX_LAYERS, 0))
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, "attnres_block_size", "is not known here");
    return lte_common_configure(config, model, init_range);
}

bool lte_common_configure(struct lte_config *config, struct lte_model *model, double init_range)
{
    static const char *const activations[] = {"swish", "silu", NULL};
    model->init_range = lte_config_number_or(config, "initializer_range", 0, 100, init_range);
    model->bos = token(config, "bos_token_id", model->vocabulary);
    model->eos = token(config, "eos_token_id", model->vocabulary);
    model->tied = lte_config_bool_or(config, "tie_word_embeddings", false);
    lte_config_choice_or(config, "hidden_act", activations, 0);
    lte_config_ignore(config, harmless);
    if (!lte_config_ok(config))
        return false;
    model->layer = lte_alloc_array(config->context, model->layers, sizeof *model->layer);
    if (!model->layer)
        *config->status = lte_fail_memory(config->context, "the layer table",
                                          model->layers * sizeof *model->layer);
    return model->layer != NULL;
}

uint32_t lte_head_width(struct lte_config *config, const struct lte_model *model, uint32_t heads,
                        const char *key, double fallback)
{
    const double expand = lte_config_number_or(config, key, 0, 64, fallback);
    const uint32_t all = (uint32_t)(model->width * expand);
    if (all && all % heads == 0 && all / heads <= LTE_MAX_HEAD_DIM)
        return all / heads;
    lte_config_fail(config, LTE_ERR_FORMAT, key,
                    "is %g: hidden_size times it is %u, which must be num_heads %u times 1 to %d",
                    expand, (unsigned)all, (unsigned)heads, LTE_MAX_HEAD_DIM);
    return 1;
}

void lte_fla_attn_layers(struct lte_config *attn, struct lte_model *model, enum lte_mixer mixer,
                         const struct lte_attention *attention)
{
    uint32_t list[LTE_MAX_LAYERS];
    const uint32_t count =
        lte_config_list(attn, "layers", 0, model->layers - 1, list, model->layers);
    for (uint32_t i = 0; i < count && lte_config_ok(attn); i++) {
        struct lte_layer *layer = &model->layer[list[i]];
        if (layer->mixer != LTE_MIXER_GDN) {
            lte_config_fail(attn, LTE_ERR_FORMAT, "layers", "names layer %u twice",
                            (unsigned)list[i]);
            return;
        }
        layer->mixer = mixer;
        layer->attention = *attention;
    }
}

static void attn_keys(struct lte_config *config, struct lte_model *model)
{
    struct lte_attention attention = {0};
    struct lte_config attn;
    lte_config_object(config, "attn", "attn.", &attn);
    if (!attn.keys)
        return;
    lte_attention_configure(&attn, model, &attention);
    lte_attention_window(&attn, &attention);
    lte_attention_qk_norm(&attn, &attention);
    lte_fla_attn_layers(&attn, model, LTE_MIXER_ATTENTION, &attention);
    lte_config_end(&attn);
}

void lte_fla_layers(struct lte_config *config, struct lte_model *model,
                    const struct lte_layer *layer)
{
    attn_keys(config, model);
    for (uint32_t n = 0; n < model->layers; n++)
        if (model->layer[n].mixer == LTE_MIXER_GDN)
            model->layer[n] = *layer;
}

struct lte_init lte_fla_out_init(const struct lte_model *model, lte_out_init_fn *out_init,
                                 uint64_t fan_in)
{
    return out_init ? out_init(model, fan_in) : lte_init_normal(model->init_range);
}

static void mlp_weights(struct lte_walk *w, struct lte_layer *layer, lte_out_init_fn *out_init)
{
    const uint64_t width = w->model->width, inner = w->model->mlp_width;
    const struct lte_init normal = lte_init_normal(w->model->init_range);
    lte_walk_weight(w, &layer->gate_proj, "mlp.gate_proj.weight", normal, LTE_SHAPE(inner, width));
    lte_walk_weight(w, &layer->up_proj, "mlp.up_proj.weight", normal, LTE_SHAPE(inner, width));
    lte_walk_weight(w, &layer->down_proj, "mlp.down_proj.weight",
                    lte_fla_out_init(w->model, out_init, inner), LTE_SHAPE(width, inner));
}

static void mixer_weights(struct lte_walk *w, struct lte_layer *layer, lte_out_init_fn *out_init)
{
    switch (layer->mixer) {
    case LTE_MIXER_GDN:
        lte_gdn_weights(w, &layer->gdn, out_init);
        break;
    case LTE_MIXER_DELTA_NET:
        lte_delta_net_weights(w, &layer->gdn);
        break;
    case LTE_MIXER_KDA:
        lte_kda_weights(w, &layer->gdn);
        break;
    case LTE_MIXER_RETNET:
        lte_retnet_weights(w, &layer->retnet);
        break;
    case LTE_MIXER_HGRN2:
        lte_hgrn2_weights(w, &layer->hgrn2);
        break;
    case LTE_MIXER_MAMBA2:
        lte_mamba2_weights(w, &layer->mamba2);
        break;
    case LTE_MIXER_NSA:
        lte_nsa_weights(w, &layer->attention, out_init);
        break;
    default:
        lte_attention_weights(w, &layer->attention, out_init);
    }
    if (layer->mixer == LTE_MIXER_DSA)
        lte_dsa_weights(w, &layer->attention.index);
    if (layer->mixer == LTE_MIXER_LTE)
        lte_eviction_weights(w, &layer->attention);
}

static void layer_weights(struct lte_walk *w, uint32_t n, lte_out_init_fn *out_init)
{
    struct lte_layer *layer = &w->model->layer[n];
    const uint64_t width = w->model->width;
    lte_walk_prefix(w, "model.layers.%u.", (unsigned)n);
    lte_walk_weight(w, &layer->attn_norm, "attn_norm.weight", lte_init_constant(1),
                    LTE_SHAPE(width));
    lte_walk_weight(w, &layer->mlp_norm, "mlp_norm.weight", lte_init_constant(1), LTE_SHAPE(width));
    mlp_weights(w, layer, out_init);
    lte_walk_prefix(w, "model.layers.%u.attn.", (unsigned)n);
    mixer_weights(w, layer, out_init);
}

void lte_fla_weights(struct lte_walk *walk, lte_out_init_fn *out_init)
{
    struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range);
    lte_walk_prefix(walk, "model.");
    lte_walk_weight(walk, &m->embeddings, "embeddings.weight", normal,
                    LTE_SHAPE(m->vocabulary, m->width));
    for (uint32_t n = 0; n < m->layers; n++)
        layer_weights(walk, n, out_init);
    lte_walk_prefix(walk, "model.");
    lte_walk_weight(walk, &m->norm, "norm.weight", lte_init_constant(1), LTE_SHAPE(m->width));
    lte_eviction_buffers(walk);
    lte_walk_prefix(walk, "lm_head.");
    walk->twin = m->tied ? &m->embeddings : NULL;
    lte_walk_weight(walk, &m->head, "weight", normal, LTE_SHAPE(m->vocabulary, m->width));
    walk->twin = NULL;
}
