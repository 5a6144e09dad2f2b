// SPDX-License-Identifier: BSD-2-Clause
// DeepSeek sparse attention: the indexer beside softmax attention. Its queries, its key and the
// weights of its heads lie in one value, in this order. It learns from its own loss alone: nothing
// flows back into x.
#include "config.h"

#include "lib/builder.h"

static lte_value project(struct lte_builder *b, const struct lte_indexer *i, lte_value x)
{
    const size_t queries = (size_t)i->heads * i->dim, weights = i->mean_dot ? 0 : i->heads;
    const lte_value y = lte_build_value(b, queries + i->dim + weights);
    struct lte_op op = {.kind = LTE_OP_LINEAR,
                        .in = {x, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
                        .out = LTE_NO_VALUE,
                        .linear = {.parts = weights ? 3 : 2, .detached = true}};
    op.linear.part[0] = lte_build_part(b, i->q_proj, NULL, y, 0);
    op.linear.part[1] = lte_build_part(b, i->k_proj, NULL, y, queries);
    if (weights)
        op.linear.part[2] = lte_build_part(b, i->weights_proj, NULL, y, queries + i->dim);
    lte_build_op(b, op);
    return y;
}

static lte_value norm(struct lte_builder *b, const struct lte_indexer *i, lte_value y)
{
    return lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_LAYERNORM,
        .in = {y, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
        .out = y,
        .norm = {.weight = lte_prepare_vector(b, i->k_norm),
                 .bias = lte_prepare_vector(b, i->k_norm_bias),
                 .column = (size_t)i->heads * i->dim,
                 .vectors = 1,
                 .width = i->dim,
                 .eps = i->norm_eps}});
}

static lte_value rope(struct lte_builder *b, const struct lte_indexer *i, float theta, lte_value y)
{
    return lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_ROPE,
        .in = {y, lte_build_rope_angles(b, theta, i->rope_dim), LTE_NO_VALUE, LTE_NO_VALUE},
        .out = y,
        .rope = {.heads = i->heads + (size_t)1, // the key is one more
                 .head_dim = i->rope_dim,
                 .stride = i->dim,
                 .pairs = i->rope_pairs}});
}

lte_value lte_build_dsa(struct lte_builder *b, const struct lte_attention *l, lte_value x, lte_value q,
                        lte_value k, lte_value v)
{
    const struct lte_indexer *i = &l->index;
    lte_value index = project(b, i, x);
    if (!i->mean_dot)
        index = norm(b, i, index);
    if (!i->mean_dot && i->rope_dim)
        index = rope(b, i, l->rope_theta, index);
    return lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_DSA,
        .in = {q, k, v, index},
        .out = LTE_NO_VALUE,
        .dsa = {.heads = l->heads,
                .key_heads = l->key_heads,
                .head_dim = l->head_dim,
                .index_heads = i->heads,
                .index_dim = i->dim,
                .top = i->top,
                .first = i->first,
                .last = i->last,
                .rule = i->mean_dot ? LTE_INDEX_DOT : LTE_INDEX_RELU}});
}
