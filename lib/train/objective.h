// SPDX-License-Identifier: BSD-2-Clause
// A loss that looks at more than the last loop's logits: at those of every loop, at the gate of
// leaving, or at another model.
#ifndef LTE_LIB_TRAIN_OBJECTIVE_H
#define LTE_LIB_TRAIN_OBJECTIVE_H

#include "lib/grad/grad.h"
#include "lib/train/loss.h"

struct lte_reverse_run;

// All are called inside lte_par_run() and give the same bits for any number of threads. Any but
// loss may be NULL.
struct lte_objective {
    // Before the forward pass over a micro-batch.
    void (*begin)(struct lte_objective *objective, struct lte_par *par,
                  const struct lte_reverse_run *run);
    // Whether the logits of an exit are wanted; NULL: of all.
    bool (*wants)(const struct lte_objective *objective, size_t exit);
    // Of each block of rows, exec.first and so on: before its first exit, with the logits of the
    // gate there; every exit's logits; after the last, when it adds to the gradient of the gate's
    // logits and returns what it adds to the loss.
    void (*begin_block)(struct lte_objective *objective, struct lte_tape *tape);
    struct lte_loss (*loss)(struct lte_objective *objective, struct lte_tape *tape, size_t exit,
                            const struct lte_loss_block *block, float *gradient);
    double (*end_block)(struct lte_objective *objective, struct lte_tape *tape,
                        const struct lte_loss_block *block);
    float scale;   // of a row's loss in the gradient, set by the trainer
};

#endif
