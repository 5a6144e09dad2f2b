// SPDX-License-Identifier: BSD-2-Clause
// What an op does in training: its forward over whole sequences and its gradient. One row a kind,
// in lib/grad/<op>.c, reached from the op table.
//
// A tape (lib/train/reverse.h) runs the graph forwards over a micro-batch of independent sequences
// (exec.segment, every one at position 0 with an empty state) and backwards over the same rows. All
// values of a layer are there when its ops run backwards; none was overwritten.
#ifndef LTE_LIB_GRAD_H
#define LTE_LIB_GRAD_H

#include "lib/exec.h"

struct lte_budget;
struct lte_index_loss;

// What the ops that align a layer with another add up, and the weight of their losses.
struct lte_alignment {
    float scale;                       // of the sum of all rows' losses in the gradient
    double sum;                        // of the losses; by the backward pass, in an evaluation the forward
};

// The largest micro-batch a tape is planned for.
struct lte_tape_limits {
    size_t rows, segments;
};

// Where the gradient of a piece of weights lies.
struct lte_weight_range {
    const unsigned char *from;         // as ops hold them: a matrix, or a prepared weight
    size_t bytes, element;             // bytes in all and of an element
    float *gradient;                   // NULL: frozen
};

struct lte_tape {
    struct lte_exec exec;              // exec.memory: the values as this pass sees them
    struct lte_tape_limits limits;
    unsigned char *gradients;          // base of the gradients of values
    const size_t *gradient_offset;     // [graph->values]
    float *logits_gradient;            // of the block of rows in exec.logits
    unsigned char *saved;              // base of what ops keep from forward to backward
    const size_t *saved_offset;        // [graph->ops]
    const struct lte_weight_range *range; // [ranges], by rising `from`
    size_t ranges;
    struct lte_budget *budget;         // learnable token eviction; NULL: the graph has none
    struct lte_index_loss *index;      // lib/train/index_loss.h; NULL: indexers do not learn
    struct lte_alignment *alignment;   // NULL: the graph aligns nothing
    uint64_t dropout_key;              // of this micro-batch; lib/random.h
    bool training;                     // false: an evaluation; no dropout, no gradients
};

enum {
    LTE_READS_OUT = 1 << LTE_OP_INPUTS // bit i stands for in[i]
};

struct lte_gradient {
    // Values whose contents backward reads: bit i: in[i]; LTE_READS_OUT: out (of linear: none).
    unsigned reads;
    // Inputs that have a gradient: bit i: in[i]. Backward adds to just these.
    unsigned gives;
    // Bytes kept from forward to backward; NULL: none.
    size_t (*saved)(const struct lte_op *op, const struct lte_tape_limits *limits);
    // Scratch of forward and backward, as in struct lte_op_row; NULL: none.
    void (*scratch)(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each);
    // The op over whole sequences, each from an empty state. NULL: the row's compute, for ops that
    // look at one row at a time.
    void (*forward)(struct lte_tape *tape, const struct lte_op *op);
    // Adds to the gradients of inputs and weights, from that of the output. Results must not depend
    // on the number of threads: sums over rows go by blocks of a fixed size, added up in order.
    void (*backward)(struct lte_tape *tape, const struct lte_op *op);
};

// Row exec.first of the gradient of a value, shaped as the value.
float *lte_tape_gradient(const struct lte_tape *tape, lte_value value);
// The gradient that belongs to a weight: `weight` is what the op holds (a pointer into a matrix or
// a prepared weight), the answer is fp32 in the same shape. NULL: the weight is frozen, or this is
// an evaluation.
float *lte_tape_weight_gradient(const struct lte_tape *tape, const void *weight);
void *lte_tape_saved(const struct lte_tape *tape, const struct lte_op *op);

extern const struct lte_gradient lte_grad_embed, lte_grad_rmsnorm, lte_grad_linear, lte_grad_add,
    lte_grad_swiglu, lte_grad_silu, lte_grad_short_conv, lte_grad_l2norm, lte_grad_delta_gates,
    lte_grad_delta_rule, lte_grad_diag_rule, lte_grad_gated_norm, lte_grad_rope_angles, lte_grad_rope,
    lte_grad_lte_score, lte_grad_attend, lte_grad_nsa, lte_grad_split, lte_grad_sdpa_gate,
    lte_grad_loop_gate, lte_grad_layernorm, lte_grad_dsa, lte_grad_align;
extern const struct lte_gradient lte_grad_forget_gates, lte_grad_step_gates;

#endif
