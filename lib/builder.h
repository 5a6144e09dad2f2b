// SPDX-License-Identifier: BSD-2-Clause
// What a mixer uses to add its ops to a graph. The first failure sticks: later calls do nothing,
// and lte_graph_build() reports it, so that mixers read as straight lines.
#ifndef LTE_LIB_BUILDER_H
#define LTE_LIB_BUILDER_H

#include "lib/graph.h"

enum { LTE_ROPE_TABLES = 4 };

struct lte_builder {
    const struct lte_model *model;
    const struct lte_context *context;
    struct lte_graph *graph;
    enum lte_graph_use use;
    const struct lte_model *student; // whose layers are to be aligned with the model's; NULL: none
    bool frozen;   // of the ops being built: not run backwards
    enum lte_status status;
    uint32_t slot; // of the layer being built
    uint32_t loop; // whose logits the head makes
    struct {       // angle tables made so far, shared by the layers
        float theta;
        size_t head_dim;
        lte_value value;
    } rope[LTE_ROPE_TABLES];
    size_t ropes;
    lte_value exit_logits, held; // of a model whose tokens may leave early; LTE_NO_VALUE: of others
};

lte_value lte_build_value(struct lte_builder *builder, size_t width);
// Adds an op and checks it against its row's width rule. For all kinds but LTE_OP_LINEAR, op.out
// LTE_NO_VALUE means: make the output. Returns the output, which is another value than op.out where
// an op asked to work in place may not.
lte_value lte_build_op(struct lte_builder *builder, struct lte_op op);

// Shorthands for the common ops.
lte_value lte_build_rmsnorm(struct lte_builder *builder, lte_value x, const struct lte_tensor *weight,
                            float eps);
// a + b, b scaled by a number or a channel's number each of `weight`, which the caller prepared.
lte_value lte_build_loop_gate(struct lte_builder *builder, lte_value a, lte_value b,
                              const float *weight, bool one);
lte_value lte_build_add(struct lte_builder *builder, lte_value a, lte_value b);
void lte_build_linear(struct lte_builder *builder, lte_value x, size_t parts,
                      const struct lte_linear_part *part);
// One matrix into a value of its own.
lte_value lte_build_project(struct lte_builder *builder, lte_value x,
                            const struct lte_tensor *weight);
// cos and sin of every row's position, [cos head_dim/2][sin head_dim/2].
lte_value lte_build_rope_angles(struct lte_builder *builder, float theta, size_t head_dim);

struct lte_linear_part lte_build_part(struct lte_builder *builder, const struct lte_tensor *weight,
                                      const struct lte_tensor *bias, lte_value out, size_t column);
struct lte_matrix lte_build_matrix(const struct lte_tensor *tensor);

// Weights in the form kernels read, owned by the graph; lib/prepare.h. NULL after a failure.
void *lte_prepare_bytes(struct lte_builder *builder, size_t count, size_t size);
float *lte_prepare_vector(struct lte_builder *builder, const struct lte_tensor *tensor);
// -exp(x) of every element
float *lte_prepare_neg_exp(struct lte_builder *builder, const struct lte_tensor *tensor);
// every element so many times
float *lte_prepare_repeated(struct lte_builder *builder, const struct lte_tensor *tensor, size_t times);
// The bounds that HGRN2 takes from [layers][channels]: 0 in the first layer, then the sum over the
// layers up to it, but not the first, of the softmax over all layers.
float *lte_prepare_lower_bounds(struct lte_builder *builder, const struct lte_tensor *tensor);
// [channels][1][taps] of up to three convolutions -> [taps][all channels]
float *lte_prepare_short_conv(struct lte_builder *builder, const struct lte_tensor *const *tensor,
                              size_t tensors);
// [groups*out][in][1][taps] -> [groups][taps][in][out]
float *lte_prepare_router_conv(struct lte_builder *builder, const struct lte_tensor *tensor,
                               size_t groups);

// A mixer turns the normed input of its layer into what is added to the residual stream.
typedef lte_value lte_mixer_fn(struct lte_builder *builder, const struct lte_layer *layer,
                               lte_value x);
// What all loops look at.
void lte_build_loops_begin(struct lte_builder *builder);
// The residual around a block of layers, and all that ends a loop; lib/loop.c. `start` is the
// stream as it was before.
lte_value lte_build_block_end(struct lte_builder *builder, uint32_t layer, lte_value x,
                              lte_value start);
lte_value lte_build_loop_end(struct lte_builder *builder, uint32_t loop, lte_value x,
                             lte_value start);
// For a loss that looks at the exit gate: its logits after every loop, LTE_NO_VALUE if there is
// none.
lte_value lte_build_exit_gates(struct lte_builder *builder);
// The normed stream that the output head reads.
lte_value lte_build_head_input(struct lte_builder *builder, lte_value x);
// DeepSeek sparse attention of turned q and k; the indexer reads the layer's input x.
lte_value lte_build_dsa(struct lte_builder *builder, const struct lte_attention *attention, lte_value x,
                        lte_value q, lte_value k, lte_value v);
// Tells every attention op which one keeps its keys and values when loops share them.
void lte_link_shared(struct lte_builder *builder);

lte_mixer_fn lte_mixer_gdn, lte_mixer_delta_net, lte_mixer_kda, lte_mixer_attention, lte_mixer_nsa;
lte_mixer_fn lte_mixer_retnet, lte_mixer_hgrn2, lte_mixer_mamba2;

#endif
