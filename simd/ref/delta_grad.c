// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the gated delta rule, one token and one column of the state at a time, in double: the
// definition. The states of a column are recomputed from the chunk's entry.
#include "config.h"

#include <math.h>

#include "simd/install.h"

enum { COLUMNS = LTE_DELTA_COLUMNS };

struct column {
    const struct lte_delta_grad_args *a;
    size_t at;                                 // which
    double *state;                             // [tokens + 1][key_dim], before each and at the end
    double *grad;                              // [key_dim], of the state
    double *dq, *dk;                           // [tokens][key_dim], over all columns
    double dg[LTE_DELTA_GRAD_TOKENS], dbeta[LTE_DELTA_GRAD_TOKENS]; // likewise
    double error[LTE_DELTA_GRAD_TOKENS];       // v - a S^T k
};

static double decay(const struct column *c, size_t t)
{
    return exp(c->a->log_decay[t * c->a->gate_stride]);
}

static void forwards(struct column *c)
{
    const struct lte_delta_grad_args *a = c->a;
    const size_t n = a->key_dim, first = c->at / COLUMNS * COLUMNS * n + c->at % COLUMNS;
    for (size_t x = 0; x < n; x++) {
        c->state[x] = a->state[first + x * COLUMNS];
        c->grad[x] = a->dstate[first + x * COLUMNS];
    }
    for (size_t t = 0; t < a->tokens; t++) {
        const float *k = a->k + t * a->qk_stride;
        const double *old = c->state + t * n;
        double *new = c->state + (t + 1) * n, seen = 0;
        for (size_t x = 0; x < n; x++)
            seen += old[x] * k[x];
        c->error[t] = a->v[t * a->v_stride + c->at] - decay(c, t) * seen;
        for (size_t x = 0; x < n; x++)
            new[x] = decay(c, t) * old[x] + k[x] * a->beta[t * a->gate_stride] * c->error[t];
    }
}

static void token_backwards(struct column *c, size_t t)
{
    const struct lte_delta_grad_args *a = c->a;
    const size_t n = a->key_dim;
    const float *q = a->q + t * a->qk_stride, *k = a->k + t * a->qk_stride;
    const double *old = c->state + t * n, *new = old + n;
    const double dout = a->dout[t * a->dout_stride + c->at], beta = a->beta[t * a->gate_stride];
    double dd = 0;
    for (size_t x = 0; x < n; x++) {
        c->grad[x] += q[x] * dout;
        c->dq[t * n + x] += new[x] * dout;
        dd += c->grad[x] * k[x];
    }
    c->dbeta[t] += dd * c->error[t];
    a->dv[t * a->v_stride + c->at] += (float)(beta * dd);
    for (size_t x = 0; x < n; x++) {
        const double decayed = decay(c, t) * old[x];
        c->dk[t * n + x] += c->grad[x] * beta * c->error[t] - decayed * beta * dd;
        c->grad[x] -= k[x] * beta * dd;
        c->dg[t] += c->grad[x] * decayed;
        c->grad[x] *= decay(c, t);
    }
}

static void add_sums(const struct column *c)
{
    const struct lte_delta_grad_args *a = c->a;
    for (size_t t = 0; t < a->tokens; t++) {
        a->dlog_decay[t * a->gate_stride] += (float)c->dg[t];
        a->dbeta[t * a->gate_stride] += (float)c->dbeta[t];
        for (size_t x = 0; x < a->key_dim; x++) {
            a->dq[t * a->qk_stride + x] += (float)c->dq[t * a->key_dim + x];
            a->dk[t * a->qk_stride + x] += (float)c->dk[t * a->key_dim + x];
        }
    }
}

static void delta_grad(const struct lte_delta_grad_args *a)
{
    const size_t rows = a->tokens * a->key_dim;
    struct column c = {.a = a, .dq = (double *)(void *)a->scratch};
    c.dk = c.dq + rows;
    c.state = c.dk + rows;
    c.grad = c.state + rows + a->key_dim;
    for (size_t i = 0; i < 2 * rows; i++)
        c.dq[i] = 0;
    for (c.at = 0; c.at < a->value_dim; c.at++) {
        forwards(&c);
        for (size_t t = a->tokens; t-- > 0;)
            token_backwards(&c, t);
        float *dstate = a->dstate + c.at / COLUMNS * COLUMNS * a->key_dim + c.at % COLUMNS;
        for (size_t x = 0; x < a->key_dim; x++)
            dstate[x * COLUMNS] = (float)c.grad[x];
    }
    add_sums(&c);
}

void lte_ref_delta_grad(struct lte_kernels *k)
{
    k->delta_grad = delta_grad;
}
