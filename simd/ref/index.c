// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/index.h.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static double product(const struct lte_index_args *a, size_t h, size_t c)
{
    double sum = 0;
    for (size_t d = 0; d < a->dim; d++)
        sum += (double)a->q[h * a->q_stride + d] * a->k[c * a->k_stride + d];
    return sum;
}

static void add_softmax(const struct lte_index_args *a, size_t h)
{
    double max = -INFINITY, sum = 0;
    float *s = a->scratch;
    for (size_t c = 0; c < a->keys; c++) {
        s[c] = (float)(a->scale * product(a, h, c));
        max = s[c] > max ? s[c] : max;
    }
    for (size_t c = 0; c < a->keys; c++)
        sum += exp(s[c] - max);
    for (size_t c = 0; c < a->keys; c++)
        a->score[c] += (float)(exp(s[c] - max) / sum);
}

static void index_keys(const struct lte_index_args *a)
{
    for (size_t c = 0; c < a->keys; c++)
        a->score[c] = 0;
    if (a->rule == LTE_INDEX_SOFTMAX) {
        for (size_t h = 0; h < a->heads; h++)
            add_softmax(a, h);
        return;
    }
    for (size_t c = 0; c < a->keys; c++) {
        double sum = 0;
        for (size_t h = 0; h < a->heads; h++) {
            const double x = product(a, h, c);
            sum += a->weight[h] * (a->rule == LTE_INDEX_RELU && x < 0 ? 0 : x);
        }
        a->score[c] = (float)sum;
    }
}

void lte_ref_index(struct lte_kernels *k)
{
    k->index = index_keys;
}
