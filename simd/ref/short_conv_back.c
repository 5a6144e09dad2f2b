// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the short convolution with SiLU: the definition.
#include "config.h"

#include <math.h>

#include "simd/install.h"

// Channel c of input r - (taps-1); before the first there is nothing.
static double input(const float *x, size_t s, size_t r, size_t taps, size_t c)
{
    return r + 1 < taps ? 0 : x[(r + 1 - taps) * s + c];
}

static void short_conv_back(float *dx, float *dw, float *dbias, const float *dy, const float *x,
                            size_t s, const float *w, const float *bias, size_t cs, size_t n, size_t channels, size_t taps)
{
    for (size_t t = 0; t < n; t++) {
        for (size_t c = 0; c < channels; c++) {
            double z = bias ? bias[c] : 0;
            for (size_t j = 0; j < taps; j++)
                z += (double)w[j * cs + c] * input(x, s, t + j, taps, c);
            const double sigmoid = 1 / (1 + exp(-z));
            const double slope = isinf(z) ? z > 0 : sigmoid * (1 + z * (1 - sigmoid));
            const double dz = dy[t * s + c] * slope;
            if (dbias)
                dbias[c] = (float)(dbias[c] + dz);
            for (size_t j = 0; j < taps; j++) {
                if (dw)
                    dw[j * cs + c] = (float)(dw[j * cs + c] + dz * input(x, s, t + j, taps, c));
                if (t + j + 1 >= taps) {
                    float *to = &dx[(t + j + 1 - taps) * s + c];
                    *to = (float)(*to + w[j * cs + c] * dz);
                }
            }
        }
    }
}

void lte_ref_short_conv_back(struct lte_kernels *k)
{
    k->short_conv_back = short_conv_back;
}
