// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention: full, sliding window, or a window with learnable token eviction.
#include "config.h"

#include <string.h>

#include "lib/builder.h"

static lte_value qk_norm(struct lte_builder *b, lte_value x, size_t heads,
                         const struct lte_attention *l, const struct lte_tensor *weight)
{
    if (!weight)
        return x;
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_RMSNORM,
                                    .in = {x, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                                    .out = x,
                                    .norm = {.weight = lte_prepare_vector(b, weight),
                                             .vectors = heads,
                                             .width = l->head_dim,
                                             .eps = l->qk_norm_eps}});
}

static lte_value rope(struct lte_builder *b, lte_value x, lte_value angles, size_t heads,
                      size_t head_dim)
{
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_ROPE,
                                    .in = {x, angles, LTE_NO_VALUE, LTE_NO_VALUE},
                                    .out = x,
                                    .rope = {.heads = heads, .head_dim = head_dim}});
}

static struct lte_scorer_conv scorer_conv(struct lte_builder *b, const struct lte_tensor *weight,
                                          const struct lte_tensor *bias, size_t groups,
                                          size_t dilation)
{
    const size_t taps = (size_t)weight->shape[3], total = (taps - 1) * dilation;
    return (struct lte_scorer_conv){.weight = lte_prepare_router_conv(b, weight, groups),
                                    .bias = lte_prepare_vector(b, bias),
                                    .in = (size_t)weight->shape[1],
                                    .out = (size_t)weight->shape[0] / groups,
                                    .taps = taps,
                                    .dilation = dilation,
                                    .left = total / 2,
                                    .right = total - total / 2};
}

// The retention scorer reads keys before rope.
static lte_value score(struct lte_builder *b, const struct lte_attention *l, lte_value k, lte_value v)
{
    const struct lte_eviction *e = &l->evict;
    const size_t groups = e->per_head ? l->key_heads : 1;
    struct lte_op op = {.kind = LTE_OP_LTE_SCORE,
                        .in = {k, v, LTE_NO_VALUE, LTE_NO_VALUE},
                        .out = LTE_NO_VALUE,
                        .score = {.heads = l->key_heads,
                                  .head_dim = l->head_dim,
                                  .convs = e->convs + 1,
                                  .shared = !e->per_head,
                                  .relu = e->relu}};
    for (size_t i = 0; i < e->convs; i++)
        op.score.conv[i] =
            scorer_conv(b, e->conv_weight[i], e->conv_bias[i], groups, e->dilation[i]);
    op.score.conv[e->convs] = scorer_conv(b, e->proj_weight, e->proj_bias, groups, 1);
    for (size_t i = 0; i < op.score.convs; i++)
        op.score.delay += op.score.conv[i].right;
    return lte_build_op(b, op);
}

static size_t scorer_delay(const struct lte_eviction *e)
{
    size_t delay = 0;
    for (size_t i = 0; i < e->convs; i++) {
        const size_t total = (size_t)(e->kernel[i] - 1) * e->dilation[i];
        delay += total - total / 2;
    }
    return delay;
}

lte_value lte_mixer_attention(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_attention *l = &layer->attention;
    const bool retains = layer->mixer == LTE_MIXER_LTE;
    lte_value q = lte_build_value(b, (size_t)l->heads * l->head_dim);
    lte_value k = lte_build_value(b, (size_t)l->key_heads * l->head_dim);
    const lte_value v = lte_build_value(b, (size_t)l->key_heads * l->head_dim);
    const struct lte_linear_part part[] = {
        lte_build_part(b, l->q_proj, l->q_bias, q, 0),
        lte_build_part(b, l->k_proj, l->k_bias, k, 0),
        lte_build_part(b, l->v_proj, l->v_bias, v, 0),
    };
    lte_build_linear(b, x, 3, part);
    q = qk_norm(b, q, l->heads, l, l->q_norm);
    k = qk_norm(b, k, l->key_heads, l, l->k_norm);

    const lte_value scores = retains ? score(b, l, k, v) : LTE_NO_VALUE;
    const lte_value angles = lte_build_rope_angles(b, l->rope_theta, l->head_dim);
    q = rope(b, q, angles, l->heads, l->head_dim);
    k = rope(b, k, angles, l->key_heads, l->head_dim);

    struct lte_op attend = {.kind = LTE_OP_ATTEND,
                            .in = {q, k, v, scores},
                            .out = LTE_NO_VALUE,
                            .attend = {.heads = l->heads,
                                       .key_heads = l->key_heads,
                                       .head_dim = l->head_dim,
                                       .window = l->window,
                                       .retains = retains}};
    if (retains) {
        attend.attend.buffer = l->evict.buffer;
        attend.attend.sinks = l->evict.sinks;
        attend.attend.delay = scorer_delay(&l->evict);
    }
    return lte_build_project(b, lte_build_op(b, attend), l->o_proj);
}
