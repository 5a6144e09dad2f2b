// SPDX-License-Identifier: BSD-2-Clause
// The loss from which the indexers of DeepSeek sparse attention learn, and nothing else: how far
// their softmax over the tokens of a query is from where its attention goes.
#ifndef LTE_LIB_TRAIN_INDEX_LOSS_H
#define LTE_LIB_TRAIN_INDEX_LOSS_H

#include <stdbool.h>
#include <stddef.h>

struct lte_index_loss {
    bool dense;   // attention sees every token before it, and the loss is about all of them
    float scale;  // of the gradient: weight / (rows * slots) / micro-batches; 0: none is wanted
    double sum;   // over rows and slots, of this micro-batch: what the backward passes add (those
                  // of the forward passes in an evaluation)
};

#endif
