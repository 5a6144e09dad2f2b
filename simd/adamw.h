// SPDX-License-Identifier: BSD-2-Clause
// One step of AdamW on some weights.
#ifndef LTE_SIMD_ADAMW_H
#define LTE_SIMD_ADAMW_H

#include <stddef.h>

struct lte_adamw_rates {
    float gradient;        // what gradients are multiplied by first
    float beta1, gain1;    // gain = 1 - beta, rounded from the double
    float beta2, gain2;
    float rate, second;    // learning rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
    float epsilon, decay;  // decay: learning rate * weight decay
};

// With g = rates->gradient * gradient[i], for i < n:
//     m = beta1 m + gain1 g;  v = beta2 v + gain2 g^2
//     w = w - (decay w + rate m / (sqrt(v) second + epsilon))
// Arrays do not overlap. Tolerance: 2e-7 relative for m (of |beta1 m| + |gain1 g|) and v, and for
// the step, plus the rounding of w. NaN and Inf propagate.
typedef void lte_adamw_fn(float *w, float *m, float *v, const float *gradient, size_t n,
                          const struct lte_adamw_rates *rates);

#endif
