// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/rope.h.
#include "config.h"

#include "simd/install.h"

static void rope(float *y, const float *x, size_t heads, size_t stride, const float *cos,
                 const float *sin, size_t half)
{
    for (size_t h = 0; h < heads; h++, x += stride, y += stride) {
        for (size_t i = 0; i < half; i++) {
            const double a = x[i], b = x[i + half];
            y[i] = (float)(a * cos[i] - b * sin[i]);
            y[i + half] = (float)(b * cos[i] + a * sin[i]);
        }
    }
}

static void rope_pairs(float *y, const float *x, size_t heads, size_t stride, const float *cos,
                       const float *sin, size_t half)
{
    for (size_t h = 0; h < heads; h++, x += stride, y += stride) {
        for (size_t i = 0; i < half; i++) {
            const double a = x[2 * i], b = x[2 * i + 1];
            y[2 * i] = (float)(a * cos[i] - b * sin[i]);
            y[2 * i + 1] = (float)(b * cos[i] + a * sin[i]);
        }
    }
}

void lte_ref_rope(struct lte_kernels *k)
{
    k->rope = rope;
    k->rope_pairs = rope_pairs;
}
