// SPDX-License-Identifier: BSD-2-Clause
// The linear step with per-channel decay, one token at a time: the definition. Products are summed
// in double; the state is rounded to float after every token, as it is stored.
#include "config.h"

#include <math.h>

#include "simd/install.h"

enum { COLUMNS = LTE_DELTA_COLUMNS };

static double decay(const struct lte_diag_rule_args *a, size_t t, size_t i)
{
    return exp(a->log_decay[t * a->decay_stride + i * a->decay_step]);
}

// What the decayed state says to the key.
static void predict(double y[COLUMNS], const struct lte_diag_rule_args *a, const float *state,
                    size_t t)
{
    for (size_t c = 0; c < COLUMNS; c++)
        y[c] = 0;
    for (size_t i = 0; i < a->key_dim; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            y[c] += decay(a, t, i) * a->k[t * a->k_stride + i] * state[i * COLUMNS + c];
}

static void step(float *state, const struct lte_diag_rule_args *a, size_t t, size_t first,
                 size_t width)
{
    double seen[COLUMNS], delta[COLUMNS] = {0}, out[COLUMNS] = {0};
    predict(seen, a, state, t);
    for (size_t c = 0; c < width; c++) {
        delta[c] = a->v[t * a->v_stride + first + c];
        if (a->beta)
            delta[c] = a->beta[t * a->beta_stride] * (delta[c] - (a->keep ? 0 : seen[c]));
    }
    for (size_t i = 0; i < a->key_dim; i++)
        for (size_t c = 0; c < COLUMNS; c++) {
            float *s = &state[i * COLUMNS + c];
            *s = (float)(decay(a, t, i) * *s + a->k[t * a->k_stride + i] * delta[c]);
            out[c] += (double)a->q[t * a->q_stride + i] * *s;
        }
    for (size_t c = 0; c < width; c++)
        a->o[t * a->o_stride + first + c] = (float)out[c];
}

static void diag_rule(const struct lte_diag_rule_args *a)
{
    for (size_t first = 0; first < a->value_dim; first += COLUMNS) {
        float *state = a->state + first * a->key_dim;
        const size_t left = a->value_dim - first, width = left < COLUMNS ? left : COLUMNS;
        for (size_t t = 0; t < a->tokens; t++)
            step(state, a, t, first, width);
    }
}

void lte_ref_diag_rule(struct lte_kernels *k)
{
    k->diag_rule = diag_rule;
}
