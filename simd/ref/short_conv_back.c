// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the short convolution with SiLU: the definition.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static void short_conv_back(float *dx, float *dw, const float *dy, const float *x, size_t s,
                            const float *w, size_t cs, size_t n, size_t channels, size_t taps)
{
    for (size_t t = 0; t < n; t++) {
        const size_t missing = t + 1 < taps ? taps - 1 - t : 0; // taps that meet the empty history
        for (size_t c = 0; c < channels; c++) {
            double z = 0;
            for (size_t j = missing; j < taps; j++)
                z += (double)w[j * cs + c] * x[(t + j + 1 - taps) * s + c];
            const double sigmoid = 1 / (1 + exp(-z));
            const double slope = isinf(z) ? z > 0 : sigmoid * (1 + z * (1 - sigmoid));
            const double dz = dy[t * s + c] * slope;
            for (size_t j = missing; j < taps; j++) {
                const size_t at = (t + j + 1 - taps) * s + c;
                dx[at] = (float)(dx[at] + w[j * cs + c] * dz);
                if (dw)
                    dw[j * cs + c] = (float)(dw[j * cs + c] + dz * x[at]);
            }
        }
    }
}

void lte_ref_short_conv_back(struct lte_kernels *k)
{
    k->short_conv_back = short_conv_back;
}
