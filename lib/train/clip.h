// SPDX-License-Identifier: BSD-2-Clause
// The global norm of a gradient, and clipping by it.
#ifndef LTE_LIB_TRAIN_CLIP_H
#define LTE_LIB_TRAIN_CLIP_H

#include "lib/par.h"
#include "lib/train/parameters.h"

// The L2 norm of the gradients of all parameters that are not frozen, summed in double; NaN or Inf
// if any of them is. Called inside lte_par_run(); the bits do not depend on the number of threads.
double lte_gradient_norm(struct lte_par *par, const struct lte_parameters *parameters);

// What a gradient of this (finite) norm is multiplied by, so that its norm is at most `clip`; clip
// 0: 1.
float lte_clip_factor(double norm, double clip);

#endif
