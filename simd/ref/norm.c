// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of vectors: the definition, summed in double.
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

static double over_root(double scale, double square)
{
    return square == 0 ? 0 : scale / sqrt(square); // a zero vector with eps 0
}

static void rmsnorm(float *y, size_t ys, const float *x, size_t xs, const float *w, size_t ws,
                    size_t rows, size_t n, float eps)
{
    for (size_t r = 0; r < rows; r++) {
        const double scale = over_root(1, sum_of_squares(x + r * xs, n) / (double)n + eps);
        for (size_t i = 0; i < n; i++)
            y[r * ys + i] = (float)(x[r * xs + i] * scale * (w ? w[r * ws + i] : 1));
    }
}

static void l2norm(float *y, size_t ys, const float *x, size_t xs, size_t rows, size_t n, float eps,
                   float scale)
{
    for (size_t r = 0; r < rows; r++) {
        const double s = over_root(scale, sum_of_squares(x + r * xs, n) + eps);
        for (size_t i = 0; i < n; i++)
            y[r * ys + i] = (float)(x[r * xs + i] * s);
    }
}

static void gated_norm(float *y, size_t ys, const float *x, size_t xs, const float *gate, size_t gs,
                       const float *w, size_t ws, size_t rows, size_t n, float eps)
{
    for (size_t r = 0; r < rows; r++) {
        const double scale = over_root(1, sum_of_squares(x + r * xs, n) / (double)n + eps);
        for (size_t i = 0; i < n; i++) {
            const double g = gate[r * gs + i], silu = g == -INFINITY ? -0.0 : g / (1 + exp(-g));
            y[r * ys + i] = (float)(x[r * xs + i] * scale * w[r * ws + i] * silu);
        }
    }
}

void lte_ref_norm(struct lte_kernels *k)
{
    k->rmsnorm = rmsnorm;
    k->l2norm = l2norm;
    k->gated_norm = gated_norm;
}
