// SPDX-License-Identifier: BSD-2-Clause
// From the retention scorer's logit to the score.
#ifndef LTE_LIB_OP_RETENTION_H
#define LTE_LIB_OP_RETENTION_H

#include <math.h>
#include <stdbool.h>

static inline float lte_retention(float z, bool relu)
{
    if (relu)
        return z > 0 ? z : 0;
    return (float)(0.5 * tanh(0.5 * (double)z)); // sigmoid(z) - 1/2 without cancellation near 0
}

// The derivative, from the score alone: sigmoid (1 - sigmoid) = 1/4 - score^2.
static inline float lte_retention_slope(float score, bool relu)
{
    if (relu)
        return score > 0 ? 1 : 0;
    return 0.25f - score * score;
}

#endif
