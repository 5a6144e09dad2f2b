// SPDX-License-Identifier: BSD-2-Clause
// Checking the options of a training run.
#ifndef LTE_LIB_TRAIN_OPTIONS_H
#define LTE_LIB_TRAIN_OPTIONS_H

#include "lib/context.h"
#include "lte/train.h"

// LTE_OK or LTE_ERR_ARGUMENT, with the option named.
enum lte_status lte_train_options_check(const struct lte_context *context,
                                        const struct lte_train_options *options);

#endif
