// SPDX-License-Identifier: BSD-2-Clause
// The chunkwise form of the gated delta rule, by its formulas, in double.
#include "config.h"

#include <math.h>

#include "simd/delta_chunk.h"

enum { COLUMNS = LTE_DELTA_COLUMNS, CHUNK = 64 };

struct chunk {
    size_t n;
    double enter[CHUNK], leave[CHUNK];         // e^{G_i}, e^{G_n-G_i}
    double kk[CHUNK][CHUNK], qk[CHUNK][CHUNK]; // lower triangles, with their decays
};

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

static double column_dot(const float *state, const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * state[i * COLUMNS];
    return sum;
}

// e^{sum of the log decays of tokens from .. to}: summed, so that -Inf never meets another.
static double decay(const struct lte_delta_rule_args *a, size_t from, size_t to)
{
    double sum = 0;
    for (size_t t = from; t <= to; t++)
        sum += a->log_decay[t * a->gate_stride];
    return exp(sum);
}

static void couple(struct chunk *c, const struct lte_delta_rule_args *a, size_t at)
{
    for (size_t i = 0; i < c->n; i++) {
        const float *k = a->k + (at + i) * a->qk_stride, *q = a->q + (at + i) * a->qk_stride;
        c->enter[i] = decay(a, at, at + i);
        c->leave[i] = decay(a, at + i + 1, at + c->n - 1);
        for (size_t j = 0; j <= i; j++) {
            const float *kj = a->k + (at + j) * a->qk_stride;
            const double g = decay(a, at + j + 1, at + i);
            c->kk[i][j] = g * dot(k, kj, a->key_dim);
            c->qk[i][j] = g * dot(q, kj, a->key_dim);
        }
    }
}

static void run_column(float *state, const struct chunk *c, const struct lte_delta_rule_args *a,
                       size_t at, size_t column)
{
    double d[CHUNK];
    for (size_t i = 0; i < c->n; i++) {
        const size_t t = at + i;
        const float *k = a->k + t * a->qk_stride, *q = a->q + t * a->qk_stride;
        double e = a->v[t * a->v_stride + column] - c->enter[i] * column_dot(state, k, a->key_dim);
        double o = c->enter[i] * column_dot(state, q, a->key_dim);
        for (size_t j = 0; j < i; j++) {
            e -= c->kk[i][j] * d[j];
            o += c->qk[i][j] * d[j];
        }
        d[i] = a->beta[t * a->gate_stride] * e;
        a->o[t * a->o_stride + column] = (float)(o + c->qk[i][i] * d[i]);
    }
    for (size_t x = 0; x < a->key_dim; x++) {
        double s = c->enter[c->n - 1] * state[x * COLUMNS];
        for (size_t i = 0; i < c->n; i++)
            s += c->leave[i] * a->k[(at + i) * a->qk_stride + x] * d[i];
        state[x * COLUMNS] = (float)s;
    }
}

void lte_ref_delta_chunk(const struct lte_delta_rule_args *a)
{
    for (size_t at = 0; at < a->tokens; at += CHUNK) {
        struct chunk c = {.n = a->tokens - at < CHUNK ? a->tokens - at : CHUNK};
        couple(&c, a, at);
        for (size_t column = 0; column < a->value_dim; column++)
            run_column(a->state + column / COLUMNS * COLUMNS * a->key_dim + column % COLUMNS, &c, a,
                       at, column);
    }
}
