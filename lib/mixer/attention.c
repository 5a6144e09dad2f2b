// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention: full, sliding window, a window with learnable token eviction, or over tokens
// that an indexer selects.
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

static lte_value rope(struct lte_builder *b, const struct lte_attention *l, lte_value x,
                      lte_value angles, size_t heads, bool in_place)
{
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_ROPE,
                                    .in = {x, angles, LTE_NO_VALUE, LTE_NO_VALUE},
                                    .out = in_place ? x : LTE_NO_VALUE,
                                    .rope = {.heads = heads,
                                             .head_dim = l->head_dim,
                                             .pairs = l->rope_pairs}});
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

// How q and the gate lie in a q_proj that makes both: of every head, or of every key head's group,
// all of q and then all of the gate.
static size_t shared_vectors(const struct lte_attention *l)
{
    return l->gate == LTE_GATE_QUERY_GROUP ? l->key_heads : l->heads;
}

static bool is_doubled(const struct lte_attention *l)
{
    return l->gate == LTE_GATE_QUERY || l->gate == LTE_GATE_QUERY_GROUP;
}

// q out of the value that also holds the gate.
static lte_value split_q(struct lte_builder *b, const struct lte_attention *l, lte_value both)
{
    const size_t vectors = shared_vectors(l), width = (size_t)l->heads * l->head_dim / vectors;
    return lte_build_op(b, (struct lte_op){.kind = LTE_OP_SPLIT,
                                    .in = {both, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                                    .out = LTE_NO_VALUE,
                                    .split = {.vectors = vectors, .width = width,
                                              .stride = 2 * width}});
}

static lte_value output_gate(struct lte_builder *b, const struct lte_attention *l, lte_value x,
                             lte_value logits)
{
    struct lte_op op = {.kind = LTE_OP_SDPA_GATE,
                        .in = {x, logits, LTE_NO_VALUE, LTE_NO_VALUE},
                        .out = LTE_NO_VALUE};
    if (l->gate == LTE_GATE_NONE)
        return x;
    const size_t vectors = is_doubled(l) ? shared_vectors(l) : l->heads;
    const size_t width = (size_t)l->heads * l->head_dim / vectors;
    op.sdpa_gate = (struct lte_sdpa_gate_op){.vectors = vectors,
                                             .width = width,
                                             .stride = is_doubled(l)              ? 2 * width
                                                       : l->gate == LTE_GATE_HEAD ? 1
                                                                                  : width,
                                             .column = is_doubled(l) ? width : 0,
                                             .one = l->gate == LTE_GATE_HEAD};
    return lte_build_op(b, op);
}

struct projections {
    lte_value q, k, v, gate;
};

static struct projections project(struct lte_builder *b, const struct lte_attention *l, lte_value x,
                                  bool steady)
{
    const size_t keys = (size_t)l->key_heads * l->head_dim;
    struct projections p = {.q = lte_build_value(b, (size_t)l->q_proj->shape[0]),
                            .k = lte_build_value(b, keys),
                            .v = lte_build_value(b, keys),
                            .gate = LTE_NO_VALUE};
    struct lte_linear_part part[4] = {
        lte_build_part(b, l->q_proj, l->q_bias, p.q, 0),
        lte_build_part(b, l->k_proj, l->k_bias, p.k, 0),
        lte_build_part(b, l->v_proj, l->v_bias, p.v, 0),
    };
    part[1].steady = part[2].steady = steady;
    if (l->gate_proj) {
        p.gate = lte_build_value(b, (size_t)l->gate_proj->shape[0]);
        part[3] = lte_build_part(b, l->gate_proj, NULL, p.gate, 0);
    }
    lte_build_linear(b, x, l->gate_proj ? 4 : 3, part);
    if (is_doubled(l)) {
        p.gate = p.q;
        p.q = split_q(b, l, p.gate);
    }
    return p;
}

lte_value lte_mixer_attention(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_attention *l = &layer->attention;
    const bool retains = layer->mixer == LTE_MIXER_LTE;
    // In a first layer equal tokens have equal scores, and the older one is to stay however the
    // text is cut into calls. Further up no two tokens come with the same context.
    struct projections p = project(b, l, x, retains && b->slot == 0);
    lte_value q = qk_norm(b, p.q, l->heads, l, l->q_norm);
    const lte_value k = qk_norm(b, p.k, l->key_heads, l, l->k_norm);

    const lte_value angles = lte_build_rope_angles(b, l->rope_theta, l->head_dim);
    q = rope(b, l, q, angles, l->heads, true);
    const lte_value turned = rope(b, l, k, angles, l->key_heads, !retains);
    const lte_value scores = retains ? score(b, l, k, p.v) : LTE_NO_VALUE;

    struct lte_op attend = {.kind = LTE_OP_ATTEND,
                            .in = {q, turned, p.v, retains ? scores : b->exit_logits},
                            .out = LTE_NO_VALUE,
                            .attend = {.heads = l->heads,
                                       .key_heads = l->key_heads,
                                       .head_dim = l->head_dim,
                                       .window = lte_model_window(b->model, b->slot),
                                       .loop = b->slot / b->model->layers,
                                       .retains = retains}};
    if (retains) {
        attend.attend.buffer = l->evict.buffer;
        attend.attend.sinks = l->evict.sinks;
        attend.attend.delay = scorer_delay(&l->evict);
    }
    const lte_value o = layer->mixer == LTE_MIXER_DSA ? lte_build_dsa(b, l, x, q, turned, p.v)
                                                      : lte_build_op(b, attend);
    x = output_gate(b, l, o, p.gate);
    return lte_build_project(b, x, l->o_proj);
}
