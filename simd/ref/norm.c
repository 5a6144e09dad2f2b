// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of one vector: the definition, summed in double.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static double sum_of_squares(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static void rmsnorm(float *y, const float *x, const float *w, size_t n, float eps)
{
    const double scale = 1 / sqrt(sum_of_squares(x, n) / (double)n + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(x[i] * scale * (w ? w[i] : 1));
}

static void l2norm(float *y, const float *x, size_t n, float eps, float scale)
{
    const double sum = sum_of_squares(x, n) + eps;
    const double s = sum == 0 ? 0 : scale / sqrt(sum); // a zero vector with eps 0
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(x[i] * s);
}

static void gated_norm(float *y, const float *x, const float *gate, const float *w, size_t n,
                       float eps)
{
    const double scale = 1 / sqrt(sum_of_squares(x, n) / (double)n + eps);
    for (size_t i = 0; i < n; i++) {
        const double g = gate[i], silu = g == -INFINITY ? -0.0 : g / (1 + exp(-g));
        y[i] = (float)(x[i] * scale * w[i] * silu);
    }
}

void lte_ref_norm(struct lte_kernels *k)
{
    k->rmsnorm = rmsnorm;
    k->l2norm = l2norm;
    k->gated_norm = gated_norm;
}
