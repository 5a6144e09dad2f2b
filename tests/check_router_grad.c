// SPDX-License-Identifier: BSD-2-Clause
// The gradient of the retention scorer's convolutions against the reference: sums over tokens for
// weights and bias, silu with its slope, and that the input's gradient is a convolution.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

struct shape {
    size_t n, in, out, taps, dilation, left;
    enum check_fill fill;
};

struct data {
    float *x, *dz, *want, *got, *before, *want_bias, *got_bias;
    size_t xs, zs, weights;
};

static struct data make(const struct shape *p)
{
    struct data d = {.xs = p->in + check_below(4), .zs = p->out + check_below(4)};
    const size_t rows = p->n + (p->taps - 1) * p->dilation;
    d.weights = p->taps * p->in * p->out;
    d.x = check_buffer((p->n ? (p->n - 1) * d.xs + p->in : 1) * sizeof(float), 4 * check_below(16));
    d.dz = check_buffer((rows * d.zs + p->out) * sizeof(float), 4 * check_below(16));
    d.want = check_floats(d.weights);
    d.got = check_buffer(d.weights * sizeof(float), 4 * check_below(16));
    d.before = check_floats(d.weights);
    d.want_bias = check_floats(p->out);
    d.got_bias = check_buffer(p->out * sizeof(float), 4 * check_below(16));
    check_fill(d.x, p->n ? (p->n - 1) * d.xs + p->in : 1, p->fill);
    check_fill(d.dz, rows * d.zs + p->out, CHECK_NORMAL);
    check_fill(d.before, d.weights, p->fill);
    check_fill(d.want_bias, p->out, CHECK_NORMAL);
    memcpy(d.want, d.before, d.weights * sizeof(float));
    memcpy(d.got, d.before, d.weights * sizeof(float));
    memcpy(d.got_bias, d.want_bias, p->out * sizeof(float));
    return d;
}

static void gradient(const struct lte_kernels *k, float *dw, float *db, const struct data *d,
                     const struct shape *p)
{
    k->router_weight_grad(dw, db, d->x, d->xs, d->dz, d->zs, p->n, p->in, p->out, p->taps,
                          p->dilation, p->left);
}

// |dw| + sum |x| |dz| of one weight, with what falls below the normal range: what rounding errors
// are measured by.
static double size_of_sum(const struct data *d, const struct shape *p, size_t weight)
{
    const size_t o = weight % p->out, c = weight / p->out % p->in, j = weight / p->out / p->in;
    double sum = fabs((double)d->before[weight]) + (double)(p->n + 1) * 0x1p-149 / 4e-7;
    for (size_t t = 0; t < p->n; t++)
        sum += fabs((double)d->x[t * d->xs + c] *
                    d->dz[(t + (p->taps - 1 - j) * p->dilation) * d->zs + o]);
    return sum;
}

static bool same_as_reference(const struct lte_kernels *k, const struct shape *p, double *worst)
{
    const struct data d = make(p);
    gradient(check_ref(), d.want, d.want_bias, &d, p);
    gradient(k, d.got, d.got_bias, &d, p);
    const double tolerance = 4e-7 * sqrt((double)p->n + 1);
    bool good = check_guards();
    for (size_t i = 0; good && i < d.weights; i++)
        good = check_near(d.got + i, d.want + i, 1, size_of_sum(&d, p, i), tolerance, worst, "dw");
    good = good && check_near(d.got_bias, d.want_bias, p->out, 1 + (double)p->n, tolerance, NULL, "db");
    if (!good)
        check_note("n %zu in %zu out %zu taps %zu dilation %zu left %zu", p->n, p->in, p->out,
                   p->taps, p->dilation, p->left);
    check_free_buffers();
    return good;
}

static void check_shapes(const struct lte_kernels *k, const char *name)
{
    static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 47, 64, 80, 128};
    double worst = 0;
    bool good = true;
    for (size_t run = 0; good && run < 150; run++) {
        struct shape p = {check_below(40), sizes[check_below(run % 8 ? 10 : 16)],
                          run < 100 ? 1 + run : sizes[check_below(16)], 1 + check_below(4),
                          1 + check_below(3), 0, (enum check_fill)check_below(CHECK_FILLS)};
        p.left = check_below((p.taps - 1) * p.dilation + 1);
        good = p.fill == CHECK_ONE_NAN || same_as_reference(k, &p, &worst);
    }
    check_ok(good, "router_weight_grad %s: shapes and strides", name);
    check_note("router_weight_grad %s: worst error %.2g of |dw| + sum |x||dz|", name, worst);
}

// One NaN of x reaches the weights of its channel and no other, and no bias.
static void check_nan(const struct lte_kernels *k, const char *name)
{
    const struct shape p = {20, 5, 37, 3, 2, 2, CHECK_NORMAL};
    const struct data d = make(&p);
    d.x[9 * d.xs + 3] = NAN;
    gradient(k, d.got, d.got_bias, &d, &p);
    bool good = true;
    for (size_t i = 0; i < d.weights; i++)
        good &= !isnan(d.got[i]) == (i / p.out % p.in != 3);
    for (size_t o = 0; o < p.out; o++)
        good &= !isnan(d.got_bias[o]);
    check_ok(good && check_guards(), "router_weight_grad %s: NaN stays in its channel", name);
    check_free_buffers();
}

// sum dw*w + db*b of a linear convolution is sum dz*z, and sum dx*x is that without the bias: one
// identity that ties forward, weight gradient and the input gradient as a reversed convolution.
static void check_euler(const struct lte_kernels *k, const char *name)
{
    enum { N = 23, IN = 10, OUT = 7, TAPS = 3, DILATION = 2, LEFT = 2, SPAN = 4 };
    float x[(N + SPAN) * IN] = {0}, z[N * OUT], dz[(N + SPAN) * OUT] = {0}, dx[N * IN];
    float w[TAPS * IN * OUT], reversed[TAPS * IN * OUT], b[OUT], none[IN] = {0};
    float dw[TAPS * IN * OUT] = {0}, db[OUT] = {0};
    check_fill(x + LEFT * IN, N * IN, CHECK_NORMAL);
    check_fill(dz + (SPAN - LEFT) * OUT, N * OUT, CHECK_NORMAL);
    check_fill(w, TAPS * IN * OUT, CHECK_NORMAL);
    check_fill(b, OUT, CHECK_NORMAL);
    for (size_t j = 0; j < TAPS; j++)
        for (size_t c = 0; c < IN; c++)
            for (size_t o = 0; o < OUT; o++)
                reversed[((TAPS - 1 - j) * OUT + o) * IN + c] = w[(j * IN + c) * OUT + o];
    k->router_conv(z, OUT, x, IN, N, w, b, IN, OUT, TAPS, DILATION, 0);
    k->router_conv(dx, IN, dz, OUT, N, reversed, none, OUT, IN, TAPS, DILATION, 0);
    k->router_weight_grad(dw, db, x + LEFT * IN, IN, dz, OUT, N, IN, OUT, TAPS, DILATION, LEFT);
    double outputs = 0, weights = 0, inputs = 0, biases = 0;
    for (size_t i = 0; i < N * OUT; i++)
        outputs += (double)z[i] * dz[(SPAN - LEFT) * OUT + i];
    for (size_t i = 0; i < TAPS * IN * OUT; i++)
        weights += (double)dw[i] * w[i];
    for (size_t i = 0; i < N * IN; i++)
        inputs += (double)dx[i] * x[LEFT * IN + i];
    for (size_t o = 0; o < OUT; o++)
        biases += (double)db[o] * b[o];
    check_ok(fabs(outputs - weights - biases) < 1e-3 && fabs(weights - inputs) < 1e-3,
             "router_weight_grad %s: one gradient with the convolution", name);
}

static void check_slope(const struct lte_kernels *k, const char *name)
{
    float z[131], y[131], slope[131], want_y[131], want_slope[131];
    bool good = true;
    double worst = 0;
    for (size_t n = 0; n <= 131; n++) {
        float *got_y = check_buffer((n + 1) * sizeof(float), 4 * check_below(16));
        float *got_slope = check_buffer((n + 1) * sizeof(float), 4 * check_below(16));
        for (size_t i = 0; i < n; i++)
            z[i] = (i % 3 ? 3.0f : 40.0f) * check_normal();
        check_ref()->silu_slope(want_y, want_slope, z, n);
        k->silu_slope(got_y, got_slope, z, n);
        for (size_t i = 0; good && i < n; i++)
            good = check_near(got_y + i, want_y + i, 1, fabs((double)want_y[i]) + 2e-29, 6e-7, &worst,
                              "y") &&
                   check_near(got_slope + i, want_slope + i, 1, 1 + fabs((double)z[i]), 4e-7, &worst,
                              "slope");
        good = good && check_guards();
        check_free_buffers();
    }
    check_ok(good, "silu_slope %s: silu and its slope, %.2g", name, worst);
    const float edge[3] = {-INFINITY, INFINITY, NAN};
    k->silu_slope(y, slope, edge, 3);
    good = fabsf(y[0]) < 1e-30f && fabsf(slope[0]) < 1e-30f && isinf(y[1]) && isnan(y[2]) &&
           isnan(slope[2]);
    check_ok(good || k == check_ref(), "silu_slope %s: infinities and NaN", name);
}

static void check_all(const struct lte_kernels *k, const char *name)
{
    check_euler(k, name);
    check_nan(k, name);
    check_slope(k, name);
    check_shapes(k, name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "router_grad");
    check_all(check_ref(), "ref");
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_all(l->kernels, l->name);
    return check_end();
}
