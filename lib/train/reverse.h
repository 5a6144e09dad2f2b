// SPDX-License-Identifier: BSD-2-Clause
// A graph run forwards and backwards over a micro-batch, in memory planned beforehand.
//
// Ops come in spans: the embedding, then each slot's layer, then the head. The head runs in blocks
// of rows, so that no more logits than one block's are ever held. With `recompute`, only what one
// span hands to another survives the forward pass; a span is run again before it is run backwards.
#ifndef LTE_LIB_TRAIN_REVERSE_H
#define LTE_LIB_TRAIN_REVERSE_H

#include "lib/grad/grad.h"
#include "lib/train/loss.h"
#include "lib/train/objective.h"

// Where everything lies, in bytes from the arena's start.
struct lte_reverse_plan {
    size_t *forward, *backward;  // [values]: a value in the forward pass, and in the backward pass
    size_t *gradient;            // [values]
    size_t *forward_saved, *backward_saved; // [ops]
    bool *has_gradient;          // [values]
    size_t *span;                // [spans + 1]: first op of each; span[spans] = graph->head
    size_t spans;
    size_t logits, logits_gradient, block; // offsets; rows of a block of the head
    size_t scratch, scratch_shared, scratch_each;
    size_t total;
};

struct lte_reverse {
    const struct lte_context *context;
    struct lte_tape tape;
    struct lte_reverse_plan plan;
    bool recompute;
    bool *touched;               // [values]: has got a gradient in this pass
    void *arrays;                // of the plan, and of touched
    size_t array_bytes;
    unsigned char *arena;
};

// `graph` was built for training. On failure *reverse is left empty.
// LTE_OK, LTE_ERR_MEMORY, LTE_ERR_UNSUPPORTED (an op without a gradient, named).
enum lte_status lte_reverse_init(struct lte_reverse *reverse, const struct lte_context *context,
                                 const struct lte_graph *graph, const struct lte_tape_limits *limits,
                                 bool recompute);
void lte_reverse_end(struct lte_reverse *reverse); // also of a zeroed one

struct lte_reverse_run {
    const struct lte_batch *batch;
    struct lte_segment *segment; // [batch->segments], filled here
    lte_loss_fn *loss;           // NULL: cross-entropy
    void *loss_opaque;
    struct lte_objective *objective; // instead of `loss`, for a graph with several exits; or NULL
    float scale;                 // of the loss in the gradient
    bool training;               // false: forward and loss only
    struct lte_loss result;      // over all rows
};
// Gradients are added to those of the weights that tape.range knows. The tape's range, budget and
// dropout_key have been set.
void lte_reverse_run(struct lte_reverse *reverse, struct lte_reverse_run *run);

// lib/train/reverse_plan.c
enum lte_status lte_reverse_make_plan(struct lte_reverse *reverse);
size_t lte_reverse_arrays(const struct lte_graph *graph, struct lte_reverse_plan *plan, bool **touched,
                          void *memory);

// For a model that is only looked at: its forward pass over the run's micro-batch, and then the
// logits [rows][vocabulary] of rows from `first` on, at most plan.block of them, after an exit.
// Called inside lte_par_run(), and while another model is being run.
void lte_reverse_follow(struct lte_reverse *reverse, struct lte_par *par,
                        const struct lte_reverse_run *run);
float *lte_reverse_logits(struct lte_reverse *reverse, size_t exit, size_t first, size_t rows);

#endif
