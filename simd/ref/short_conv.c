// SPDX-License-Identifier: BSD-2-Clause
// Causal depthwise short convolution with SiLU: the definition.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static void short_conv(float *y, size_t ys, const float *x, size_t xs, float *tail, const float *w,
                       const float *bias, size_t cs, size_t n, size_t channels, size_t taps)
{
    const size_t held = taps - 1; // row r of the tail followed by x is input r - held
    for (size_t t = 0; t < n; t++) {
        for (size_t c = 0; c < channels; c++) {
            double z = bias ? bias[c] : 0;
            for (size_t j = 0; j < taps; j++) {
                const size_t r = t + j;
                z += (double)w[j * cs + c] * (r < held ? tail[r * cs + c] : x[(r - held) * xs + c]);
            }
            y[t * ys + c] = (float)(z == -INFINITY ? -0.0 : z / (1 + exp(-z)));
        }
    }
    for (size_t r = 0; r < held; r++) // rising, so that no row is overwritten before it is read
        for (size_t c = 0; c < channels; c++)
            tail[r * cs + c] = r + n < held ? tail[(r + n) * cs + c] : x[(r + n - held) * xs + c];
}

void lte_ref_short_conv(struct lte_kernels *k)
{
    k->short_conv = short_conv;
}
