// SPDX-License-Identifier: BSD-2-Clause
// What C and GLSL say to each other: push constants, one struct a shader, and the step buffer.
// Members are 32 bits wide, so that both languages lay them out alike; offsets and strides are in
// elements.
#ifndef LTE_SHADERS_PARAMS_H
#define LTE_SHADERS_PARAMS_H

#ifdef VULKAN // predefined by glslang: this is GLSL
#define U32 uint
#else
#include <stdint.h>
#define U32 uint32_t
#endif

// A run of consecutive tokens of one sequence: an entry of the step buffer, written before every
// submission. What a recorded step must not know in advance stands here.
struct lte_vk_segment {
    U32 row, rows; // rows [row, row + rows) of every value
    U32 position;  // of the first; a sequence on a device ends at 2^31
    U32 state;     // word of the state buffer where the session's states begin
};

// Ops that carry state run over segments segment.. of the step, one a workgroup's z.
struct lte_short_conv_params {
    U32 segment;
    U32 channels;
    U32 biased;
};

struct lte_delta_gates_params {
    U32 first;
    U32 heads, channels; // of decays in a head
    U32 decays;          // 0: nothing decays
    U32 columns;         // of the betas too
    float beta_scale, lower_bound;
};

// Columns are those of the first head; the gates hold a log decay of every value head, then the
// betas.
struct lte_delta_params {
    U32 segment;
    U32 group; // value heads that share q and k
    U32 value_heads, key_dim, value_dim;
    U32 q_column, k_column, v_column;
    U32 stride, gate_stride; // of a row
    U32 chunks;              // in a segment, of those from `first` on
    U32 first;
};

// Of one token, with what the ops before and after do: see lte_delta_params, lte_delta_gates_params,
// lte_l2norm_params and lte_gated_norm_params.
struct lte_delta_step_params {
    U32 segment;
    U32 group;
    U32 value_heads, key_dim, value_dim;
    U32 q_column, k_column, v_column;
    U32 stride, gate_stride, z_stride; // z: gates of the norm
    U32 state, tail;         // words of the states where the rule's and the convolution's begin
    U32 taps, norm;          // words of the weights where these begin; -A and dt_bias come first
    U32 own;
    U32 decays;
    float beta_scale, lower_bound;
    float eps, scale;        // scale: of q
};

// The tails of convolutions after one token.
struct lte_conv_tail_params {
    U32 segment;
    U32 channels;
    U32 inputs;              // in a tail
};

// Of each source the numbers from a row to the next (0: the same for all), the column of its first
// vector, and how many heads share a vector. A step: enum lte_rule_step.
#define LTE_DIAG_Q 0
#define LTE_DIAG_K 1
#define LTE_DIAG_V 2
#define LTE_DIAG_DECAY 3
#define LTE_DIAG_BETA 4
#define LTE_DIAG_SOURCES 5
#define LTE_DIAG_ADDS 0
#define LTE_DIAG_ERASES 1
#define LTE_DIAG_WEIGHS 2
struct lte_diag_params {
    U32 segment;
    U32 key_dim, value_dim;
    U32 decays;              // of a head: 1, or key_dim
    U32 step;
    U32 stride[LTE_DIAG_SOURCES], column[LTE_DIAG_SOURCES], group[LTE_DIAG_SOURCES];
};

struct lte_forget_gates_params {
    U32 first;
    U32 channels;
    U32 bounded;             // 0: lower bounds of 0
};

struct lte_step_gates_params {
    U32 first;
    U32 heads;
    float low, high;
};

// Parts of a sum, and products of a part, filled up with zeros to a whole number of runs
// (shaders/score.glsl).
#define LTE_SCORE_PARTS 16
#define LTE_SCORE_RUN 32
#define LTE_SCORE_LENGTH(n) \
    ((n) <= LTE_SCORE_RUN ? (n) : ((n) + LTE_SCORE_RUN - 1) / LTE_SCORE_RUN * LTE_SCORE_RUN)
// A convolution of lte_score. Its input is a history in the state and then this call's rows: keys
// and values of the model in the first, outputs of the one before in the others,
// [segment][head][rows].
struct lte_score_params {
    U32 segment;
    U32 rows; // of a segment
    U32 inputs, outputs, dilation;
    U32 late; // tokens by which the output lags
    U32 groups;           // 0: one set of weights for all heads
    U32 history;          // word of the op's state where that of head 0 begins
    U32 head_state;       // words of a head
    U32 weight, bias;     // words of the weights
    U32 last, relu;
};

#define LTE_SCORE_CONVS 9   // LTE_SCORER_CONVS
#define LTE_SCORE_ROOM 4096 // histories and inputs of a head that a step has room for
// All convolutions: renews their histories, or is a step of one token.
struct lte_score_stack_params {
    U32 segment;
    U32 rows;
    U32 heads, convs, head_state;
    U32 groups, relu;
    U32 shape[LTE_SCORE_CONVS]; // inputs << 16 | tokens of history
    U32 taps[LTE_SCORE_CONVS];  // taps << 16 | tokens that its output lags behind its input
};

#define LTE_ATTEND_SPLITS 64 // of a single token's keys, at most
// All shaders of attend. Members from ring_k on are words from the op's state: lib/kv.h says what
// lies there.
struct lte_attend_params {
    U32 segment;
    U32 heads, group, head_dim; // key heads, and query heads of each
    U32 rows;                   // of a segment
    U32 ring, slots, sinks, delay; // slots: of the retained buffer
    U32 retains;
    U32 splits;                 // workgroups that share the keys of a query
    float scale;
    U32 ring_k, ring_v, slots_k, slots_v, ring_score, slots_score, slots_position, slots_used;
    U32 stores;                 // a single token
    U32 leaves;                 // a token that has left before is not stored
    U32 loops;                  // before this one
    U32 logits;                 // of leaving, in a row
    float threshold;
};

// Vectors of this call's rows into a cache of every token, [heads][tokens][dim].
struct lte_cache_store_params {
    U32 segment;
    U32 dim;
    U32 column, stride; // of a value's rows
    U32 tokens;
    U32 place;          // word of the op's state where the cache begins
};

// Means of the blocks that this call completes, [heads][blocks][head_dim].
struct lte_nsa_pool_params {
    U32 segment;
    U32 head_dim;
    U32 block, tokens, blocks;
    U32 k, v, pool_k, pool_v; // words of the op's state
};

// How much queries want units of `pool` tokens: rows first .. of a segment, a list of `stride`
// scores for each of their heads. Then the best of them, of which `top` are listed,
// [rows][heads][top].
struct lte_nsa_score_params {
    U32 segment;
    U32 first;
    U32 group, head_dim;   // query heads of a key head
    U32 block, top, blocks;
    U32 pool_k;            // word of the op's state
    U32 stride;
    float scale;
};

struct lte_dsa_score_params {
    U32 segment;
    U32 first, count;      // rows
    U32 heads, dim;        // of the index
    U32 mean;              // a score is the mean of the heads' products
    U32 width;             // of the index value
    U32 top;
    U32 keys;              // word of the op's state
    U32 stride;
    float scale;
};

struct lte_sparse_select_params {
    U32 segment;
    U32 first, rows;
    U32 pool, top;
    U32 forced_first, forced_last;
    U32 stride;
};

// Keys of a cache of entries, [heads][entries][head_dim]: tokens, or blocks of them.
#define LTE_SPARSE_POOLED 0 // every block that is complete
#define LTE_SPARSE_RECENT 1 // the last `window` tokens
#define LTE_SPARSE_CHOSEN 2 // of units of `pool` tokens those that are listed
struct lte_sparse_attend_params {
    U32 segment;
    U32 heads, group, head_dim;
    U32 rows;
    U32 splits;
    float scale;
    U32 k, v;              // words of the op's state
    U32 entries;
    U32 window, pool, top;
    U32 lists;             // 1, or one for every head
    U32 end, together;     // rows whose `together` neighbours all lie before position `end` are
                           // RECENT's, not CHOSEN's; together 0: each has its own dispatch
};

// Three attentions in shares, and the gates that mix them.
struct lte_nsa_join_params {
    U32 segment;
    U32 heads, head_dim;   // query heads
    U32 rows;
    U32 splits[3];         // by enum lte_nsa_branch
};

// Rows [first, first + gl_NumWorkGroups.y) of x and y: a workgroup a vector, x of row y.
struct lte_rmsnorm_params {
    U32 first;
    U32 width;     // of a vector
    U32 column;    // of the first vector
    U32 x_stride, y_stride;
    U32 weighted;  // 0: all weights are one
    U32 own;       // from a vector's weights to the next one's; 0: the same for all
    float eps;
};

// Numbers [first, first + count) of all three.
#define LTE_ELEMENTWISE_ADD 0
#define LTE_ELEMENTWISE_SWIGLU 1
#define LTE_ELEMENTWISE_SILU 2
struct lte_elementwise_params {
    U32 first, count;
};

// As lte_rmsnorm_params; the first `scaled` vectors of a row are multiplied by `scale`.
struct lte_l2norm_params {
    U32 first;
    U32 width;
    U32 column;
    U32 x_stride, y_stride;
    U32 scaled;
    float eps, scale;
};

struct lte_gated_norm_params {
    U32 first;
    U32 width;
    U32 column;
    U32 x_stride, gate_stride, y_stride;
    U32 own;
    float eps;
};

// In place.
struct lte_layernorm_params {
    U32 first;
    U32 width;
    U32 column;
    U32 stride;
    float eps;
};

// Rows table_first .. table_first + table_rows - 1 of the table are bound; tokens of others are
// left alone.
struct lte_embed_params {
    U32 first;
    U32 width;
    U32 table_first, table_rows;
};

// y[y_first + t][column + r] = x[x_first + t] . w[r] + bias[bias_first + r], and what a shader for few
// tokens does to that.
#define LTE_FINISH_NOTHING 0
#define LTE_FINISH_ADD 1    // a value of y's shape
#define LTE_FINISH_SWIGLU 2 // silu of it times the product with another matrix
// Inputs may come from a norm: rmsnorm of whole rows, or vectors that lack only its root, with
// their squares summed in `blocks` parts.
#define LTE_NORM_NOTHING 0
#define LTE_NORM_ROWS 1
#define LTE_NORM_VECTORS 2
#define LTE_NORM_MOST 64 // vectors
struct lte_linear_params {
    U32 x_first, y_first, tokens;
    U32 rows, cols; // of w
    U32 x_stride, y_stride, column;
    U32 biased, bias_first;
    U32 width, blocks; // of vectors
    float eps;      // of the norm before it
};

// The power of two that brings numbers below 2^15, to 2^14 or above; `exponent` is that of the
// largest, as fp32 and bf16 have it. Far below, not all the way.
#define LTE_SHIFT(exponent) ((exponent) < 41 ? 100 : 141 - (exponent))

struct lte_split_inputs_params {
    U32 first, stride, width;
    U32 pitch; // of a row of parts, in vectors of 16 bytes
};

// The inputs are rows of parts.
struct lte_gemm_cooperative_params {
    U32 tokens, pitch;
    U32 rows, cols; // of w
    U32 y_first, y_stride, column;
    U32 biased, bias_first;
};

struct lte_rope_angles_params {
    U32 segment; // the first
    U32 half_dim;
};

struct lte_rope_params {
    U32 first;
    U32 heads, head_dim;
    U32 pairs; // 2i turns with 2i + 1, instead of i with i + head_dim/2
    U32 width, stride; // of a row; from a head to the next
};

// Number i of a row of y and x belongs to vector i / width. That of z begins at column + vector *
// stride; `one`: it is a single number.
#define LTE_GATE_SPLIT 0
#define LTE_GATE_SDPA 1
#define LTE_GATE_LOOP 2
struct lte_gate_params {
    U32 first;
    U32 width;
    U32 y_stride, z_stride;
    U32 column, stride;
    U32 one;
};

struct lte_loop_exit_params {
    U32 segment; // the first
    U32 width;
    U32 logits;  // of a row
    U32 loops;   // before this one
    U32 weighted; // whether the mean is held
    float threshold;
};

// Rows of logits, `stride` from one to the next. `parts` workgroups look at a part each of a row's
// first `width`.
#define LTE_VK_MOST_CANDIDATES 1024 // LTE_MOST_CANDIDATES: two words each in shared memory
// Of the first `ids` logits of a row; the next row is `stride` further.
struct lte_candidates_params {
    U32 ids, stride;
    U32 parts, count; // of a row; of candidates
};

#undef U32
#endif
