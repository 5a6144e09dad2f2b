// SPDX-License-Identifier: BSD-2-Clause
// An op: one step of the graph, with its weights bound; and the table that says how each kind is
// done.
#ifndef LTE_LIB_OP_H
#define LTE_LIB_OP_H

#include "lib/context.h"
#include "lte/session.h"

// A value is a matrix of fp32, one row a token, that lives in the session's arena between the op
// that writes it and the last that reads it.
typedef uint32_t lte_value;
#define LTE_NO_VALUE UINT32_MAX
#define LTE_NO_SLOT UINT32_MAX
// Where the output head writes: the caller's logits instead of the arena.
#define LTE_LOGITS_VALUE (UINT32_MAX - 1)

enum lte_op_kind {
    LTE_OP_EMBED,
    LTE_OP_RMSNORM,
    LTE_OP_LINEAR,
    LTE_OP_ADD,
    LTE_OP_SWIGLU,
    LTE_OP_SILU,
    LTE_OP_SHORT_CONV,
    LTE_OP_L2NORM,
    LTE_OP_DELTA_GATES,
    LTE_OP_DELTA_RULE,
    LTE_OP_DIAG_RULE,
    LTE_OP_GATED_NORM,
    LTE_OP_ROPE_ANGLES,
    LTE_OP_ROPE,
    LTE_OP_LTE_SCORE,
    LTE_OP_ATTEND,
    LTE_OP_SPLIT,
    LTE_OP_SDPA_GATE,
    LTE_OP_LOOP_GATE,
    LTE_OP_LOOP_EXIT,
    LTE_OP_NSA,
    LTE_OP_LAYERNORM,
    LTE_OP_DSA,
    LTE_OP_ALIGN,
    LTE_OP_FORGET_GATES,
    LTE_OP_STEP_GATES,
    LTE_OPS
};

// A weight matrix [rows][cols] as it lies in the checkpoint; it may be unaligned.
struct lte_matrix {
    const void *data;
    enum lte_dtype type;
    size_t rows, cols;
};

enum { LTE_OP_INPUTS = 4, LTE_LINEAR_PARTS = 6, LTE_SCORER_CONVS = 9 };

// Products of one input that run as one op, so that threads meet once. Part i writes its rows to
// columns column.. of `out`; parts may share an output.
struct lte_linear_part {
    struct lte_matrix weight;
    const float *bias; // [rows] or NULL
    lte_value out;
    size_t column;
    bool steady;         // in a session, a token's bits do not depend on how many come along
};

struct lte_embed_op {
    struct lte_matrix table;
};
struct lte_linear_op {
    unsigned parts;
    bool detached;       // training: nothing flows into the input
    struct lte_linear_part part[LTE_LINEAR_PARTS];
};
// `vectors` adjacent vectors of `width` from column `column` of each row; other columns stay.
struct lte_norm_op {
    const float *weight; // [width] or NULL
    size_t column, vectors, width;
    size_t scaled;       // l2norm: the first so many vectors are multiplied by `scale`
    float eps, scale;
    const float *bias;   // [width]; layernorm
    bool own;            // rmsnorm, gated_norm: every vector has weights of its own, [vectors][width]
};
struct lte_short_conv_op {
    const float *weight; // [taps][channels]
    size_t channels, taps;
    const float *bias;   // [channels]; NULL: 0
};
// a -> log decay, b -> beta, in place. Columns 0.. are a, `channels` of each head, then come the b
// of the heads. neg_exp_A NULL: nothing decays, whatever a says.
struct lte_delta_gates_op {
    const float *neg_exp_A; // [heads]
    const float *dt_bias;   // [heads * channels]
    size_t heads, channels;
    float beta_scale;       // 2 with negative eigenvalues, else 1
    float lower_bound;      // < 0: log decay = lower_bound * sigmoid(-neg_exp_A * (a + dt_bias))
};
// f -> log(lower + (1 - lower) sigmoid(f)), and behind these 1 minus what the log is of.
struct lte_forget_gates_op {
    const float *lower; // [channels]; NULL: 0
    size_t channels;
};
// a -> log decay = neg_exp_A * step, and behind these step = softplus(a + dt_bias), within
// low..high.
struct lte_step_gates_op {
    const float *neg_exp_A, *dt_bias; // [heads]
    size_t heads;
    float low, high;
};
struct lte_delta_rule_op {
    size_t heads, value_heads, key_dim, value_dim;
    size_t q_column, k_column, v_column;
};
// Where a rule finds what its heads read: adjacent vectors from `column` of in[in] on. Where there
// are fewer of them than heads, adjacent heads share one.
struct lte_rule_source {
    unsigned in;
    size_t column, heads;
};
// What beta is for in the step of simd/diag_rule.h.
enum lte_rule_step {
    LTE_RULE_ADDS,   // there is none
    LTE_RULE_ERASES, // the delta rule's
    LTE_RULE_WEIGHS  // v comes times beta
};
struct lte_diag_rule_op {
    size_t heads, key_dim, value_dim;
    struct lte_rule_source q, k, v, decay, beta;
    size_t decays;           // log decays of a head: key_dim, or one for all its channels
    const float *fixed;      // [heads]: log decays that no input gives; NULL: `decay` does
    enum lte_rule_step step;
};
struct lte_rope_op {
    const double *inv_freq;   // [head_dim/2]; ROPE_ANGLES
    size_t heads, head_dim;
    bool pairs;               // (2i, 2i+1) are turned together, instead of (i, i + head_dim/2)
    size_t stride;            // from a head to the next, between which the rest stays; 0: head_dim
};
struct lte_scorer_conv {
    const float *weight; // [heads or 1][taps][in][out]
    const float *bias;   // [heads or 1][out]
    size_t in, out, taps, dilation, left, right;
};
struct lte_score_op {
    size_t heads, head_dim, convs; // convs counts the final projection
    bool shared, relu;             // shared: one set of weights for all heads
    size_t delay;                  // the score of token p - delay comes out with token p
    struct lte_scorer_conv conv[LTE_SCORER_CONVS];
};
// Full (window 0), windowed, or windowed with a retained buffer (buffer > 0).
struct lte_attend_op {
    size_t heads, key_heads, head_dim;
    size_t window;                 // tokens a query sees, itself included; 0: all
    size_t buffer, sinks, delay;
    bool retains;
    size_t ahead;                  // with share_loops, the op so many further on keeps keys and values
    size_t loop;
    bool leaves;                   // tokens may leave before: in[3] has the logits of leaving
    float threshold;               // of leaving, for sessions that do not say
};
// Vectors of a wider row brought together: vector i lies at column + i * stride.
struct lte_split_op {
    size_t vectors, width, stride, column;
};
// in[0] * sigmoid(in[1]): vector i of `width` with the gate's vector at column + i * stride, or
// with the one number there.
struct lte_sdpa_gate_op {
    size_t vectors, width, stride, column;
    bool one;
};
// in[0] + weight * in[1], of which the first `width` columns are taken
struct lte_loop_gate_op {
    const float *weight; // [width], or one number
    size_t width;
    bool one;
};
// Rows that have not left before this loop take in[2], the others keep in[0]. in[1]: the logits of
// leaving after each loop. When all have left and no state needs the loops to come, they are
// skipped.
struct lte_loop_exit_op {
    size_t loop;
    float threshold;     // of the model, for sessions that do not say
    bool stops;          // states would not miss the loops to come
};
// Native sparse attention: in[3] holds the logits of three gates a head, indexed by enum
// lte_nsa_branch.
struct lte_nsa_op {
    size_t heads, key_heads, head_dim;
    size_t block;                  // tokens of a block
    size_t top;                    // blocks selected, forced ones among them
    size_t window;                 // tokens a query sees, itself included
};
// DeepSeek sparse attention: in[3] holds the index query of every index head, the token's index key
// and, with LTE_INDEX_RELU, the heads' weights before scaling. LTE_INDEX_DOT: a score is the heads'
// mean.
struct lte_dsa_op {
    size_t heads, key_heads, head_dim;
    size_t index_heads, index_dim;
    size_t top, first, last;       // as in struct lte_indexer
    enum lte_index_rule rule;
};

// |in[0] - in[1]| / sqrt(width) of every row: training alone has it.
struct lte_align_op {
    size_t width;
};

struct lte_op {
    enum lte_op_kind kind;
    lte_value in[LTE_OP_INPUTS]; // LTE_NO_VALUE where unused
    lte_value out;               // may equal in[0]: in place. LTE_OP_LINEAR: see its parts
    uint32_t slot;               // loop * layers + layer if the op carries state
    bool frozen;                 // in training: not run backwards
    union {
        struct lte_embed_op embed;
        struct lte_linear_op linear;
        struct lte_norm_op norm;
        struct lte_short_conv_op short_conv;
        struct lte_delta_gates_op delta_gates;
        struct lte_forget_gates_op forget_gates;
        struct lte_step_gates_op step_gates;
        struct lte_delta_rule_op delta_rule;
        struct lte_diag_rule_op diag_rule;
        struct lte_rope_op rope;
        struct lte_score_op score;
        struct lte_attend_op attend;
        struct lte_split_op split;
        struct lte_sdpa_gate_op sdpa_gate;
        struct lte_loop_gate_op loop_gate;
        struct lte_loop_exit_op loop_exit;
        struct lte_nsa_op nsa;
        struct lte_dsa_op dsa;
        struct lte_align_op align;
    };
};

// Work of one call, by count: what the bench divides by.
struct lte_cost {
    double flops;
    double weight_bytes; // read once for all rows of a call
    double state_bytes;  // read and written, for one sequence
};

struct lte_exec;
struct lte_gradient;

struct lte_op_row {
    const char *name;
    // Columns of `out` that the op writes, or 0 if its inputs do not fit it (a bug in the builder).
    size_t (*width)(const struct lte_op *op, const size_t *in_width);
    // Bytes of state in the op's slot; NULL: none. `grows` is set if they are proportional to
    // params->max_tokens.
    size_t (*state)(const struct lte_op *op, const struct lte_session_params *params, bool *grows);
    // Bytes of scratch for the op as a whole and for each thread; NULL: none.
    void (*scratch)(const struct lte_op *op, const struct lte_session_params *params,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each);
    // State of an empty sequence; NULL: all bytes zero.
    void (*reset)(const struct lte_op *op, const struct lte_session_params *params, void *state);
    // Zeroes what no token before `position` has written, of a state that grows. The memory of one
    // is not touched before it is needed, so that what it was before must not get into a copy.
    void (*blank)(const struct lte_op *op, const struct lte_session_params *params, uint64_t position,
                  void *state);
    void (*compute)(struct lte_exec *exec, const struct lte_op *op);
    // Cost of `rows` tokens of one sequence from `position` on; NULL: not worth counting.
    void (*cost)(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost);
    const struct lte_gradient *gradient; // lib/grad/grad.h; NULL: the op cannot be trained through
};

extern const struct lte_op_row *const lte_op_table[LTE_OPS];

// The reset of an op that writes every entry of its state before it reads it: nothing.
void lte_op_keep_state(const struct lte_op *op, const struct lte_session_params *params, void *state);

// Zeroes entries reached.. of an array [heads][n] of them, and what aligns the array after it.
void lte_op_blank(void *array, size_t heads, size_t n, size_t reached, size_t entry_bytes);

// One row a kind, defined beside its compute function in lib/op/.
extern const struct lte_op_row lte_op_embed, lte_op_rmsnorm, lte_op_linear, lte_op_add, lte_op_swiglu,
    lte_op_silu, lte_op_short_conv, lte_op_l2norm, lte_op_delta_gates, lte_op_delta_rule,
    lte_op_diag_rule, lte_op_gated_norm, lte_op_rope_angles, lte_op_rope, lte_op_lte_score,
    lte_op_attend, lte_op_split, lte_op_sdpa_gate, lte_op_loop_gate, lte_op_loop_exit, lte_op_nsa,
    lte_op_layernorm, lte_op_dsa, lte_op_align;
extern const struct lte_op_row lte_op_forget_gates, lte_op_step_gates;

// Rounds a size up to the alignment of everything in a session's block.
static inline size_t lte_align(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

#endif
