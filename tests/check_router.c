// SPDX-License-Identifier: BSD-2-Clause
// The convolution of the retention scorer against the reference, its independence of the number of
// tokens bit for bit, and the published scores of a three-layer scorer.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

struct shape {
    size_t n, in, out, taps, dilation;
    int act;
    enum check_fill fill;
};

struct data {
    float *x, *w, *b, *want, *got;
    size_t xs, ys, rows;
};

static struct data make(const struct shape *p)
{
    struct data d = {.xs = p->in + check_below(4), .ys = p->out + check_below(4)};
    d.rows = p->n + (p->taps - 1) * p->dilation;
    d.x = check_buffer(((d.rows - 1) * d.xs + p->in) * sizeof(float), 4 * check_below(16));
    d.w = check_buffer(p->taps * p->in * p->out * sizeof(float), 4 * check_below(16));
    d.b = check_floats(p->out);
    d.want = check_floats((p->n - 1) * d.ys + p->out);
    d.got = check_buffer(((p->n - 1) * d.ys + p->out) * sizeof(float), 4 * check_below(16));
    check_fill(d.x, (d.rows - 1) * d.xs + p->in, p->fill);
    check_fill(d.w, p->taps * p->in * p->out, CHECK_NORMAL);
    check_fill(d.b, p->out, CHECK_NORMAL);
    return d;
}

static void conv(const struct lte_kernels *k, float *y, const struct data *d, const struct shape *p,
                 size_t first, size_t n)
{
    k->router_conv(y + first * d->ys, d->ys, d->x + first * d->xs, d->xs, n, d->w, d->b, p->in,
                   p->out, p->taps, p->dilation, p->act);
}

// |b| + sum |w| |x| of one output: what rounding errors are measured by.
static double size_of_sum(const struct data *d, const struct shape *p, size_t t, size_t o)
{
    double sum = fabs((double)d->b[o]);
    for (size_t j = 0; j < p->taps; j++)
        for (size_t c = 0; c < p->in; c++)
            sum += fabs((double)d->w[(j * p->in + c) * p->out + o] *
                        d->x[(t + j * p->dilation) * d->xs + c]);
    return sum;
}

static bool same_as_reference(const struct lte_kernels *k, const struct shape *p, double *worst)
{
    const struct data d = make(p);
    conv(check_ref(), d.want, &d, p, 0, p->n);
    conv(k, d.got, &d, p, 0, p->n);
    bool good = check_guards();
    for (size_t t = 0; good && t < p->n; t++) {
        for (size_t o = 0; good && o < p->out; o++) {
            const size_t at = t * d.ys + o;
            const double sum = size_of_sum(&d, p, t, o);
            const double tolerance = 4e-7 * sqrt((double)(p->taps * p->in));
            good = check_near(d.got + at, d.want + at, 1, (p->act ? 1.1 : 1) * sum,
                              tolerance + (p->act ? 1e-6 : 0), worst, "router_conv");
        }
        const size_t gap = t + 1 < p->n ? d.ys - p->out : 0; // rows may be longer than `out`
        good = good && !memcmp(d.got + t * d.ys + p->out, d.want + t * d.ys + p->out,
                               gap * sizeof(float));
    }
    for (size_t t = 0; t < p->n; t++)
        conv(k, d.want, &d, p, t, 1);
    const bool alone = !memcmp(d.want, d.got, ((p->n - 1) * d.ys + p->out) * sizeof(float));
    if (good && !alone)
        check_note("router_conv: tokens one at a time differ");
    if (!good || !alone)
        check_note("n %zu in %zu out %zu taps %zu dilation %zu act %d", p->n, p->in, p->out,
                   p->taps, p->dilation, p->act);
    check_free_buffers();
    return good && alone;
}

static void check_shapes(const struct lte_kernels *k, const char *name)
{
    static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 47, 64, 80, 100, 128};
    double worst = 0;
    bool good = true;
    for (size_t run = 0; good && run < 200; run++) {
        const struct shape p = {1 + check_below(27), sizes[check_below(run % 8 ? 10 : 17)],
                                run < 140 ? 1 + run : sizes[check_below(17)], 1 + check_below(4),
                                1 + check_below(3), (int)check_below(2),
                                (enum check_fill)check_below(CHECK_FILLS)};
        good = p.fill == CHECK_ONE_NAN || same_as_reference(k, &p, &worst);
    }
    check_ok(good, "router_conv %s: shapes, strides, the same bits token by token", name);
    check_note("router_conv %s: worst error %.2g of |b| + sum |w||x|", name, worst);
}

// One NaN reaches the tokens that read it and no other.
static void check_nan(const struct lte_kernels *k, const char *name)
{
    const struct shape p = {20, 5, 37, 3, 2, 1, CHECK_NORMAL};
    const struct data d = make(&p);
    d.x[9 * d.xs + 3] = NAN;
    conv(k, d.got, &d, &p, 0, p.n);
    bool good = true;
    for (size_t t = 0; t < p.n; t++)
        for (size_t o = 0; o < p.out; o++)
            good &= !isnan(d.got[t * d.ys + o]) == (t != 9 && t != 7 && t != 5);
    check_ok(good && check_guards(), "router_conv %s: NaN stays in the tokens reading it", name);
    check_free_buffers();
}

// The scorer of the published case: heads of 4, seven tokens, three convolutions of three taps at a
// distance of two, zero outside the sequence at each layer, then one number a token.
enum { HEADS = 2, DIM = 4, TOKENS = 7, TAPS = 3, DILATION = 2, LAYERS = 3, LEFT = 2 };
enum { PADDED = TOKENS + (TAPS - 1) * DILATION, WIDEST = 2 * DIM };

static float wave(double c, size_t i)
{
    return (float)sin(c + 0.7 * (double)i);
}

// Weights of head h of layer i, from [out of all heads][in][taps] to [taps][in][out].
static void repack(float *w, float *b, size_t i, size_t h, size_t in, size_t out)
{
    for (size_t o = 0; o < out; o++) {
        b[o] = 0.1f * wave(2 + (double)i, h * out + o);
        for (size_t c = 0; c < in; c++)
            for (size_t j = 0; j < TAPS; j++)
                w[(j * in + c) * out + o] =
                    0.5f * wave(1 + (double)i, ((h * out + o) * in + c) * TAPS + j);
    }
}

static void scores(const struct lte_kernels *k, size_t h, float *score)
{
    float x[PADDED][WIDEST] = {{0}}, y[PADDED][WIDEST] = {{0}};
    float w[TAPS * WIDEST * WIDEST], b[WIDEST], z[TOKENS], pw = wave(5, h), pb = 0.5f;
    for (size_t t = 0; t < TOKENS; t++) {
        for (size_t d = 0; d < DIM; d++) {
            x[LEFT + t][d] = wave(.2, (t * HEADS + h) * DIM + d);
            x[LEFT + t][DIM + d] = wave(.3, (t * HEADS + h) * DIM + d);
        }
    }
    size_t in = 2 * DIM;
    for (size_t i = 0; i < LAYERS; i++) {
        const size_t out = i ? in / 2 : DIM;
        repack(w, b, i, h, in, out);
        k->router_conv(y[LEFT], WIDEST, x[0], WIDEST, TOKENS, w, b, in, out, TAPS, DILATION, 1);
        memcpy(x, y, sizeof x);
        in = out;
    }
    k->router_conv(z, 1, x[LEFT], WIDEST, TOKENS, &pw, &pb, in, 1, 1, 1, 0);
    for (size_t t = 0; t < TOKENS; t++)
        score[t] = 1 / (1 + expf(-z[t])) - 0.5f;
}

static void check_example(const struct lte_kernels *k, const char *name)
{
    static const float want[HEADS][TOKENS] = {
        {.142422f, .143359f, .135015f, .129754f, .119799f, .121623f, .128686f},
        {.117045f, .122634f, .128177f, .129288f, .135177f, .131044f, .134898f}};
    bool good = true;
    for (size_t h = 0; h < HEADS; h++) {
        float got[TOKENS];
        scores(k, h, got);
        good = good && check_near(got, want[h], TOKENS, 1, 2e-6, NULL, "score");
    }
    check_ok(good, "router_conv %s: a scorer of three layers", name);
}

static void check_all(const struct lte_kernels *k, const char *name)
{
    check_example(k, name);
    check_nan(k, name);
    check_shapes(k, name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "router_conv");
    check_all(check_ref(), "ref");
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_all(l->kernels, l->name);
    return check_end();
}
