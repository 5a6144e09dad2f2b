// SPDX-License-Identifier: BSD-2-Clause
// Causal short convolution: every level against the reference, any split of the tokens, known
// values.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

static const double TOLERANCE = 1e-6; // of sum |w x|; simd/short_conv.h

struct problem {
    size_t n, channels, taps, xs, ys, cs;
    float *x, *w, *bias, *tail, *y; // bias NULL: none
};

static struct problem make(size_t n, size_t channels, size_t taps, size_t odd, enum check_fill fill)
{
    struct problem p = {n, channels, taps, channels + odd, channels + 2 * odd, channels + 3 * odd,
                        NULL, NULL, NULL, NULL, NULL};
    p.x = check_floats(n * p.xs);
    p.w = check_floats(taps * p.cs);
    p.bias = (channels + taps) % 2 ? check_floats(channels) : NULL;
    p.tail = check_floats((taps - 1) * p.cs);
    p.y = check_floats(n * p.ys);
    check_fill(p.x, n * p.xs, fill);
    check_fill(p.w, taps * p.cs, CHECK_NORMAL);
    if (p.bias)
        check_fill(p.bias, channels, CHECK_NORMAL);
    check_fill(p.tail, (taps - 1) * p.cs, fill == CHECK_ONE_NAN ? CHECK_NORMAL : fill);
    return p;
}

// The largest possible sum of |w x|, which bounds every z and so every error.
static double magnitude(const struct problem *p)
{
    double m = 1e-37;
    for (size_t i = 0; i < p->n * p->xs; i++)
        m = p->x[i] == p->x[i] ? fmax(m, fabs(p->x[i])) : m;
    for (size_t i = 0; i < (p->taps - 1) * p->cs; i++)
        m = fmax(m, fabs(p->tail[i]));
    return fmax(m, p->bias ? 1 : 0) * 3 * (double)(p->taps + 1);
}

static bool compare(const struct lte_kernels *k, size_t n, size_t channels, size_t taps, size_t odd,
                    enum check_fill fill, double *worst)
{
    const struct problem p = make(n, channels, taps, odd, fill);
    const size_t tail = (taps - 1) * p.cs;
    float *y = check_floats(n * p.ys), *state = check_floats(tail);
    const double scale = magnitude(&p);
    memcpy(state, p.tail, tail * sizeof *state);
    k->short_conv(y, p.ys, p.x, p.xs, state, p.w, p.bias, p.cs, n, channels, taps);
    check_ref()->short_conv(p.y, p.ys, p.x, p.xs, p.tail, p.w, p.bias, p.cs, n, channels, taps);
    bool good = check_near(y, p.y, n * p.ys, scale, TOLERANCE, worst, "y"); // gaps: same fill
    good &= !memcmp(state, p.tail, tail * sizeof *state);
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("n %zu channels %zu taps %zu odd %zu fill %s", n, channels, taps, odd,
                   check_fill_name(fill));
    return good;
}

static void check_level(const struct check_level *l)
{
    static const size_t wide[] = {63, 64, 65, 96, 127, 129, 192, 255, 256, 511, 513, 1030};
    double worst = 0;
    bool good = true;
    for (size_t c = 0; c <= 35; c++)
        for (size_t n = 0; n < 7; n++)
            good &= compare(l->kernels, n, c, 1 + (c + n) % 5, c % 4, CHECK_NORMAL, &worst);
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        for (enum check_fill f = 0; f < CHECK_FILLS; f++)
            good &= compare(l->kernels, 1 + check_below(9), wide[i], 1 + check_below(9), 1, f, &worst);
    for (size_t n = 0; n < 9; n++)
        good &= compare(l->kernels, n, 40, 4, 0, CHECK_NORMAL, &worst);
    check_ok(good, "short_conv %s (worst error %.3g)", l->name, worst);
}

// Tokens in pieces of `step`, channels in two ranges: the same bits as all at once.
static void check_split(const char *level, const struct lte_kernels *k)
{
    enum { N = 23, CHANNELS = 77, CUT = 33 };
    bool good = true;
    for (size_t taps = 1; taps <= 6; taps++) {
        const struct problem p = make(N, CHANNELS, taps, 2, CHECK_NORMAL);
        const size_t tail = (taps - 1) * p.cs;
        float *first = check_floats(tail), *state = check_floats(tail), *y = check_floats(N * p.ys);
        memcpy(first, p.tail, tail * sizeof *first);
        k->short_conv(p.y, p.ys, p.x, p.xs, p.tail, p.w, p.bias, p.cs, N, CHANNELS, taps);
        for (size_t step = 1; step <= N; step += 3) {
            memcpy(state, first, tail * sizeof *state);
            for (size_t t = 0; t < N; t += step) {
                const size_t n = N - t < step ? N - t : step;
                k->short_conv(y + t * p.ys, p.ys, p.x + t * p.xs, p.xs, state, p.w, p.bias, p.cs, n, CUT,
                              taps);
                k->short_conv(y + t * p.ys + CUT, p.ys, p.x + t * p.xs + CUT, p.xs, state + CUT,
                              p.w + CUT, p.bias ? p.bias + CUT : NULL, p.cs, n, CHANNELS - CUT,
                              taps);
            }
            good &= !memcmp(y, p.y, N * p.ys * sizeof *y);
            good &= !memcmp(state, p.tail, tail * sizeof *state);
        }
        good &= check_guards();
        check_free_buffers();
    }
    check_ok(good, "short_conv %s: any split gives the same bits", level);
}

static void check_known(const char *level, const struct lte_kernels *k)
{
    const float taps[] = {1, 2, 3, 4}, x[] = {1, 0, 0, 0, 1}, more[] = {2};
    const float silu[] = {3.928055f, 2.857722f, 1.761594f, 0.731059f, 3.928055f};
    const float held[] = {0, 1, 2}, next[] = {10.999816f}; // silu(11)
    float tail[3] = {0}, y[5];
    k->short_conv(y, 1, x, 1, tail, taps, NULL, 1, 5, 1, 4);
    bool good = check_near(y, silu, 5, 1, 1e-6, NULL, "silu");
    k->short_conv(y, 1, more, 1, tail, taps, NULL, 1, 1, 1, 4);
    good &= check_near(y, next, 1, 11, 1e-6, NULL, "step");
    good &= !memcmp(tail, held, sizeof held);
    check_ok(good, "short_conv %s: taps [1,2,3,4]", level);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "short_conv");
    check_known("ref", check_ref());
    check_split("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_known(l->name, l->kernels);
        check_split(l->name, l->kernels);
        check_level(l);
    }
    return check_end();
}
