// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the gated delta rule over segments: by central differences, by the recurrent form in
// double, and the sums over value heads that share a key head.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static const struct lte_delta_rule_op *shape(const struct grad_case *c)
{
    return &c->op.delta_rule;
}

static void unit_vectors(float *x, size_t stride, size_t rows, size_t vectors, size_t width)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < vectors; h++) {
            float *v = x + r * stride + h * width;
            double square = 0;
            for (size_t i = 0; i < width; i++)
                square += (double)v[i] * v[i];
            for (size_t i = 0; i < width; i++)
                v[i] = (float)(v[i] / sqrt(square + 1e-6));
        }
}

// k before v before q: the op must go by its columns.
static struct grad_case make(struct lte_context *context, struct lte_delta_rule_op d,
                             const size_t *segment, size_t segments, float log_decay)
{
    const size_t keys = d.heads * d.key_dim, values = d.value_heads * d.value_dim;
    d.k_column = 0;
    d.v_column = keys;
    d.q_column = keys + values;
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_DELTA_RULE,
                                 .in = {0, 1, LTE_NO_VALUE, LTE_NO_VALUE},
                                 .out = 2, .delta_rule = d},
                          .inputs = 2, .outputs = 1, .segment = segment, .segments = segments,
                          .width = {2 * keys + values, 2 * d.value_heads, values}};
    const size_t rows = grad_rows(&c);
    c.in[0] = grad_normal(rows * c.width[0], 1);
    unit_vectors(c.in[0] + d.k_column, c.width[0], rows, d.heads, d.key_dim);
    unit_vectors(c.in[0] + d.q_column, c.width[0], rows, d.heads, d.key_dim);
    c.in[1] = grad_normal(rows * c.width[1], 1);
    for (size_t i = 0; i < rows * c.width[1]; i++)
        c.in[1][i] = i % c.width[1] < d.value_heads ? log_decay * check_uniform(0, 1)
                                                    : check_uniform(0, 1);
    c.out_gradient[0] = grad_normal(rows * values, 1);
    return c;
}

static void drop(struct grad_case *c)
{
    free(c->in[0]);
    free(c->in[1]);
    free(c->out_gradient[0]);
    grad_free(c);
}

// ---- the op in double, one value head of one segment at a time ----

struct head {
    const struct lte_delta_rule_op *d;
    size_t row, rows, width, gates, key_head, value_head;
    double *qkv, *gate, *out; // of row 0
};

static const double *q_of(const struct head *h, size_t t)
{
    return h->qkv + (h->row + t) * h->width + h->d->q_column + h->key_head * h->d->key_dim;
}

static const double *k_of(const struct head *h, size_t t)
{
    return h->qkv + (h->row + t) * h->width + h->d->k_column + h->key_head * h->d->key_dim;
}

static size_t v_at(const struct head *h, size_t t)
{
    return (h->row + t) * h->width + h->d->v_column + h->value_head * h->d->value_dim;
}

static size_t out_at(const struct head *h, size_t t)
{
    return ((h->row + t) * h->d->value_heads + h->value_head) * h->d->value_dim;
}

static size_t gate_at(const struct head *h, size_t t)
{
    return (h->row + t) * h->gates + h->value_head;
}

// Column c of the state after token t from that before, [key_dim]; returns the error e.
static double step(const struct head *h, size_t t, size_t c, const double *old, double *new)
{
    const double decay = exp(h->gate[gate_at(h, t)]);
    const double beta = h->gate[gate_at(h, t) + h->d->value_heads];
    double e = h->qkv[v_at(h, t) + c], o = 0;
    for (size_t x = 0; x < h->d->key_dim; x++)
        e -= decay * old[x] * k_of(h, t)[x];
    for (size_t x = 0; x < h->d->key_dim; x++) {
        new[x] = decay * old[x] + beta * e * k_of(h, t)[x];
        o += new[x] * q_of(h, t)[x];
    }
    h->out[out_at(h, t) + c] = o;
    return e;
}

static struct head first_head(const struct grad_case *c, double *const *in, double *out)
{
    return (struct head){.d = shape(c), .width = c->width[0], .gates = c->width[1], .qkv = in[0],
                         .gate = in[1], .out = out};
}

static void each_head(const struct grad_case *c, struct head h,
                      void (*fn)(const struct head *h, void *arg), void *arg)
{
    for (size_t s = 0; s < c->segments; h.row += c->segment[s++]) {
        h.rows = c->segment[s];
        for (h.value_head = 0; h.value_head < h.d->value_heads; h.value_head++) {
            h.key_head = h.value_head / (h.d->value_heads / h.d->heads);
            fn(&h, arg);
        }
    }
}

static void forward_head(const struct head *h, void *arg)
{
    double *state = arg;
    for (size_t c = 0; c < h->d->value_dim; c++) {
        for (size_t x = 0; x < h->d->key_dim; x++)
            state[x] = 0;
        for (size_t t = 0; t < h->rows; t++)
            step(h, t, c, state, state);
    }
}

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    double state[256];
    (void)weight;
    each_head(c, first_head(c, in, out[0]), forward_head, state);
}

// ---- backwards, recurrent, over whole segments ----

struct recurrent {
    const float *dout;
    double *dqkv, *dgate, *state, *error; // [rows + 1][key_dim], [rows]
};

static void token_back(const struct head *h, const struct recurrent *r, size_t t, size_t c,
                       double *grad)
{
    const size_t n = h->d->key_dim, gate = gate_at(h, t), beta_at = gate + h->d->value_heads;
    const double *q = q_of(h, t), *k = k_of(h, t), *old = r->state + t * n, *new = old + n;
    double *dq = r->dqkv + (q - h->qkv), *dk = r->dqkv + (k - h->qkv), dd = 0;
    const double dout = r->dout[out_at(h, t) + c];
    const double decay = exp(h->gate[gate]), beta = h->gate[beta_at];
    for (size_t x = 0; x < n; x++) {
        grad[x] += q[x] * dout;
        dq[x] += new[x] * dout;
        dd += grad[x] * k[x];
    }
    r->dgate[beta_at] += dd * r->error[t];
    r->dqkv[v_at(h, t) + c] += beta * dd;
    for (size_t x = 0; x < n; x++) {
        dk[x] += grad[x] * beta * r->error[t] - decay * old[x] * beta * dd;
        grad[x] -= k[x] * beta * dd;
        r->dgate[gate] += grad[x] * decay * old[x];
        grad[x] *= decay;
    }
}

static void backward_head(const struct head *h, void *arg)
{
    const struct recurrent *r = arg;
    const size_t n = h->d->key_dim;
    for (size_t c = 0; c < h->d->value_dim; c++) {
        double grad[256] = {0};
        memset(r->state, 0, n * sizeof *r->state);
        for (size_t t = 0; t < h->rows; t++)
            r->error[t] = step(h, t, c, r->state + t * n, r->state + (t + 1) * n);
        for (size_t t = h->rows; t-- > 0;)
            token_back(h, r, t, c, grad);
    }
}

static double *widened(const float *x, size_t n)
{
    double *y = calloc(n + 1, sizeof *y);
    if (!y)
        exit(99);
    for (size_t i = 0; x && i < n; i++)
        y[i] = x[i];
    return y;
}

static bool agrees(const float *got, const double *want, size_t n, double tolerance,
                   const char *what)
{
    float *rounded = grad_normal(n, 0);
    double scale = 1e-30, worst = 0;
    for (size_t i = 0; i < n; i++) {
        rounded[i] = (float)want[i];
        scale = fmax(scale, fabs(want[i]));
    }
    const bool good = check_near(got, rounded, n, scale, tolerance, &worst, what);
    check_note("%s: worst error %.3g of the largest", what, worst);
    free(rounded);
    return good;
}

static void check_recurrent(struct grad_case *c, double tolerance, const char *name)
{
    const size_t rows = grad_rows(c), qkv = rows * c->width[0], gates = rows * c->width[1];
    double *in[2] = {widened(c->in[0], qkv), widened(c->in[1], gates)};
    double *out = widened(NULL, rows * c->width[2]);
    struct recurrent r = {c->out_gradient[0], widened(NULL, qkv), widened(NULL, gates),
                          widened(NULL, (rows + 1) * shape(c)->key_dim), widened(NULL, rows)};
    each_head(c, first_head(c, in, out), backward_head, &r);
    bool good = grad_run(c, &(struct grad_run){.threads = 2});
    good = good && agrees(c->out[0], out, rows * c->width[2], tolerance, "out");
    good = good && agrees(c->in_gradient[0], r.dqkv, qkv, tolerance, "dqkv");
    good = good && agrees(c->in_gradient[1], r.dgate, gates, tolerance, "dgates");
    check_ok(good, "%s: the recurrent form in double", name);
    double *const all[] = {in[0], in[1], out, r.dqkv, r.dgate, r.state, r.error};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

// ---- value heads that share a key head ----

// The case with value head `which` alone, the other's inputs and output gradient left out.
static struct grad_case one_head(const struct grad_case *c, size_t which)
{
    struct grad_case y = *c;
    const struct lte_delta_rule_op *d = shape(c);
    const size_t rows = grad_rows(c), keys = d->key_dim, values = d->value_dim;
    y.op.delta_rule.value_heads = 1;
    y.op.delta_rule.q_column = keys + values;
    y.width[0] = 2 * keys + values;
    y.width[1] = 2;
    y.width[2] = values;
    y.in[0] = grad_normal(rows * y.width[0], 0);
    y.in[1] = grad_normal(rows * 2, 0);
    y.out_gradient[0] = grad_normal(rows * values, 0);
    y.out[0] = y.in_gradient[0] = y.in_gradient[1] = NULL;
    for (size_t r = 0; r < rows; r++) {
        const float *from = c->in[0] + r * c->width[0];
        float *to = y.in[0] + r * y.width[0];
        memcpy(to, from, keys * sizeof *to);
        memcpy(to + keys, from + keys + which * values, values * sizeof *to);
        memcpy(to + keys + values, from + keys + 2 * values, keys * sizeof *to);
        memcpy(y.out_gradient[0] + r * values, c->out_gradient[0] + (2 * r + which) * values,
               values * sizeof *to);
        y.in[1][2 * r] = c->in[1][4 * r + which];
        y.in[1][2 * r + 1] = c->in[1][4 * r + 2 + which];
    }
    return y;
}

// T10: one key head with two value heads is two runs of one, whose gradients of q and k are summed.
static void check_shared(struct lte_context *context)
{
    static const size_t segment[] = {37, 5};
    const struct lte_delta_rule_op d = {1, 2, 6, 9, 0, 0, 0};
    struct grad_case both = make(context, d, segment, 2, -1);
    struct grad_case one[2] = {one_head(&both, 0), one_head(&both, 1)};
    const size_t keys = d.key_dim, values = d.value_dim;
    bool good = grad_run(&both, &(struct grad_run){.threads = 1});
    for (size_t i = 0; i < 2; i++)
        good = good && grad_run(&one[i], &(struct grad_run){.threads = 1});
    for (size_t r = 0; good && r < grad_rows(&both); r++) {
        const float *all = both.in_gradient[0] + r * both.width[0];
        const float *a = one[0].in_gradient[0] + r * one[0].width[0];
        const float *b = one[1].in_gradient[0] + r * one[1].width[0];
        for (size_t i = 0; i < keys; i++) {
            good &= all[i] == a[i] + b[i];
            good &= all[keys + 2 * values + i] == a[keys + values + i] + b[keys + values + i];
        }
        for (size_t i = 0; i < values; i++)
            good &= all[keys + i] == a[keys + i] && all[keys + values + i] == b[keys + i];
    }
    check_ok(good, "value heads that share a key head: their dq and dk are summed");
    drop(&both);
    drop(&one[0]);
    drop(&one[1]);
}

int main(int argc, char **argv)
{
    static const size_t some[] = {33, 1, 7, 64}, many[] = {65, 2, 0, 191, 64};
    check_begin(argc, argv, "grad_delta_rule");
    struct lte_context *context = inside_context(NULL, 1);
    struct grad_case c = make(context, (struct lte_delta_rule_op){2, 4, 5, 3, 0, 0, 0}, some, 4,
                              -.5f);
    grad_check(&c, forward, 1e-5, "delta_rule");
    drop(&c);
    c = make(context, (struct lte_delta_rule_op){1, 1, 70, 145, 0, 0, 0}, many, 5, -.2f);
    check_recurrent(&c, 1e-5, "70 x 145");
    drop(&c);
    c = make(context, (struct lte_delta_rule_op){2, 4, 32, 17, 0, 0, 0}, many, 5, -8);
    check_recurrent(&c, 1e-5, "strong decays");
    for (size_t i = 0; i < grad_rows(&c) * c.width[1]; i++)
        c.in[1][i] = i % c.width[1] < 4 ? -8 : c.in[1][i];
    check_recurrent(&c, 1e-5, "decays of -8");
    drop(&c);
    check_shared(context);
    lte_close(context);
    return check_end();
}
