// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/router_grad.h.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static void router_weight_grad(float *dw, float *db, const float *x, size_t xs, const float *dz,
                               size_t zs, size_t n, size_t in, size_t out, size_t taps,
                               size_t dilation, size_t left)
{
    const size_t span = (taps - 1) * dilation;
    for (size_t o = 0; o < out; o++) {
        for (size_t j = 0; j < taps; j++) {
            for (size_t c = 0; c < in; c++) {
                double sum = dw[(j * in + c) * out + o];
                for (size_t t = 0; t < n; t++)
                    sum += (double)x[t * xs + c] * dz[(t + span - j * dilation) * zs + o];
                dw[(j * in + c) * out + o] = (float)sum;
            }
        }
        double sum = db[o];
        for (size_t t = 0; t < n; t++)
            sum += dz[(t + span - left) * zs + o];
        db[o] = (float)sum;
    }
}

static void silu_slope(float *y, float *slope, const float *z, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double s = 1 / (1 + exp(-(double)z[i]));
        y[i] = (float)(z[i] * s);
        slope[i] = (float)(s + z[i] * s * (1 - s));
    }
}

void lte_ref_router_grad(struct lte_kernels *k)
{
    k->router_weight_grad = router_weight_grad;
    k->silu_slope = silu_slope;
}
