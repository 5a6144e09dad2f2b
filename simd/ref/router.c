// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/router.h.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static void router_conv(float *y, size_t ys, const float *x, size_t xs, size_t n, const float *w,
                        const float *b, size_t in, size_t out, size_t taps, size_t dilation,
                        int act)
{
    for (size_t t = 0; t < n; t++) {
        for (size_t o = 0; o < out; o++) {
            double sum = b[o];
            for (size_t j = 0; j < taps; j++)
                for (size_t c = 0; c < in; c++)
                    sum += (double)w[(j * in + c) * out + o] * x[(t + j * dilation) * xs + c];
            y[t * ys + o] = (float)(act ? sum / (1 + exp(-sum)) : sum);
        }
    }
}

void lte_ref_router(struct lte_kernels *k)
{
    k->router_conv = router_conv;
}
