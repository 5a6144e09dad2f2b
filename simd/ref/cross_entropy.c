// SPDX-License-Identifier: BSD-2-Clause
// Softmax cross-entropy of one row: the definition, in double.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static double cross_entropy(const float *x, size_t n, size_t target, float scale, float *gradient,
                            bool *first_largest)
{
    const double at = x[target];
    double top = at, sum = 0;
    *first_largest = true;
    for (size_t i = 0; i < n; i++) {
        if (i < target ? x[i] >= at : x[i] > at)
            *first_largest = false;
        if (x[i] > top)
            top = x[i];
    }
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - top);
    for (size_t i = 0; gradient && i < n; i++)
        gradient[i] = (float)(scale * (exp(x[i] - top) / sum - (i == target)));
    return log(sum) + (top - at);
}

void lte_ref_cross_entropy(struct lte_kernels *k)
{
    k->cross_entropy = cross_entropy;
}
