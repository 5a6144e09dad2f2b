// SPDX-License-Identifier: BSD-2-Clause
// The budget of learnable token eviction: an L1 term on the retention scores, and the controller
// that moves its weights lambda so that about as many tokens are retained as the buffer holds (spec
// 6.6).
//
// A step is: lte_budget_begin_step(); for each micro-batch lte_budget_begin_micro(), forward and
// backward, lte_budget_end_micro(); lte_budget_end_step(). An evaluation between steps is
// lte_budget_begin_micro(), forward, lte_budget_end_micro(), and leaves no trace.
#ifndef LTE_LIB_TRAIN_BUDGET_H
#define LTE_LIB_TRAIN_BUDGET_H

#include "lib/model.h"

struct lte_budget {
    struct lte_budget_config config;
    uint64_t last_step;            // after it retention is settled; 0: never
    bool settle;                   // it also is after `met`
    size_t layers, heads, buffer, margin; // LTE layers, key heads; last `margin` rows of a sequence
                                          // have no final score and are not counted
    size_t slots, loops;
    uint32_t *layer_of_slot;       // [slots]: which LTE layer; UINT32_MAX for others
    // What the ops see.
    bool enabled;                  // false (warm-up): every token is retained
    bool routing_grad, frozen;     // frozen: the routers' weights have no gradient and stay
    bool settled;                  // frozen for good, without L1 term: lambda stays too
    float *lambda;                 // [layers][heads], whatever the sharing
    double scale;                  // of the L1 gradient: 1 / (counted rows * layers * heads) / micros
    // What the backward pass of lte_score (the forward pass of an evaluation) adds up over a
    // micro-batch.
    double *score_sum;             // [layers][heads] sum of max(score, 0) over counted rows
    double *positive;              // [layers][heads] counted rows with score > 0
    // Controller. num_kept is rounded to fp32, as checkpoints hold it.
    double *num_kept;              // [layers][heads] moving average of retained tokens
    double *step_kept;             // [layers][heads] retained tokens of this step, summed over micros
    uint64_t step;                 // the one begun last, counted from 1
    uint64_t met;                  // with `settle`: the step after which every head was below the
                                   // budget for the first time; 0: none yet
    uint32_t micros, micros_done;
    size_t rows, sequences;        // counted rows of this micro-batch, and sequences that have some
    size_t size;                   // of the whole block
};

// The controller of a model's run, as before its first step: lambda 0, everything kept of sequences
// of `longest` rows. `micros`: micro-batches a step. *budget stays NULL if the model has no LTE
// layer. The one allocation. LTE_OK or LTE_ERR_MEMORY.
enum lte_status lte_budget_new(const struct lte_model *model, size_t longest, uint32_t micros,
                               struct lte_budget **budget);
void lte_budget_free(const struct lte_context *context, struct lte_budget *budget); // NULL is allowed

// Sets enabled, routing_grad, frozen and settled for step `step`, counted from 1.
void lte_budget_begin_step(struct lte_budget *budget, uint64_t step);
// Sets scale for sequences of segment[i] rows and clears the sums.
void lte_budget_begin_micro(struct lte_budget *budget, const size_t *segment, size_t segments);
// The L1 term of this micro-batch, not divided by the micro-batches: mean of lambda * max(score,
// 0).
double lte_budget_end_micro(struct lte_budget *budget);
// Moves num_kept and, every update_steps, lambda, from the micro-batches since
// lte_budget_begin_step(). It runs even if the optimizer then skips the step.
void lte_budget_end_step(struct lte_budget *budget);

// l1_lambda and num_kept as a checkpoint holds them. l1_lambda has 1, layers or layers * heads
// elements by config.shared, num_kept layers * heads. After import, go on with the next step.
size_t lte_budget_lambdas(const struct lte_budget *budget);
void lte_budget_export(const struct lte_budget *budget, float *l1_lambda, float *num_kept);
void lte_budget_import(struct lte_budget *budget, const float *l1_lambda, const float *num_kept);

#endif
