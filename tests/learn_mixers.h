// SPDX-License-Identifier: BSD-2-Clause
// The models of tests/learn.c: one row a mixer.
#ifndef LTE_TESTS_LEARN_MIXERS_H
#define LTE_TESTS_LEARN_MIXERS_H

static const char common[] = "\"vocab_size\":66,\"tie_word_embeddings\":false";

#define TYPE(name) \
    "\"model_type\":\"" name "\",\"num_hidden_layers\":2,\"hidden_size\":32," \
    "\"intermediate_size\":64,\"initializer_range\":0.05"
// Without a delta rule what was written stays until it has decayed: that takes a wider model.
#define WIDE(name, layers) \
    "\"model_type\":\"" name "\",\"num_hidden_layers\":" layers ",\"hidden_size\":64"
#define DELTA ",\"num_heads\":2,\"head_dim\":16,\"expand_v\":1"
#define LT2 \
    TYPE("lt2") ",\"num_heads\":2,\"num_loops\":2," \
    "\"gdn\":{\"num_heads\":2,\"head_dim\":16,\"expand_v\":1}"
#define INDEX "\"dsa\":{\"index_n_heads\":2,\"index_head_dim\":16,\"index_topk\":24}"
#define ROUTER \
    "\"attn_type\":\"lte\",\"conv_size\":[3,3,3],\"conv_dilation\":[1,1,1],\"dropout_prob\":0," \
    "\"routing_method\":\"sigmoid\",\"routing_grad\":true,\"routing_shared\":\"head\"," \
    "\"routing_freeze_steps\":0,\"l1_lambda_init\":1e-4,\"l1_lambda_min\":1e-4," \
    "\"l1_lambda_max\":0.01,\"l1_alpha\":1.5,\"l1_alpha_neg\":2,\"l1_warmup_steps\":0," \
    "\"l1_lambda_initial_steps\":0,\"l1_lambda_update_steps\":8," \
    "\"l1_lambda_shared\":\"head\",\"l1_lambda_tolerate\":[0.95,1]"

static const struct mixer mixers[] = {
    {"gated_deltanet", TYPE("gated_deltanet") DELTA, 0.005, 250, 600, true},
    {"kda", TYPE("kda") DELTA, 0.005, 250, 600, false},
    {"delta_net", TYPE("delta_net") ",\"num_heads\":2,\"expand_k\":1,\"expand_v\":1", 0.005, 250,
     600, false},
    {"retnet", WIDE("retnet", "2") ",\"intermediate_size\":64,\"initializer_range\":0.05,"
     "\"num_heads\":4,\"expand_k\":2,\"expand_v\":2", 0.01, 0, 3000, false},
    // Without an MLP, as published.
    {"mamba2", WIDE("mamba2", "2") ",\"initializer_range\":0.1,\"head_dim\":32,"
     "\"state_size\":64", 0.01, 0, 1000, false},
    // The higher a layer, the more slowly it forgets: with two layers one run of four failed.
    {"hgrn2", WIDE("hgrn2", "4") ",\"intermediate_size\":128,\"initializer_range\":0.05,"
     "\"expand_ratio\":64", 0.005, 0, 3000, false},
    {"full attention", TYPE("transformer") ",\"num_heads\":2", 0.005, 250, 600, true},
    // From the last query, at 62, to the first value, at 1.
    {"sliding window", TYPE("transformer") ",\"num_heads\":2,\"window_size\":62", 0.005, 250, 600,
     false},
    // Over a layer of the gated delta rule, as in the published models. It sees 24 tokens and a
    // window of 9, of 64.
    {"lte", TYPE("hybrid_gated_deltanet") DELTA ",\"attn\":{\"layers\":[1],\"num_heads\":2,"
     "\"window_size\":8,\"buffer_size\":24,\"sink_size\":1," ROUTER "}", 0.005, 250, 600, false},
    {"nsa", TYPE("nsa") ",\"num_heads\":2,\"head_dim\":16,\"block_size\":4,\"block_counts\":6,"
     "\"window_size\":4", 0.005, 250, 600, false},
    {"dsa", TYPE("lt2") ",\"num_heads\":2,\"num_loops\":1,\"layer_types\":\"dsa\"," INDEX, 0.005,
     250, 600, true},
    {"lt2 gdn", LT2 ",\"layer_types\":\"gdn\"", 0.005, 250, 600, false},
    {"lt2 gdn+full", LT2 ",\"layer_types\":\"gdn,full\"", 0.005, 250, 600, false},
    {"lt2 gdn+dsa", LT2 ",\"layer_types\":\"gdn,dsa\"," INDEX, 0.005, 250, 600, false},
};

#endif
