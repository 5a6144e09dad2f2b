// SPDX-License-Identifier: BSD-2-Clause
// The learning rate over a run.
#ifndef LTE_LIB_TRAIN_SCHEDULE_H
#define LTE_LIB_TRAIN_SCHEDULE_H

#include "lte/train.h"

// Of step `step`, counted from 0: a rise in equal parts over the warm-up steps, then half a cosine
// from the peak down to final_rate of it, reached at step options->steps and kept from there on. It
// follows all steps, skipped ones included.
double lte_schedule_rate(const struct lte_train_options *options, uint64_t step);

#endif
