// SPDX-License-Identifier: BSD-2-Clause
// What the families with flash-linear-attention's names share: the skeleton, and each mixer's keys
// and weights.
#ifndef LTE_LIB_ARCH_FLA_H
#define LTE_LIB_ARCH_FLA_H

#include "lib/arch/arch.h"

// Bounds on sizes that a config may ask for, far above any model: heads * head_dim fits 32 bits,
// and no count of parameters overflows 64.
enum {
    LTE_MAX_WIDTH = 1 << 17,
    LTE_MAX_LAYERS = 1024,
    LTE_MAX_HEADS = 4096,
    LTE_MAX_HEAD_DIM = 4096,
    LTE_MAX_TAPS = 64,
    LTE_MAX_TOKENS = 1 << 24 // windows, buffers, vocabulary
};

// Embeddings, MLP, norms and head; allocates model->layer. `init_range` is the class's default of
// initializer_range. False: look at config's status.
bool lte_fla_configure(struct lte_config *config, struct lte_model *model, double init_range);
// What every family's config says in the same words: tokens, tied head, activation, keys that
// change nothing; width, layers and vocabulary have been read.
bool lte_common_configure(struct lte_config *config, struct lte_model *model, double init_range);
// Embeddings, every layer and its mixer, norm, head. `out_init` says how o_proj and down_proj,
// which write to the residual, are drawn; NULL: like every other matrix.
typedef struct lte_init lte_out_init_fn(const struct lte_model *model, uint64_t fan_in);
void lte_fla_weights(struct lte_walk *walk, lte_out_init_fn *out_init);

// Gated DeltaNet: the keys num_heads, head_dim, expand_v, ... of the file.
void lte_gdn_configure(struct lte_config *config, const struct lte_model *model,
                       struct lte_gdn *gdn);
void lte_gdn_weights(struct lte_walk *walk, struct lte_gdn *gdn, lte_out_init_fn *out_init);

// What the delta family shares. Heads, widths and convolution, with a class's defaults (heads 0:
// must be there).
struct lte_delta_defaults {
    uint32_t heads, key_dim;
    double expand_v;
};
void lte_delta_configure(struct lte_config *config, const struct lte_model *model,
                         struct lte_gdn *gdn, const struct lte_delta_defaults *defaults);
void lte_delta_conv(struct lte_config *config, struct lte_gdn *gdn);
// num_v_heads: value heads may outnumber the query and key heads, which are then shared.
void lte_delta_value_heads(struct lte_config *config, struct lte_gdn *gdn);
// "attn", and in all other layers the mixer.
void lte_delta_layers(struct lte_config *config, struct lte_model *model, enum lte_mixer mixer,
                      const struct lte_gdn *gdn);
void lte_delta_qkv_weights(struct lte_walk *walk, struct lte_gdn *gdn);
void lte_delta_conv_weights(struct lte_walk *walk, struct lte_gdn *gdn);
void lte_delta_out_weights(struct lte_walk *walk, struct lte_gdn *gdn, lte_out_init_fn *out_init);
// The keys of model_type "kda" and "delta_net" that are their own.
void lte_kda_configure(struct lte_config *config, const struct lte_model *model,
                       struct lte_gdn *kda);
void lte_delta_net_configure(struct lte_config *config, const struct lte_model *model,
                             struct lte_gdn *delta);
void lte_delta_net_weights(struct lte_walk *walk, struct lte_gdn *gdn);
void lte_kda_weights(struct lte_walk *walk, struct lte_gdn *gdn);

// Retention: the keys of model_type "retnet" that are its own.
void lte_retnet_configure(struct lte_config *config, const struct lte_model *model,
                          struct lte_retnet *retnet);
void lte_retnet_weights(struct lte_walk *walk, struct lte_retnet *retnet);

// HGRN2, likewise; the bounds are the family's.
void lte_hgrn2_configure(struct lte_config *config, const struct lte_model *model,
                         struct lte_hgrn2 *hgrn2);
void lte_hgrn2_weights(struct lte_walk *walk, struct lte_hgrn2 *hgrn2);

// Mamba2, likewise; old names of keys are understood.
void lte_mamba2_configure(struct lte_config *config, const struct lte_model *model,
                          struct lte_mamba2 *mamba2);
void lte_mamba2_weights(struct lte_walk *walk, struct lte_mamba2 *mamba2);

// The linear mixers of model_type "lt2": fills layer[m] for every mixer m that is used, or that the
// config speaks of. Both are indexed by enum lte_mixer; heads: those of attention.
void lte_lt2_mixers(struct lte_config *config, const struct lte_model *model, uint32_t heads,
                    const bool *used, struct lte_layer *layer);

// The width of a head, where all heads have hidden_size times the factor at `key` together.
uint32_t lte_head_width(struct lte_config *config, const struct lte_model *model, uint32_t heads,
                        const char *key, double fallback);

// Attention: num_heads, num_kv_heads, qkv_bias, rope_theta of the file or of its "attn"; the window
// is left to the caller.
void lte_attention_configure(struct lte_config *config, const struct lte_model *model,
                             struct lte_attention *attention);
// window_size where null means all, and a number that many tokens.
void lte_attention_window(struct lte_config *config, struct lte_attention *attention);
// qk_norm.
void lte_attention_qk_norm(struct lte_config *config, struct lte_attention *attention);
void lte_attention_weights(struct lte_walk *walk, struct lte_attention *attention,
                           lte_out_init_fn *out_init);

// Learnable token eviction: window_size and the router's keys of "attn".
void lte_eviction_configure(struct lte_config *config, struct lte_model *model,
                            struct lte_attention *attention);
void lte_eviction_weights(struct lte_walk *walk, struct lte_attention *attention);
// The buffers that training saves.
void lte_eviction_buffers(struct lte_walk *walk);

// Native sparse attention: all of its keys but "layers".
void lte_nsa_configure(struct lte_config *config, struct lte_attention *attention);
void lte_nsa_weights(struct lte_walk *walk, struct lte_attention *attention,
                     lte_out_init_fn *out_init);

// The indexer of DeepSeek sparse attention.
void lte_dsa_configure(struct lte_config *config, struct lte_indexer *indexer);
void lte_dsa_weights(struct lte_walk *walk, struct lte_indexer *indexer);

// out_init, or the normal of every other matrix.
struct lte_init lte_fla_out_init(const struct lte_model *model, lte_out_init_fn *out_init,
                                 uint64_t fan_in);

// "attn.layers": sets mixer and attention of the layers listed, which share one configuration.
void lte_fla_attn_layers(struct lte_config *attn, struct lte_model *model, enum lte_mixer mixer,
                         const struct lte_attention *attention);

// "attn", and in all other layers the mixer of `layer`.
void lte_fla_layers(struct lte_config *config, struct lte_model *model,
                    const struct lte_layer *layer);

static inline struct lte_init lte_init_normal(double deviation)
{
    return (struct lte_init){.rule = LTE_INIT_NORMAL, .value = deviation};
}

static inline struct lte_init lte_init_constant(double value)
{
    return (struct lte_init){.rule = LTE_INIT_CONSTANT, .value = value};
}

// A uniform in low..16.
static inline struct lte_init lte_init_a_log(double low)
{
    return (struct lte_init){LTE_INIT_A_LOG, low, 16, 0};
}

// A step between 0.001 and 0.1.
static inline struct lte_init lte_init_dt_bias(void)
{
    return (struct lte_init){LTE_INIT_DT_BIAS, -6.907755278982137, -2.302585092994046, 0};
}

static inline struct lte_init lte_init_uniform(double bound)
{
    return (struct lte_init){.rule = LTE_INIT_UNIFORM, .value = bound};
}

#endif
