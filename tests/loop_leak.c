// SPDX-License-Identifier: BSD-2-Clause
// Two tokens through two loops of one number, by a delta rule, or by sparse attention that weighs
// all tokens alike: each loop begins with an empty state of its own. Were the second to begin where
// the first ended, a token would see the one after it.
#include "config.h"

#include <stdlib.h>

#include "lib/builder.h"
#include "tests/check.h"
#include "tests/inside.h"

// v is the loop's input; q = k = 1 are scaled by their biases alone, the log decay is 0, beta 1/2.
static const float matrix[] = {0, 0, 1, 0, 0}, bias[] = {1, 1, 0, 0, 0.5f};
static const float embeddings[] = {0, 1, 2}, one[] = {1};

static struct lte_matrix rows(const float *data, size_t n)
{
    return (struct lte_matrix){data, LTE_DTYPE_F32, n, 1};
}

static lte_value delta_loop(struct lte_builder *b, uint32_t slot, lte_value x)
{
    b->slot = slot;
    const lte_value qkv = lte_build_value(b, 3), gates = lte_build_value(b, 2);
    const struct lte_linear_part part[] = {
        {.weight = rows(matrix, 3), .bias = bias, .out = qkv},
        {.weight = rows(matrix + 3, 2), .bias = bias + 3, .out = gates},
    };
    lte_build_linear(b, x, 2, part);
    return lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_DELTA_RULE,
        .in = {qkv, gates, LTE_NO_VALUE, LTE_NO_VALUE},
        .out = LTE_NO_VALUE,
        .delta_rule = {.heads = 1, .value_heads = 1, .key_dim = 1, .value_dim = 1, .k_column = 1,
                       .v_column = 2}});
}

// Attention's queries, keys and index are zero: every token gets the mean of the loop's inputs up
// to its own.
static lte_value dsa_loop(struct lte_builder *b, uint32_t slot, lte_value x)
{
    static const float zero[2];
    b->slot = slot;
    const lte_value q = lte_build_value(b, 1), k = lte_build_value(b, 1), v = lte_build_value(b, 1);
    const lte_value index = lte_build_value(b, 2);
    const struct lte_linear_part part[] = {
        {.weight = rows(zero, 1), .out = q},
        {.weight = rows(zero, 1), .out = k},
        {.weight = rows(one, 1), .out = v},
        {.weight = rows(zero, 2), .out = index},
    };
    lte_build_linear(b, x, 4, part);
    return lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_DSA,
        .in = {q, k, v, index},
        .out = LTE_NO_VALUE,
        .dsa = {.heads = 1, .key_heads = 1, .head_dim = 1, .index_heads = 1, .index_dim = 1, .top = 2,
                .rule = LTE_INDEX_DOT}});
}

typedef lte_value loop_fn(struct lte_builder *b, uint32_t slot, lte_value x);

// Embedding, `loops` loops, and a head that passes the stream on.
static void build(struct lte_builder *b, loop_fn *loop, uint32_t loops)
{
    lte_value x = lte_build_op(b, (struct lte_op){
        .kind = LTE_OP_EMBED,
        .in = {LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE, LTE_NO_VALUE},
        .out = LTE_NO_VALUE,
        .embed = {.table = rows(embeddings, 3)}});
    for (uint32_t n = 0; n < loops; n++)
        x = loop(b, n, x);
    b->slot = LTE_NO_SLOT;
    b->graph->head = b->graph->ops;
    const struct lte_linear_part head = {.weight = rows(one, 1), .out = LTE_LOGITS_VALUE};
    lte_build_linear(b, x, 1, &head);
}

static void check(struct lte_context *c, const char *level, enum lte_mixer mixer, uint32_t loops,
                  const float *want)
{
    static const uint32_t ids[] = {1, 2};
    struct lte_graph *g = lte_alloc_zero(c, sizeof *g);
    struct lte_model m = {.context = c, .graph = g, .layers = 1, .loops = loops, .vocabulary = 3};
    struct lte_layer layer = {.mixer = mixer};
    struct lte_builder b = {.model = &m, .context = c, .graph = g};
    m.layer = &layer;
    g->slots = loops;
    g->vocabulary = 1;
    g->layer_output = lte_alloc_array(c, loops + (size_t)1, sizeof *g->layer_output);
    build(&b, mixer == LTE_MIXER_DSA ? dsa_loop : delta_loop, loops);
    struct lte_session *s = b.status == LTE_OK ? inside_session(&m, 8) : NULL;
    float together[2], apart[2];
    lte_session_feed(s, ids, 2, LTE_LOGITS_ALL, together);
    lte_session_reset(s);
    lte_session_feed(s, ids, 1, LTE_LOGITS_ALL, apart);
    lte_session_feed(s, ids + 1, 1, LTE_LOGITS_ALL, apart + 1);
    check_ok(check_near(together, want, 2, 1, 1e-6, NULL, "together"),
             "%s: %u loops over two tokens: no state is handed on", level, (unsigned)loops);
    check_ok(check_near(apart, want, 2, 1, 1e-6, NULL, "apart"), "%s: %u loops, token by token",
             level, (unsigned)loops);
    lte_session_free(s);
    lte_graph_free(c, g);
}

int main(int argc, char **argv)
{
    static const float after_one[] = {0.5f, 1.25f}, after_two[] = {0.25f, 0.75f};
    static const float mean[] = {1, 1.5f}, mean_of_means[] = {1, 1.25f};
    check_begin(argc, argv, "loop_leak");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 1);
        check(c, *level, LTE_MIXER_GDN, 1, after_one);
        check(c, *level, LTE_MIXER_GDN, 2, after_two);
        check(c, *level, LTE_MIXER_DSA, 1, mean);
        check(c, *level, LTE_MIXER_DSA, 2, mean_of_means);
        lte_close(c);
    }
    return check_end();
}
