// SPDX-License-Identifier: BSD-2-Clause
// AdamW: the definition, in double.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static void adamw(float *w, float *m, float *v, const float *gradient, size_t n,
                  const struct lte_adamw_rates *r)
{
    for (size_t i = 0; i < n; i++) {
        const double g = (double)r->gradient * gradient[i];
        const double first = (double)r->beta1 * m[i] + r->gain1 * g;
        const double second = (double)r->beta2 * v[i] + r->gain2 * g * g;
        m[i] = (float)first;
        v[i] = (float)second;
        w[i] = (float)(w[i] - ((double)r->decay * w[i] +
                               r->rate * first / (sqrt(second) * r->second + r->epsilon)));
    }
}

void lte_ref_adamw(struct lte_kernels *k)
{
    k->adamw = adamw;
}
