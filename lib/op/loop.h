// SPDX-License-Identifier: BSD-2-Clause
// When a token leaves the loops of a looped model.
#ifndef LTE_LIB_OP_LOOP_H
#define LTE_LIB_OP_LOOP_H

#include <math.h>

#include "lib/session.h"

// Whether the chances of leaving after loops 0..loops-1 add up to the threshold. In fp32, as the
// reference does: a chance that rounds to 1 reaches a threshold of 1.
bool lte_loop_left(const struct lte_kernels *kernels, const float *logit, size_t loops,
                   float threshold);

// That of the session, or else of the model. Where every loop's output counts, no token leaves.
static inline float lte_loop_threshold(const struct lte_session_params *params, float model)
{
    if (params->exit_weighted)
        return INFINITY;
    return params->exit_threshold > 0 ? params->exit_threshold : model;
}

#endif
