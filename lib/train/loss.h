// SPDX-License-Identifier: BSD-2-Clause
// Cross-entropy over a block of rows of logits.
#ifndef LTE_LIB_TRAIN_LOSS_H
#define LTE_LIB_TRAIN_LOSS_H

#include "lib/par.h"
#include "lte/train.h"

struct lte_loss_block {
    const float *logits;     // [rows][vocabulary]
    const uint32_t *target;  // [rows]: below vocabulary, or LTE_IGNORE
    size_t rows, vocabulary;
};

struct lte_loss {
    double sum;              // of the losses of rows that count, in nats
    size_t counted;          // rows whose target is not LTE_IGNORE
    size_t right;            // of those, the ones whose target is the first of the largest logits
};

// The loss of a block, and `scale` times its derivative to `gradient` [rows][vocabulary], which may
// be the logits themselves, or NULL. Called inside lte_par_run(); the bits do not depend on the
// number of threads. A NaN among logits gives a NaN sum and gradient.
struct lte_loss lte_cross_entropy(struct lte_par *par, const struct lte_kernels *kernels,
                                  const struct lte_loss_block *block, float scale, float *gradient);

// `counted` and `right` alone, for a loss that is the caller's own; sum is 0.
struct lte_loss lte_count_right(struct lte_par *par, const struct lte_loss_block *block);

// Cross-entropy in the form of a caller's loss (lte_loss_fn), on the calling thread alone;
// `kernels` is a const struct lte_kernels *.
double lte_cross_entropy_loss(void *kernels, const float *logits, const uint32_t *target, size_t rows,
                              size_t vocabulary, float scale, float *gradient);

#endif
