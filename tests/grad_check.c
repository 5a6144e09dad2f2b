// SPDX-License-Identifier: BSD-2-Clause
// What a gradient must be: that of the mathematics, the same for any number of threads, added.
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"

enum { TENSORS = GRAD_INPUTS + GRAD_WEIGHTS };

// The case in double, and where its results are compared.
struct probe {
    const struct grad_case *c;
    grad_forward_fn *forward;
    double *in[GRAD_INPUTS], *weight[GRAD_WEIGHTS], *out[GRAD_OUTPUTS];
    double worst;
    char where[64];
};

static double *widen(const float *x, size_t n)
{
    double *y = malloc((n ? n : 1) * sizeof *y);
    if (!y)
        exit(99);
    for (size_t i = 0; i < n; i++)
        y[i] = x ? x[i] : 0;
    return y;
}

static double *widen_weight(const struct grad_weight *w)
{
    float *x = malloc((w->floats ? w->floats : 1) * sizeof *x);
    if (!x)
        exit(99);
    check_ref()->widen[w->type](x, w->data, w->floats);
    double *y = widen(x, w->floats);
    free(x);
    return y;
}

static void open_probe(struct probe *p, const struct grad_case *c, grad_forward_fn *forward)
{
    const size_t rows = grad_rows(c);
    *p = (struct probe){.c = c, .forward = forward};
    for (size_t i = 0; i < c->inputs; i++)
        p->in[i] = widen(c->in[i], rows * c->width[i]);
    for (size_t i = 0; i < c->weights; i++)
        p->weight[i] = widen_weight(&c->weight[i]);
    for (size_t i = 0; i < c->outputs; i++)
        p->out[i] = widen(NULL, rows * c->width[c->inputs + i]);
}

static void close_probe(struct probe *p)
{
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        free(p->in[i]);
    for (size_t i = 0; i < GRAD_WEIGHTS; i++)
        free(p->weight[i]);
    for (size_t i = 0; i < GRAD_OUTPUTS; i++)
        free(p->out[i]);
}

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

// Takes down the largest |got - want| relative to the largest |want|. A NaN is an infinite error.
static void compare(struct probe *p, const float *got, const double *want, size_t n,
                    const char *what, size_t index)
{
    double scale = largest(want, n);
    if (scale < DBL_MIN)
        scale = 1;
    for (size_t i = 0; i < n; i++) {
        const double off = fabs(got[i] - want[i]) / scale, error = isnan(off) ? INFINITY : off;
        if (error <= p->worst)
            continue;
        p->worst = error;
        snprintf(p->where, sizeof p->where, "%s %zu [%zu]: %g for %g", what, index, i,
                 (double)got[i], want[i]);
    }
}

static double loss(struct probe *p)
{
    const struct grad_case *c = p->c;
    const size_t rows = grad_rows(c);
    double sum = 0;
    p->forward(c, p->in, p->weight, p->out);
    for (size_t i = 0; i < c->outputs; i++)
        for (size_t j = 0; j < rows * c->width[c->inputs + i]; j++)
            sum += p->out[i][j] * c->out_gradient[i][j];
    return sum + (c->extra_loss ? c->extra_loss(c, p->out) : 0);
}

// The steps of a tensor's differences follow its mean magnitude, which a few saturated elements do
// not raise much.
static double step(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(x[i]);
    return 2e-5 * fmax(n ? sum / (double)n : 0, 1e-3);
}

static uint64_t hash(uint64_t h, const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ byte[i]) * 0x100000001b3;
    return h;
}

// Of all that a loss is made from, and of what it is.
static uint64_t fingerprint(struct probe *p)
{
    const struct grad_case *c = p->c;
    const size_t rows = grad_rows(c);
    const double at = loss(p);
    uint64_t h = hash(0xcbf29ce484222325, &at, sizeof at);
    for (size_t i = 0; i < c->inputs; i++)
        h = hash(h, p->in[i], rows * c->width[i] * sizeof(double));
    for (size_t i = 0; i < c->weights; i++)
        h = hash(h, p->weight[i], c->weight[i].floats * sizeof(double));
    for (size_t i = 0; i < c->outputs; i++) {
        h = hash(h, p->out[i], rows * c->width[c->inputs + i] * sizeof(double));
        h = hash(h, c->out_gradient[i], rows * c->width[c->inputs + i] * sizeof(float));
    }
    return hash(h, c->segment, c->segments * sizeof *c->segment);
}

// Central differences that were taken before: contexts begin with the same random numbers, so that
// a case is the same at every level, and in blocks of rows.
static struct differences {
    struct differences *next;
    uint64_t of; // fingerprint
    size_t tensor, n;
    double *want;
} *taken;

static void take_differences(struct probe *p, double *x, size_t n, double *want)
{
    const double h = step(x, n);
    for (size_t i = 0; i < n; i++) {
        const double at = x[i], up = at + h, down = at - h;
        x[i] = up;
        want[i] = loss(p);
        x[i] = down;
        want[i] = (want[i] - loss(p)) / (up - down);
        x[i] = at;
    }
}

static const double *differences(struct probe *p, uint64_t of, size_t tensor, double *x, size_t n)
{
    struct differences *d = taken;
    while (d && (d->of != of || d->tensor != tensor || d->n != n))
        d = d->next;
    if (d)
        return d->want;
    if (!(d = malloc(sizeof *d)))
        exit(99);
    *d = (struct differences){.next = taken, .of = of, .tensor = tensor, .n = n,
                              .want = widen(NULL, n)};
    take_differences(p, x, n, d->want);
    taken = d;
    return d->want;
}

static bool check_forward(struct probe *p, double tolerance, const char *name)
{
    const struct grad_case *c = p->c;
    p->worst = 0;
    p->where[0] = 0;
    loss(p);
    for (size_t i = 0; i < c->outputs; i++)
        compare(p, c->out[i], p->out[i], grad_rows(c) * c->width[c->inputs + i], "output", i);
    if (!(p->worst <= tolerance))
        check_note("%s", p->where);
    return check_ok(p->worst <= tolerance, "%s: forward, error %.2g", name, p->worst);
}

static bool check_gradients(struct probe *p, double tolerance, const char *name)
{
    const struct grad_case *c = p->c;
    p->worst = 0;
    p->where[0] = 0;
    const uint64_t of = fingerprint(p);
    for (size_t i = 0; i < c->inputs; i++) {
        const size_t n = grad_rows(c) * c->width[i];
        if (c->in_gradient[i])
            compare(p, c->in_gradient[i], differences(p, of, i, p->in[i], n), n, "input", i);
    }
    for (size_t i = 0; i < c->weights; i++) {
        const size_t n = c->weight[i].floats;
        compare(p, c->weight[i].gradient, differences(p, of, GRAD_INPUTS + i, p->weight[i], n), n,
                "weight", i);
    }
    if (!(p->worst <= tolerance))
        check_note("%s", p->where);
    return check_ok(p->worst <= tolerance, "%s: gradients, error %.2g", name, p->worst);
}

// The gradients of a run, taken out of the case.
struct gradients {
    float *of[TENSORS];
    size_t n[TENSORS];
};

static void take(struct gradients *g, struct grad_case *c)
{
    *g = (struct gradients){0};
    for (size_t i = 0; i < c->inputs; i++) {
        g->of[i] = c->in_gradient[i];
        g->n[i] = g->of[i] ? grad_rows(c) * c->width[i] : 0;
        c->in_gradient[i] = NULL;
    }
    for (size_t i = 0; i < c->weights; i++) {
        g->of[GRAD_INPUTS + i] = c->weight[i].gradient;
        g->n[GRAD_INPUTS + i] = c->weight[i].floats;
        c->weight[i].gradient = NULL;
    }
}

static void drop(struct gradients *g)
{
    for (size_t i = 0; i < TENSORS; i++)
        free(g->of[i]);
}

// Whether the run gives the gradients of `g` to the bit, those of frozen weights excepted.
static bool same(struct grad_case *c, const struct gradients *g, const struct grad_run *run)
{
    struct gradients now;
    bool good = grad_run(c, run);
    take(&now, c);
    for (size_t i = 0; i < TENSORS; i++) {
        const bool frozen = i >= GRAD_INPUTS && (run->frozen >> (i - GRAD_INPUTS) & 1);
        if (good && !frozen && g->n[i] && memcmp(now.of[i], g->of[i], g->n[i] * sizeof(float))) {
            check_note("tensor %zu (inputs, then weights from %d) differs", i, (int)GRAD_INPUTS);
            good = false;
        }
    }
    drop(&now);
    return good;
}

// Whether gradients that start from `start` end as start + gradient.
static bool adds(struct grad_case *c, const struct gradients *g, float start, double tolerance)
{
    struct gradients now;
    bool good = grad_run(c, &(struct grad_run){2, start, 0});
    take(&now, c);
    for (size_t i = 0; good && i < TENSORS; i++) {
        double scale = start;
        for (size_t j = 0; j < g->n[i]; j++)
            scale = fmax(scale, fabs(g->of[i][j]));
        for (size_t j = 0; j < g->n[i]; j++)
            good &= fabs(now.of[i][j] - ((double)start + g->of[i][j])) <= tolerance * scale;
    }
    drop(&now);
    return good;
}

static bool freezes(struct grad_case *c, const struct gradients *g)
{
    const uint32_t masks[] = {UINT32_MAX, 0x55555555, 0xaaaaaaaa};
    bool good = true;
    for (size_t i = 0; good && i < (c->weights > 1 ? 3 : 1); i++)
        good = same(c, g, &(struct grad_run){1, 0, masks[i]});
    return good;
}

bool grad_check(struct grad_case *c, grad_forward_fn *forward, double tolerance, const char *name)
{
    const struct grad_run plain = {1, 0, 0};
    struct probe p;
    struct gradients g;
    if (!check_ok(grad_run(c, &plain), "%s: runs", name))
        return false;
    open_probe(&p, c, forward);
    bool good = check_forward(&p, tolerance, name);
    good &= check_gradients(&p, tolerance, name);
    close_probe(&p);
    take(&g, c);
    good &= check_ok(same(c, &g, &(struct grad_run){2, 0, 0}), "%s: one thread = two", name);
    good &= check_ok(adds(c, &g, 0.5f, fmax(4 * tolerance, 1e-6)), "%s: gradients are added", name);
    if (c->weights)
        good &= check_ok(freezes(c, &g), "%s: frozen weights", name);
    drop(&g);
    return grad_run(c, &plain) && good;
}
