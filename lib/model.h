// SPDX-License-Identifier: BSD-2-Clause
// What a checkpoint says, family by family brought to one form: layers with hyper-parameters and
// bound tensors. lib/arch/<family>.c fills it; lib/graph.c reads it.
#ifndef LTE_LIB_MODEL_H
#define LTE_LIB_MODEL_H

#include "lib/safetensors.h"
#include "lte/model.h"

enum lte_mixer {
    LTE_MIXER_GDN,
    LTE_MIXER_DELTA_NET,
    LTE_MIXER_KDA,
    LTE_MIXER_RETNET,
    LTE_MIXER_HGRN2,
    LTE_MIXER_MAMBA2,
    LTE_MIXER_ATTENTION,
    LTE_MIXER_LTE,
    LTE_MIXER_NSA,
    LTE_MIXER_DSA,
    LTE_MIXERS
};

// Whether the layer keeps keys and values, which grow with the context: the others have states of
// fixed size, and come first.
static inline bool lte_mixer_attends(enum lte_mixer mixer)
{
    return mixer >= LTE_MIXER_ATTENTION;
}

// Whether the layer's state is that of the delta family, struct lte_gdn.
static inline bool lte_mixer_is_delta(enum lte_mixer mixer)
{
    return mixer == LTE_MIXER_GDN || mixer == LTE_MIXER_DELTA_NET || mixer == LTE_MIXER_KDA;
}

// Gated DeltaNet (spec: arXiv 2412.06464). K = key_dim, V = value_dim per head. DeltaNet is that
// without a_proj, A_log and dt_bias; Kimi Delta Attention has second matrices instead of a_proj.
struct lte_gdn {
    uint32_t heads, value_heads;  // value_heads % heads == 0; value head h reads q/k head h/(HV/H)
    uint32_t key_dim, value_dim;
    uint32_t conv_size;           // taps; 0: no short convolution (SiLU alone)
    bool gate, neg_eigval, safe_gate;
    float lower_bound;            // of the log decay, if < 0
    float norm_eps;               // of the output norm
    const struct lte_tensor *q_proj, *k_proj, *v_proj, *a_proj, *b_proj, *g_proj, *o_proj;
    const struct lte_tensor *q_conv, *k_conv, *v_conv; // [channels][1][taps]
    const struct lte_tensor *A_log, *dt_bias, *o_norm;
    const struct lte_tensor *f_proj, *f_out, *g_out, *g_bias; // KDA: f_out f_proj x, g_out g_proj x
};

// Retention (arXiv 2307.08621): head h forgets at the rate 1 - 2^(-5-h). Adjacent heads share a key
// head, but not its state.
struct lte_retnet {
    uint32_t heads, key_heads;    // heads % key_heads == 0
    uint32_t key_dim, value_dim;
    bool gate, silu;              // silu: q and k go through it
    bool fused_name;              // the norm is called after the gate that follows it
    float norm_eps;               // of the output norm
    const struct lte_tensor *q_proj, *k_proj, *v_proj, *g_proj, *o_proj, *g_norm;
};

// HGRN2 (arXiv 2404.07904): a gated linear recurrence whose state is a matrix a head.
struct lte_hgrn2 {
    uint32_t heads, key_dim, value_dim;
    float norm_eps;               // of the output norm
    const struct lte_tensor *q_proj, *f_proj, *i_proj, *o_proj, *g_norm;
};

// Mamba2 (arXiv 2405.21060): a matrix of state x head_dim a head, a decay and a time step a head;
// the heads of a group share what is written and read with.
struct lte_mamba2 {
    uint32_t heads, head_dim, groups, state, conv_size;
    bool has_bias, has_conv_bias, has_norm;
    bool norm_first;              // normed before the gate z, instead of after it
    bool wide_skip;               // D has a number a channel, instead of one a head
    float dt_limit[2];            // of the time step
    float norm_eps;               // of the output norm
    double A_range[2], step_range[2], step_floor, conv_range; // of fresh weights
    bool rescale;                 // fresh out_proj is smaller in deeper models
    const struct lte_tensor *in_proj, *in_bias, *out_proj, *out_bias; // in_proj: z, x, B, C, step
    const struct lte_tensor *conv, *conv_bias;
    const struct lte_tensor *A_log, *dt_bias, *D, *norm;
};

enum { LTE_ROUTER_CONVS = 8, LTE_MAX_LOOPS = 64 };

// The retention scorer and the sizes of learnable token eviction.
struct lte_eviction {
    uint32_t buffer, sinks;       // retained entries per head, sinks among them; buffer >= sinks
    uint32_t convs;
    uint32_t kernel[LTE_ROUTER_CONVS], dilation[LTE_ROUTER_CONVS];
    bool relu;                    // score = max(z,0) instead of sigmoid(z) - 0.5
    bool per_head;                // routing_shared "head": each KV head its own; else one for all
    bool per_model;               // routing_shared "all": the layers share them as well
    const struct lte_tensor *conv_weight[LTE_ROUTER_CONVS], *conv_bias[LTE_ROUTER_CONVS];
    const struct lte_tensor *proj_weight, *proj_bias;
};

// The budget of learnable token eviction, which training alone reads (lib/train/budget.h).
struct lte_budget_config {
    float dropout;                // before every convolution of the router
    bool routing_grad;            // the router's input gradient flows on into k and v
    uint32_t freeze_steps, warmup_steps, initial_steps, update_steps;
    double lambda_init, lambda_min, lambda_max, alpha, alpha_neg, tolerate[2];
    enum { LTE_LAMBDA_ALL, LTE_LAMBDA_LAYER, LTE_LAMBDA_HEAD } shared;
};

// The gate on what attention puts out: none; from a matrix of its own, by element or by head; or
// the second half of each head's, or each key head's group's, part of a q_proj twice as high.
enum lte_output_gate {
    LTE_GATE_NONE,
    LTE_GATE_ELEMENT,
    LTE_GATE_HEAD,
    LTE_GATE_QUERY,
    LTE_GATE_QUERY_GROUP
};

// What selects tokens in DeepSeek sparse attention: index queries of some heads, one index key a
// token.
struct lte_indexer {
    uint32_t heads, dim, rope_dim; // the first rope_dim of a query's or key's dim values turn
    uint32_t top;                 // tokens that a query attends to, all heads to the same; among them
    uint32_t first, last;         // so many first ones, and last ones up to its own
    bool mean_dot;                // a score is the mean product: no ReLU, no weights, no norm, no rope
    bool rope_pairs;              // as below
    float norm_eps;
    const struct lte_tensor *q_proj, *k_proj;          // [heads * dim][width], [dim][width]
    const struct lte_tensor *weights_proj;             // [heads][width]
    const struct lte_tensor *k_norm, *k_norm_bias;     // [dim]
};

// Softmax attention: full, sliding window, with learnable token eviction, or sparse.
struct lte_attention {
    uint32_t heads, key_heads, head_dim;
    uint32_t window;              // tokens a query sees, itself too (LTE: window_size + 1); 0: all
    float rope_theta;
    bool rope_pairs;              // (2i, 2i+1) turn together, instead of (i, i + head_dim/2)
    enum lte_output_gate gate;
    bool qkv_bias, qk_norm;
    float qk_norm_eps;
    const struct lte_tensor *q_proj, *k_proj, *v_proj, *o_proj;
    const struct lte_tensor *q_bias, *k_bias, *v_bias; // NULL: none
    const struct lte_tensor *q_norm, *k_norm;          // [head_dim]; NULL: none
    const struct lte_tensor *gate_proj;                // NULL: none
    struct lte_eviction evict;    // mixer LTE_MIXER_LTE only
    uint32_t block, top;          // LTE_MIXER_NSA: tokens of a block, blocks selected
    const struct lte_tensor *g_proj; // LTE_MIXER_NSA: [heads * 3][width]
    struct lte_indexer index;     // LTE_MIXER_DSA
};

struct lte_layer {
    enum lte_mixer mixer;
    union {
        struct lte_gdn gdn;
        struct lte_retnet retnet;
        struct lte_hgrn2 hgrn2;
        struct lte_mamba2 mamba2;
        struct lte_attention attention;
    };
    const struct lte_tensor *attn_norm, *mlp_norm; // mlp_norm NULL: no MLP
    const struct lte_tensor *attn_out_norm, *mlp_out_norm; // of what is added to the stream; NULL: none
    const struct lte_tensor *gate_proj, *up_proj, *down_proj;
};

enum lte_loop_residual { LTE_RESIDUAL_NONE, LTE_RESIDUAL_CHANNEL, LTE_RESIDUAL_SCALAR };

// What stands between the loops of a looped model.
struct lte_looping {
    uint32_t trained;             // loops that the checkpoint is for
    bool norm;                    // the final norm ends every loop, and the next starts from it
    bool exit_gate;               // a gate on that says when a token may leave
    enum lte_loop_residual residual;
    uint32_t block;               // layers of a block with a residual of its own; 0: none
    uint32_t *window;             // [trained][layers]: of attention layers; NULL: the layers' own
    float exit_threshold;         // of leaving early
    const struct lte_tensor *residual_weight;        // [trained][width] or [trained]
    const struct lte_tensor *block_weight;           // [blocks]
    const struct lte_tensor *exit_weight, *exit_bias; // [1][width], [1]; NULL: no exit gate
};

struct lte_graph;
struct lte_backend_program;
struct lte_family;

struct lte_model {
    struct lte_context *context;
    const char *family;           // static string
    const struct lte_family *arch;
    uint32_t layers, loops, width, vocabulary, mlp_width;
    float norm_eps;
    int32_t bos, eos;
    bool tied;                    // the head has no tensor of its own
    bool out_norms;               // a norm on what each sub-layer adds to the stream
    double init_range;            // standard deviation of fresh weights
    double gate_init_range;       // the same for output gates and the residual gates of loops
    struct lte_looping looping;
    unsigned lambda_dims;         // of the saved buffer l1_lambda
    struct lte_budget_config budget; // of models with LTE layers
    uint64_t parameters, weight_bytes;
    uint32_t tensor_count, buffer_count;
    struct lte_layer *layer;      // [layers]
    bool bounded;                 // HGRN2 forgets only so much, less in each layer: there are
    const struct lte_tensor *lower_bounds; // [layers][width], whose softmax over layers says how much
    const struct lte_tensor *embeddings, *norm, *head; // head == embeddings when tied
    struct lte_tensors *tensors;
    struct lte_tokenizer *tokenizer; // NULL: none
    struct lte_graph *graph;      // built at load
    struct lte_backend_program *program; // the graph on the context's device; NULL: on the CPU
};

// A model from a config alone, without weights (its tensors are NULL): it describes and counts, and
// tells which tensors a checkpoint must have (lib/weights.h). `bytes` is the text of a config.json,
// `name` begins messages. Ended by lte_model_free().
enum lte_status lte_model_configure(struct lte_context *context, const char *name,
                                    const void *bytes, size_t size, struct lte_model **model);

// Takes the model off its device: sessions made from then on are on the CPU.
void lte_model_unload(struct lte_model *model);

// Runs the model's layers so many times, before its graph is built. LTE_ERR_ARGUMENT if it has
// weights or windows for fewer loops only.
enum lte_status lte_model_set_loops(struct lte_model *model, uint32_t loops);
// Tokens that a query of an attention layer sees; 0: all. slot = loop * layers + layer.
uint32_t lte_model_window(const struct lte_model *model, uint32_t slot);

// Binds the model's weights to tensors: each must be there with its shape and a float type, and
// none may be left over. Takes over nothing.
enum lte_status lte_model_bind(struct lte_model *model, const struct lte_tensors *tensors,
                               const char *name);

#endif
