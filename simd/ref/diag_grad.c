// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the linear step with per-channel decay, one token and one column of the state at a
// time, in double: the definition. The states of a column are recomputed from the chunk's entry.
#include "config.h"

#include <math.h>

#include "simd/install.h"

enum { COLUMNS = LTE_DELTA_COLUMNS, TOKENS = LTE_DIAG_GRAD_TOKENS };

struct column {
    const struct lte_diag_grad_args *a;
    size_t at;                      // which
    double *state;                  // [tokens + 1][key_dim], before each and at the end
    double *grad;                   // [key_dim], of the state
    double *dq, *dk, *dg;           // [tokens][key_dim], over all columns
    double dbeta[TOKENS];           // likewise
    double error[TOKENS];           // v - B^T k, or v
};

static double decay(const struct column *c, size_t t, size_t x)
{
    return exp(c->a->log_decay[t * c->a->decay_stride + x * c->a->decay_step]);
}

static double beta(const struct column *c, size_t t)
{
    return c->a->beta ? c->a->beta[t * c->a->beta_stride] : 1;
}

static void forwards(struct column *c)
{
    const struct lte_diag_grad_args *a = c->a;
    const size_t n = a->key_dim, first = c->at / COLUMNS * COLUMNS * n + c->at % COLUMNS;
    for (size_t x = 0; x < n; x++) {
        c->state[x] = a->state[first + x * COLUMNS];
        c->grad[x] = a->dstate[first + x * COLUMNS];
    }
    for (size_t t = 0; t < a->tokens; t++) {
        const float *k = a->k + t * a->k_stride;
        const double *old = c->state + t * n;
        double *new = c->state + (t + 1) * n, seen = 0;
        for (size_t x = 0; x < n; x++)
            seen += decay(c, t, x) * old[x] * k[x];
        c->error[t] = a->v[t * a->v_stride + c->at] - (a->beta && !a->keep ? seen : 0);
        for (size_t x = 0; x < n; x++)
            new[x] = decay(c, t, x) * old[x] + k[x] * beta(c, t) * c->error[t];
    }
}

static void token_backwards(struct column *c, size_t t)
{
    const struct lte_diag_grad_args *a = c->a;
    const size_t n = a->key_dim;
    const float *q = a->q + t * a->q_stride, *k = a->k + t * a->k_stride;
    const double *old = c->state + t * n, *new = old + n;
    const double dout = a->dout[t * a->dout_stride + c->at];
    double dd = 0;
    for (size_t x = 0; x < n; x++) {
        c->grad[x] += q[x] * dout;
        c->dq[t * n + x] += new[x] * dout;
        dd += c->grad[x] * k[x];
    }
    const double erased = a->beta && !a->keep ? beta(c, t) * dd : 0;
    c->dbeta[t] += dd * c->error[t];
    a->dv[t * a->v_stride + c->at] += (float)(beta(c, t) * dd);
    for (size_t x = 0; x < n; x++) {
        const double decayed = decay(c, t, x) * old[x];
        c->dk[t * n + x] += c->grad[x] * beta(c, t) * c->error[t] - decayed * erased;
        c->grad[x] -= k[x] * erased;
        c->dg[t * n + x] += c->grad[x] * decayed;
        c->grad[x] *= decay(c, t, x);
    }
}

static void add_decays(const struct column *c, size_t t)
{
    const struct lte_diag_grad_args *a = c->a;
    const double *dg = c->dg + t * a->key_dim;
    float *to = a->dlog_decay + t * a->decay_stride;
    double sum = 0;
    for (size_t x = 0; x < a->key_dim; x++) {
        sum += dg[x];
        if (a->decay_step)
            to[x] += (float)dg[x];
    }
    if (!a->decay_step)
        *to += (float)sum;
}

static void add_sums(const struct column *c)
{
    const struct lte_diag_grad_args *a = c->a;
    for (size_t t = 0; t < a->tokens; t++) {
        if (a->dlog_decay)
            add_decays(c, t);
        if (a->beta)
            a->dbeta[t * a->beta_stride] += (float)c->dbeta[t];
        for (size_t x = 0; x < a->key_dim; x++) {
            a->dq[t * a->q_stride + x] += (float)c->dq[t * a->key_dim + x];
            a->dk[t * a->k_stride + x] += (float)c->dk[t * a->key_dim + x];
        }
    }
}

static void diag_grad(const struct lte_diag_grad_args *a)
{
    const size_t rows = a->tokens * a->key_dim;
    struct column c = {.a = a, .dq = (double *)(void *)a->scratch};
    c.dk = c.dq + rows;
    c.dg = c.dk + rows;
    c.state = c.dg + rows;
    c.grad = c.state + rows + a->key_dim;
    for (size_t i = 0; i < 3 * rows; i++)
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

void lte_ref_diag_grad(struct lte_kernels *k)
{
    k->diag_grad = diag_grad;
}
