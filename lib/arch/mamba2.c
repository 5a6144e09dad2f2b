// SPDX-License-Identifier: BSD-2-Clause
// model_type "mamba2": Mamba2 in every layer, without an MLP, with the names of
// flash-linear-attention and, of the keys, those of the transformers library too.
#include "config.h"

#include <float.h>
#include <math.h>

#include "lib/arch/fla.h"
#include "lib/random.h"

// Two numbers, the second not below the first; false: not there.
static bool range(struct lte_config *config, const char *key, double low, double high, double *pair)
{
    double list[2];
    if (!lte_config_has(config, key)) {
        lte_config_number_or(config, key, 0, 0, 0); // a null
        return false;
    }
    if (lte_config_numbers(config, key, low, high, list, 2) != 2 || list[1] < list[0]) {
        lte_config_fail(config, LTE_ERR_FORMAT, key, "must be two numbers, the second not the lower");
        return false;
    }
    pair[0] = list[0];
    pair[1] = list[1];
    return true;
}

static void size_keys(struct lte_config *config, const struct lte_model *model,
                      struct lte_mamba2 *m)
{
    const double inner = model->width * lte_config_number_or(config, "expand", 0.01, 64, 2);
    m->head_dim = lte_config_u32_or(config, "head_dim", 1, LTE_MAX_HEAD_DIM, 64);
    m->heads = (uint32_t)inner / m->head_dim;
    if (!m->heads || m->heads > LTE_MAX_HEADS || m->heads * m->head_dim != (uint32_t)inner)
        lte_config_fail(config, LTE_ERR_FORMAT, "head_dim",
                        "is %u: expand times hidden_size, %g, must be that times 1 to %d",
                        (unsigned)m->head_dim, inner, LTE_MAX_HEADS);
    if (lte_config_u32_or(config, "num_heads", 1, LTE_MAX_HEADS, m->heads ? m->heads : 1) != m->heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_heads",
                        "is not expand times hidden_size by head_dim, %u", (unsigned)m->heads);
    m->groups = lte_config_u32_or(config, "n_groups", 1, LTE_MAX_HEADS, 1);
    if (m->heads % m->groups)
        lte_config_fail(config, LTE_ERR_FORMAT, "n_groups", "is %u, %u heads are no multiple",
                        (unsigned)m->groups, (unsigned)m->heads);
    m->state = lte_config_u32_or(config, "state_size", 1, LTE_MAX_HEAD_DIM, 128);
    m->conv_size = lte_config_u32_or(config, "conv_kernel", 1, LTE_MAX_TAPS, 4);
}

// What only fresh weights ask for.
static void init_keys(struct lte_config *config, struct lte_mamba2 *m)
{
    m->A_range[0] = 1;
    m->A_range[1] = 16;
    range(config, "A_init_range", 1e-6, 1e6, m->A_range);
    m->step_range[0] = lte_config_number_or(config, "dt_min", 1e-9, 50, 0.001);
    m->step_range[1] = lte_config_number_or(config, "dt_max", m->step_range[0], 50, 0.1);
    m->step_floor = lte_config_number_or(config, "dt_init_floor", 1e-9, 50, 1e-4);
    m->conv_range = lte_config_number_or(config, "conv_init", 0, 100, 0);
    m->rescale = lte_config_bool_or(config, "rescale_prenorm_residual", true);
}

void lte_mamba2_configure(struct lte_config *config, const struct lte_model *model,
                          struct lte_mamba2 *m)
{
    static const char *const old[][2] = {
        {"rms_norm", "rmsnorm"},         {"time_step_min", "dt_min"},
        {"time_step_max", "dt_max"},     {"time_step_floor", "dt_init_floor"},
        {"time_step_limit", "dt_limit"},
    };
    static const struct lte_config_harmless harmless[] = {
        {"chunk_size", LTE_CONFIG_INTEGER},
        {"residual_in_fp32", LTE_CONFIG_BOOL},
        {"time_step_rank", LTE_CONFIG_ANY}, // without effect in the reference
        {NULL, LTE_CONFIG_ANY},
    };
    double limit[2] = {0, INFINITY};
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++)
        lte_config_rename(config, old[i][0], old[i][1]);
    size_keys(config, model, m);
    init_keys(config, m);
    range(config, "dt_limit", 0, INFINITY, limit);
    for (size_t i = 0; i < 2; i++)
        m->dt_limit[i] = limit[i] > FLT_MAX ? INFINITY : (float)limit[i];
    m->has_bias = lte_config_bool_or(config, "use_bias", false);
    m->has_conv_bias = lte_config_bool_or(config, "use_conv_bias", true);
    m->has_norm = lte_config_bool_or(config, "rmsnorm", true);
    m->norm_first = lte_config_bool_or(config, "norm_before_gate", false);
    m->wide_skip = lte_config_bool_or(config, "D_has_hdim", false);
    m->norm_eps = model->norm_eps;
    lte_config_ignore(config, harmless);
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_layer layer = {.mixer = LTE_MIXER_MAMBA2};
    lte_config_rename(config, "layer_norm_epsilon", "norm_eps");
    model->width = lte_config_u32(config, "hidden_size", 1, LTE_MAX_WIDTH);
    model->layers = lte_config_u32(config, "num_hidden_layers", 1, LTE_MAX_LAYERS);
    model->loops = model->looping.trained = 1;
    model->vocabulary = lte_config_u32_or(config, "vocab_size", 1, LTE_MAX_TOKENS, 32000);
    model->norm_eps = (float)lte_config_number_or(config, "norm_eps", 0, 1, 1e-5);
    if (!lte_common_configure(config, model, 0.02))
        return;
    lte_mamba2_configure(config, model, &layer.mamba2);
    for (uint32_t n = 0; n < model->layers; n++)
        model->layer[n] = layer;
}

static void state_weights(struct lte_walk *walk, struct lte_mamba2 *m)
{
    const uint64_t inner = (uint64_t)m->heads * m->head_dim;
    const struct lte_init a_log = {LTE_INIT_A_LOG, m->A_range[0], m->A_range[1], 0};
    const struct lte_init step = {LTE_INIT_DT_BIAS, lte_exact_log(m->step_range[0]),
                                  lte_exact_log(m->step_range[1]), m->step_floor};
    lte_walk_weight(walk, &m->dt_bias, "dt_bias", step, LTE_SHAPE(m->heads));
    lte_walk_weight(walk, &m->A_log, "A_log", a_log, LTE_SHAPE(m->heads));
    lte_walk_weight(walk, &m->D, "D", lte_init_constant(1),
                    LTE_SHAPE(m->wide_skip ? inner : m->heads));
    if (m->has_norm)
        lte_walk_weight(walk, &m->norm, "norm.weight", lte_init_constant(1), LTE_SHAPE(inner));
}

void lte_mamba2_weights(struct lte_walk *walk, struct lte_mamba2 *m)
{
    const struct lte_model *model = walk->model;
    const uint64_t inner = (uint64_t)m->heads * m->head_dim, width = model->width;
    const uint64_t mixed = inner + 2 * (uint64_t)m->groups * m->state;
    const struct lte_init normal = lte_init_normal(model->init_range);
    const struct lte_init out = m->rescale ? lte_init_uniform(1 / sqrt((double)inner) /
                                                              sqrt((double)model->layers))
                                           : normal;
    lte_walk_weight(walk, &m->in_proj, "in_proj.weight", normal,
                    LTE_SHAPE(inner + mixed + m->heads, width));
    if (m->has_bias)
        lte_walk_weight(walk, &m->in_bias, "in_proj.bias", lte_init_constant(0),
                        LTE_SHAPE(inner + mixed + m->heads));
    lte_walk_weight(walk, &m->conv, "conv1d.weight",
                    m->conv_range > 0 ? lte_init_uniform(m->conv_range) : normal,
                    LTE_SHAPE(mixed, 1, m->conv_size));
    if (m->has_conv_bias)
        lte_walk_weight(walk, &m->conv_bias, "conv1d.bias", lte_init_constant(0), LTE_SHAPE(mixed));
    state_weights(walk, m);
    lte_walk_weight(walk, &m->out_proj, "out_proj.weight", out, LTE_SHAPE(width, inner));
    if (m->has_bias)
        lte_walk_weight(walk, &m->out_bias, "out_proj.bias", lte_init_constant(0), LTE_SHAPE(width));
}

static void weights(struct lte_walk *walk)
{
    struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range);
    lte_walk_prefix(walk, "backbone.");
    lte_walk_weight(walk, &m->embeddings, "embeddings.weight", normal,
                    LTE_SHAPE(m->vocabulary, m->width));
    for (uint32_t n = 0; n < m->layers; n++) {
        lte_walk_prefix(walk, "backbone.layers.%u.", (unsigned)n);
        lte_walk_weight(walk, &m->layer[n].attn_norm, "norm.weight", lte_init_constant(1),
                        LTE_SHAPE(m->width));
        lte_walk_prefix(walk, "backbone.layers.%u.mixer.", (unsigned)n);
        lte_mamba2_weights(walk, &m->layer[n].mamba2);
    }
    lte_walk_prefix(walk, "backbone.");
    lte_walk_weight(walk, &m->norm, "norm_f.weight", lte_init_constant(1), LTE_SHAPE(m->width));
    lte_walk_prefix(walk, "lm_head.");
    walk->twin = m->tied ? &m->embeddings : NULL;
    lte_walk_weight(walk, &m->head, "weight", normal, LTE_SHAPE(m->vocabulary, m->width));
    walk->twin = NULL;
}

const struct lte_family lte_family_mamba2 = {"mamba2", configure, weights};
