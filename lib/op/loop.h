// SPDX-License-Identifier: BSD-2-Clause
// When a token leaves the loops of a looped model.
#ifndef LTE_LIB_OP_LOOP_H
#define LTE_LIB_OP_LOOP_H

#include "lib/session.h"

// Whether the chances of leaving after loops 0..loops-1 add up to the threshold. In fp32, as the
// reference does: a chance that rounds to 1 reaches a threshold of 1.
bool lte_loop_left(const struct lte_kernels *kernels, const float *logit, size_t loops,
                   float threshold);

// That of the session, or else of the model.
static inline float lte_loop_threshold(const struct lte_session_params *params, float model)
{
    return params->exit_threshold > 0 ? params->exit_threshold : model;
}

#endif
