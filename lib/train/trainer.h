// SPDX-License-Identifier: BSD-2-Clause
// What a trainer holds.
#ifndef LTE_LIB_TRAIN_TRAINER_H
#define LTE_LIB_TRAIN_TRAINER_H

#include "lib/train/budget.h"
#include "lib/train/index_loss.h"
#include "lib/train/parameters.h"
#include "lib/train/reverse.h"
#include "lte/train.h"

// A small file's bytes, kept to be saved with the model.
struct lte_keepsake {
    unsigned char *bytes; // NULL: none
    size_t size;
};

struct lte_trainer {
    struct lte_context *context;
    struct lte_train_options options;
    struct lte_model *model;          // bound to the parameters; its graph is for inference
    struct lte_graph *graph;          // for training
    struct lte_parameters parameters;
    struct lte_reverse reverse;
    struct lte_budget *budget;        // NULL: no learnable token eviction
    struct lte_index_loss index;
    size_t index_slots;               // layers with an indexer, each as often as it is run
    struct lte_objective *objective;  // NULL: the last loop's loss, or alignment
    struct lte_alignment alignment;
    struct lte_batch batch;           // arrays for one micro-batch
    struct lte_segment *segment;
    struct lte_keepsake config, tokenizer;
    uint64_t step, skipped;           // steps finished; those among them that changed nothing
    uint64_t router_updates;          // of retention scorers, which may have been frozen at first
};

// lib/train/trainer_new.c: everything but the values of the weights. The trainer owns nothing of
// `config` and `tokenizer`, paths of which the latter may be NULL.
enum lte_status lte_trainer_make(struct lte_context *context, const char *config,
                                 const char *tokenizer, const struct lte_train_options *options,
                                 struct lte_trainer **trainer);
// After the weights have been set: what graphs read of them.
void lte_trainer_publish(struct lte_trainer *trainer);

#endif
