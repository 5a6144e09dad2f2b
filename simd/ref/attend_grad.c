// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/attend_grad.h.
#include "config.h"

#include <math.h>

#include "simd/install.h"

enum { KEYS = LTE_ATTEND_GRAD_KEYS };

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static size_t row_of(const struct lte_attend_grad_args *a, size_t s)
{
    return a->at ? a->at[s] : s;
}

// p and f of every pair of one head, 0 where the key is hidden; and dgate.
static void weights(const struct lte_attend_grad_args *a, size_t g, double *p, double *f)
{
    const size_t dim = a->head_dim;
    for (size_t s = 0; s < a->keys; s++) {
        const size_t key = row_of(a, s) * a->k_stride;
        double gate = 0;
        for (size_t r = 0; r < a->count; r++) {
            const size_t i = a->first + r, at = i * a->q_stride + g * dim, to = r * KEYS + s;
            p[to] = f[to] = 0;
            if (i < a->from[s] || i >= a->until[s])
                continue;
            p[to] = exp(a->scale * dot(a->q + at, a->k + key, dim) - a->lse[i * a->lse_stride + g]);
            const double dp = dot(a->d_o + at, a->v + key, dim);
            f[to] = a->scale * p[to] * (dp - dot(a->d_o + at, a->o + at, dim));
            gate += p[to] * dp;
        }
        if (a->dgate)
            a->dgate[row_of(a, s) * a->gate_stride] += (float)gate;
    }
}

static void add_to_keys(const struct lte_attend_grad_args *a, size_t g, const double *p,
                        const double *f)
{
    for (size_t s = 0; s < a->keys; s++) {
        for (size_t d = 0; d < a->head_dim; d++) {
            double dk = 0, dv = 0;
            for (size_t r = 0; r < a->count; r++) {
                const size_t at = (a->first + r) * a->q_stride + g * a->head_dim + d;
                dk += f[r * KEYS + s] * a->q[at];
                dv += p[r * KEYS + s] * a->d_o[at];
            }
            a->dk[row_of(a, s) * a->k_stride + d] += (float)dk;
            a->dv[row_of(a, s) * a->k_stride + d] += (float)dv;
        }
    }
}

static void add_to_queries(const struct lte_attend_grad_args *a, size_t g, const double *f)
{
    for (size_t r = 0; r < a->count; r++) {
        for (size_t d = 0; d < a->head_dim; d++) {
            double dq = 0;
            for (size_t s = 0; s < a->keys; s++)
                dq += f[r * KEYS + s] * a->k[row_of(a, s) * a->k_stride + d];
            a->dq[(a->first + r) * a->q_stride + g * a->head_dim + d] += (float)dq;
        }
    }
}

static void attend_grad(const struct lte_attend_grad_args *a)
{
    double *p = (double *)(void *)a->scratch, *f = p + LTE_ATTEND_GRAD_QUERIES * KEYS;
    for (size_t g = 0; g < a->group; g++) {
        weights(a, g, p, f);
        add_to_keys(a, g, p, f);
        add_to_queries(a, g, f);
    }
}

void lte_ref_attend_grad(struct lte_kernels *k)
{
    k->attend_grad = attend_grad;
}
