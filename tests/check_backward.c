// SPDX-License-Identifier: BSD-2-Clause
// Gradients of activations, norms and the short convolution: every level against the reference.
// That the reference is the gradient is what tests/grad_rows.c shows.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

static const double TOLERANCE = 1e-6; // simd/backward.h, simd/short_conv_back.h

enum form { SILU, SWIGLU, RMSNORM, RMSNORM_PLAIN, RMSNORM_FROZEN, L2NORM, GATED, GATED_FROZEN,
            FORMS };
static const char *const names[] = {"silu", "swiglu", "rmsnorm", "rmsnorm without weights",
                                    "rmsnorm, frozen", "l2norm", "gated_norm",
                                    "gated_norm, frozen"};
enum { OUTPUTS = 3 };

static void call(const struct lte_kernels *k, enum form form, float *const *to, const float *dy,
                 const float *x, const float *b, const float *w, size_t n)
{
    if (form == SILU)
        k->silu_back(to[0], dy, x, n);
    else if (form == SWIGLU)
        k->swiglu_back(to[0], to[1], dy, x, b, n);
    else if (form == L2NORM)
        k->l2norm_back(to[0], dy, x, n, 1e-6f, 0.25f);
    else if (form >= GATED)
        k->gated_norm_back(to[0], to[1], form == GATED ? to[2] : NULL, dy, x, b, w, n, 1e-6f);
    else
        k->rmsnorm_back(to[0], form == RMSNORM_FROZEN ? NULL : to[2], dy, x,
                        form == RMSNORM_PLAIN ? NULL : w, n, 1e-6f);
}

static double largest(const float *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        m = fmax(m, fabs(x[i]));
    return m;
}

// Of what is subtracted on the way: dy times the weight times 1/|x|.
static double subtracted(enum form form, const float *dy, const float *x, const float *b,
                         const float *w, size_t n)
{
    double sum = 0, scale = 1.1 * largest(dy, n);
    for (size_t i = 0; i < n; i++)
        sum += x[i] == x[i] ? (double)x[i] * x[i] : 0;
    if (form == SWIGLU)
        return scale * largest(b, n);
    if (form == RMSNORM || form == RMSNORM_FROZEN || form >= GATED)
        scale *= largest(w, n);
    if (form >= GATED)
        scale *= largest(b, n);
    return form >= RMSNORM ? scale / sqrt(sum / (form == L2NORM ? 1 : (double)n) + 1e-6) : scale;
}

static bool compare(const struct lte_kernels *k, enum form form, size_t n, size_t offset,
                    enum check_fill fill, bool start, double *worst)
{
    float *dy = check_buffer(n * 4, offset), *x = check_buffer(n * 4, offset);
    float *b = check_buffer(n * 4, offset), *w = check_buffer(n * 4, offset);
    float *want[OUTPUTS], *got[OUTPUTS];
    double from[OUTPUTS]; // what the gradients start from may cancel them
    check_fill(dy, n, CHECK_NORMAL);
    check_fill(x, n, fill);
    check_fill(b, n, CHECK_NORMAL);
    check_fill(w, n, CHECK_NORMAL);
    for (size_t i = 0; i < OUTPUTS; i++) {
        want[i] = check_floats(n);
        got[i] = check_buffer(n * 4, offset);
        memset(want[i], 0, n * 4);
        if (start)
            check_fill(want[i], n, CHECK_NORMAL);
        memcpy(got[i], want[i], n * 4);
        from[i] = largest(want[i], n);
    }
    call(check_ref(), form, want, dy, x, b, w, n);
    call(k, form, got, dy, x, b, w, n);
    const double bound = subtracted(form, dy, x, b, w, n);
    bool good = true;
    for (size_t i = 0; i < OUTPUTS; i++) {
        const double own = fmax(fmax(largest(want[i], n), from[i]), 1e-32);
        const double scale = own + bound * (form < RMSNORM || !i ? 1 : fmax(largest(x, n), 1e-32));
        good &= check_near(got[i], want[i], n, scale, TOLERANCE, worst, names[form]);
    }
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("%s n %zu offset %zu fill %s", names[form], n, offset, check_fill_name(fill));
    return good;
}

static void check_form(const struct check_level *l, enum form form)
{
    static const size_t sizes[] = {63, 64, 65, 96, 127, 128, 129, 192, 255, 256, 1000, 4099};
    double worst = 0;
    bool good = true;
    for (size_t n = 0; n <= 67; n++)
        good &= compare(l->kernels, form, n, 4 * (n % 16), CHECK_NORMAL, n % 2, &worst);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (enum check_fill f = 0; f < CHECK_FILLS; f++)
            good &= compare(l->kernels, form, sizes[i], 4 * (i % 4), f, false, &worst);
    check_ok(good, "gradient of %s %s (worst error %.3g)", names[form], l->name, worst);
}

// Infinite inputs give the limits, a zero vector no NaN; for every level with the reference first.
static void check_edges(const char *level, const struct lte_kernels *k)
{
    enum { N = 21 };
    float x[N], dy[N], dx[N] = {0}, zero[N] = {0};
    bool good = true;
    for (size_t i = 0; i < N; i++) {
        dy[i] = 3;
        x[i] = (i & 2 ? INFINITY : 1e30f) * (i & 1 ? 1.0f : -1.0f);
    }
    k->silu_back(dx, dy, x, N);
    for (size_t i = 0; i < N; i++)
        good &= dx[i] == (i & 1 ? 3 : 0);
    check_ok(good, "gradient of silu %s: saturation", level);
    memset(dx, 0, sizeof dx);
    k->l2norm_back(dx, dy, zero, N, 0, 1);
    good = !memcmp(dx, zero, sizeof zero);
    k->l2norm_back(dx, dy, zero, N, 1e-6f, 1);
    for (size_t i = 0; i < N; i++)
        good &= fabsf(dx[i] - 3000) < 0.01f;
    check_ok(good, "gradient of l2norm %s: at zero", level);
}

struct conv {
    size_t n, channels, taps, s, cs;
    float *x, *dy, *w, *bias; // bias NULL: none
};

static float *zeros(size_t n)
{
    float *x = check_floats(n);
    memset(x, 0, n * sizeof *x);
    return x;
}

static struct conv make_conv(size_t n, size_t channels, size_t taps, size_t odd,
                             enum check_fill fill)
{
    struct conv p = {n, channels, taps, channels + odd, channels + 3 * odd, NULL, NULL, NULL, NULL};
    p.x = check_floats(n * p.s);
    p.dy = check_floats(n * p.s);
    p.w = check_floats(taps * p.cs);
    p.bias = (channels + taps) % 2 ? zeros(channels) : NULL;
    for (size_t c = 0; p.bias && c < channels; c++)
        p.bias[c] = check_uniform(-1, 1);
    check_fill(p.x, n * p.s, fill);
    check_fill(p.dy, n * p.s, CHECK_NORMAL);
    check_fill(p.w, taps * p.cs, CHECK_NORMAL);
    return p;
}

static bool compare_conv(const struct lte_kernels *k, size_t n, size_t channels, size_t taps,
                         size_t odd, enum check_fill fill, double *worst)
{
    const struct conv p = make_conv(n, channels, taps, odd, fill);
    const size_t rows = n * p.s, weights = taps * p.cs;
    float *want = zeros(rows), *want_w = zeros(weights);
    float *got = zeros(rows), *got_w = zeros(weights);
    float *frozen = zeros(rows), *want_b = zeros(channels), *got_b = zeros(channels);
    float *alone = zeros(channels);
    check_ref()->short_conv_back(want, want_w, want_b, p.dy, p.x, p.s, p.w, p.bias, p.cs, n, channels,
                                 taps);
    k->short_conv_back(got, got_w, got_b, p.dy, p.x, p.s, p.w, p.bias, p.cs, n, channels, taps);
    k->short_conv_back(frozen, NULL, n % 2 ? alone : NULL, p.dy, p.x, p.s, p.w, p.bias, p.cs, n,
                       channels, taps);
    const double dy = largest(p.dy, rows) + 1e-30;
    const double w = largest(p.w, weights), x = largest(p.x, rows);
    const double z = 1 + fmin(100, (double)taps * w * fmax(x, p.bias ? 1 : 0)); // the error of z, where silu' is not flat
    bool good = check_near(got, want, rows, (double)taps * w * dy * z, TOLERANCE, worst, "dx");
    good &= check_near(got_w, want_w, weights, (double)(n + 1) * dy * (x + 1e-30) * z, TOLERANCE,
                       worst, "dw");
    good &= check_near(got_b, want_b, channels, (double)(n + 1) * dy * z, TOLERANCE, worst, "dbias");
    good &= !memcmp(frozen, got, rows * sizeof *got) || fill == CHECK_ONE_NAN;
    good &= n % 2 == 0 || !memcmp(alone, got_b, channels * sizeof *alone) || fill == CHECK_ONE_NAN;
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("n %zu channels %zu taps %zu odd %zu fill %s", n, channels, taps, odd,
                   check_fill_name(fill));
    return good;
}

static void check_conv(const struct check_level *l)
{
    static const size_t wide[] = {63, 64, 65, 96, 127, 128, 129, 192, 255, 256, 257, 390};
    double worst = 0;
    bool good = true;
    for (size_t c = 0; c <= 35; c++)
        for (size_t n = 0; n < 14; n++)
            good &= compare_conv(l->kernels, n, c, 1 + (c + n) % 6, c % 4, CHECK_NORMAL, &worst);
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        for (enum check_fill f = 0; f < CHECK_FILLS; f++)
            good &= compare_conv(l->kernels, 1 + check_below(19), wide[i], 1 + check_below(6), 1, f,
                                 &worst);
    check_ok(good, "gradient of short_conv %s (worst error %.3g)", l->name, worst);
}

// Channels in two ranges: the same bits as all at once.
static void check_split(const char *level, const struct lte_kernels *k)
{
    enum { N = 23, CHANNELS = 177, CUT = 33 };
    bool good = true;
    for (size_t taps = 1; taps <= 6; taps++) {
        const struct conv p = make_conv(N, CHANNELS, taps, 2, CHECK_NORMAL);
        float *want = zeros(N * p.s), *want_w = zeros(taps * p.cs);
        float *got = zeros(N * p.s), *got_w = zeros(taps * p.cs);
        float *want_b = zeros(CHANNELS), *got_b = zeros(CHANNELS);
        k->short_conv_back(want, want_w, want_b, p.dy, p.x, p.s, p.w, p.bias, p.cs, N, CHANNELS, taps);
        k->short_conv_back(got, got_w, got_b, p.dy, p.x, p.s, p.w, p.bias, p.cs, N, CUT, taps);
        k->short_conv_back(got + CUT, got_w + CUT, got_b + CUT, p.dy + CUT, p.x + CUT, p.s, p.w + CUT,
                           p.bias ? p.bias + CUT : NULL, p.cs, N, CHANNELS - CUT, taps);
        good &= !memcmp(got_b, want_b, CHANNELS * sizeof *got_b);
        good &= !memcmp(got, want, N * p.s * sizeof *got);
        good &= !memcmp(got_w, want_w, taps * p.cs * sizeof *got_w);
        good &= check_guards();
        check_free_buffers();
    }
    check_ok(good, "gradient of short_conv %s: any split of the channels gives the same bits",
             level);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "backward");
    check_edges("ref", check_ref());
    check_split("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_edges(l->name, l->kernels);
        for (enum form f = 0; f < FORMS; f++)
            check_form(l, f);
        check_split(l->name, l->kernels);
        check_conv(l);
    }
    return check_end();
}
