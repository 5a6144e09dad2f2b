// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule, one token at a time: the definition. Products are summed in double; the
// state is rounded to float after every token, as it is stored.
#include "config.h"

#include <math.h>

#include "simd/install.h"

enum { COLUMNS = LTE_DELTA_COLUMNS };

static void multiply(double y[COLUMNS], const float *state, const float *x, size_t key_dim)
{
    for (size_t c = 0; c < COLUMNS; c++)
        y[c] = 0;
    for (size_t i = 0; i < key_dim; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            y[c] += (double)x[i] * state[i * COLUMNS + c];
}

static void step(float *state, const struct lte_delta_rule_args *a, size_t t, size_t first,
                 size_t width)
{
    const float *q = a->q + t * a->qk_stride, *k = a->k + t * a->qk_stride;
    const double decay = exp(a->log_decay[t * a->gate_stride]);
    const double beta = a->beta[t * a->gate_stride];
    double product[COLUMNS], delta[COLUMNS] = {0};

    multiply(product, state, k, a->key_dim);
    for (size_t c = 0; c < width; c++)
        delta[c] = beta * (a->v[t * a->v_stride + first + c] - decay * product[c]);
    for (size_t i = 0; i < a->key_dim; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            state[i * COLUMNS + c] = (float)(decay * state[i * COLUMNS + c] + k[i] * delta[c]);
    multiply(product, state, q, a->key_dim);
    for (size_t c = 0; c < width; c++)
        a->o[t * a->o_stride + first + c] = (float)product[c];
}

static void delta_rule(const struct lte_delta_rule_args *a)
{
    for (size_t first = 0; first < a->value_dim; first += COLUMNS) {
        float *state = a->state + first * a->key_dim;
        const size_t left = a->value_dim - first, width = left < COLUMNS ? left : COLUMNS;
        for (size_t t = 0; t < a->tokens; t++)
            step(state, a, t, first, width);
    }
}

void lte_ref_delta_rule(struct lte_kernels *k)
{
    k->delta_rule = delta_rule;
}
