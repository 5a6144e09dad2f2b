// SPDX-License-Identifier: BSD-2-Clause
// The budget of learnable token eviction: an L1 term on the retention scores, and the controller that
// moves its weights lambda so that about as many tokens are retained as the buffer holds (spec 6.6).
#ifndef LTE_LIB_TRAIN_BUDGET_H
#define LTE_LIB_TRAIN_BUDGET_H

#include "lib/model.h"

// The keys of a config's "attn" that training alone reads; lib/arch/eviction.c fills it.
struct lte_budget_config {
    float dropout;                 // before every convolution of the router
    bool routing_grad;             // the router's input gradient flows on into k and v
    uint32_t freeze_steps, warmup_steps, initial_steps, update_steps;
    double lambda_init, lambda_min, lambda_max, alpha, alpha_neg, tolerate[2];
    enum { LTE_LAMBDA_ALL, LTE_LAMBDA_LAYER, LTE_LAMBDA_HEAD } shared;
};

struct lte_budget {
    struct lte_budget_config config;
    size_t layers, heads, buffer, margin; // LTE layers, key heads; last `margin` rows of a sequence
                                          // have no final score and are not counted
    uint32_t *layer_of_slot;       // [slots]: which LTE layer; UINT32_MAX for others
    // What the ops see.
    bool enabled;                  // false (warm-up): every token is retained
    bool routing_grad, frozen;
    float *lambda;                 // [layers][heads], whatever the sharing
    double scale;                  // of the L1 gradient: 1 / (counted rows * layers * heads) / micros
    // What the backward pass of lte_score adds up over one micro-batch.
    double *score_sum;             // [layers][heads] sum of max(score, 0) over counted rows
    double *positive;              // [layers][heads] counted rows with score > 0
    // Controller.
    double *num_kept;              // [layers][heads] moving average of retained tokens
};

#endif
