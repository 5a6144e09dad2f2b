// SPDX-License-Identifier: BSD-2-Clause
// Elementwise functions: every level against libm in double, over the whole range of float.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { MAX_SIZE = 67, SWEEP = 1 << 16 };

// simd/activation.h; those of what has a sigmoid in it
static const double RELATIVE = 4e-7, ABSOLUTE = 1e-37;
static const double SIGMOID_RELATIVE = 5e-7, SIGMOID_ABSOLUTE = 4e-37;

static double want_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double want_silu(double x)
{
    return x == -INFINITY ? -0.0 : x * want_sigmoid(x);
}

static double want_softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x))) + (isnan(x) ? x : 0);
}

static const struct function {
    const char *name;
    double (*want)(double);
    bool sigmoid;
    size_t at; // in struct lte_kernels
} functions[] = {
    {"vexp", exp, false, offsetof(struct lte_kernels, vexp)},
    {"sigmoid", want_sigmoid, true, offsetof(struct lte_kernels, sigmoid)},
    {"silu", want_silu, true, offsetof(struct lte_kernels, silu)},
    {"softplus", want_softplus, false, offsetof(struct lte_kernels, softplus)},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

static lte_map_fn *kernel(const struct lte_kernels *k, const struct function *f)
{
    lte_map_fn *fn;
    memcpy(&fn, (const char *)k + f->at, sizeof fn);
    return fn;
}

// Whether y is f(x) within tolerance; the largest relative error of normal results goes to *worst.
static bool close_enough(const struct function *f, float x, float y, double *worst)
{
    const double want = f->want(x);
    if (isnan(want) || isnan(y))
        return isnan(want) && isnan(y);
    if (isinf(y) || fabs(want) > 3.4028e38)
        return y == (float)want || fabs(want) > 3.4028e38; // the last value may go over
    const double relative = f->sigmoid ? SIGMOID_RELATIVE : RELATIVE;
    const double absolute = f->sigmoid ? SIGMOID_ABSOLUTE : ABSOLUTE, error = fabs(y - want);
    if (fabs(want) > 1.2e-38 && error > absolute && error / fabs(want) > *worst)
        *worst = error / fabs(want);
    return error <= relative * fabs(want) + absolute;
}

static bool check_values(lte_map_fn *fn, const struct function *f, const float *x, size_t n,
                         double *worst)
{
    float *y = check_floats(n);
    fn(y, x, n);
    for (size_t i = 0; i < n; i++) {
        if (!close_enough(f, x[i], y[i], worst)) {
            check_note("%s(%.9g) is %.9g, want %.9g", f->name, x[i], y[i], f->want(x[i]));
            return false;
        }
        if (f->want == want_sigmoid && !(y[i] >= 0 && y[i] <= 1) && !isnan(x[i]))
            return false;
    }
    return true;
}

static void check_sweep(const char *level, const struct lte_kernels *k, const struct function *f)
{
    static const float edges[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-45f, -1e-45f, 20.0f,
                                  20.1f, 88.72f, 88.73f, 89.0f, -87.3f, -87.4f, -88.7f, -88.8f,
                                  -103.9f, -104.0f, -105.0f, 3.4e38f, -3.4e38f, 1.0f, -1.0f};
    float *x = check_floats(SWEEP);
    double worst = 0;
    bool good = check_values(kernel(k, f), f, edges, sizeof edges / sizeof edges[0], &worst);
    const uint32_t first = check_random();
    for (uint32_t i = 0; i < SWEEP; i++) { // every exponent, both signs
        const uint32_t bits = first + i * (uint32_t)(UINT32_MAX / SWEEP);
        memcpy(&x[i], &bits, sizeof bits);
    }
    good &= check_values(kernel(k, f), f, x, SWEEP, &worst);
    for (size_t i = 0; i < SWEEP; i++)
        x[i] = -110 + 205 * ((float)i + check_uniform(0, 1)) / SWEEP;
    good &= check_values(kernel(k, f), f, x, SWEEP, &worst);
    check_free_buffers();
    check_ok(good, "%s %s: all of float (worst relative error %.3g)", f->name, level, worst);
}

static void check_sizes(const char *level, const struct lte_kernels *k)
{
    bool good = true;
    double worst = 0;
    for (size_t n = 0; n <= MAX_SIZE; n++) {
        float *x = check_buffer(n * sizeof *x, 4), *other = check_buffer(n * sizeof *x, 8);
        float *y = check_buffer(n * sizeof *x, 12);
        for (size_t i = 0; i < n; i++) {
            x[i] = 3 * check_normal();
            other[i] = check_normal();
        }
        for (size_t f = 0; f < FUNCTIONS; f++) { // in place
            memcpy(y, x, n * sizeof *x);
            kernel(k, &functions[f])(y, y, n);
            for (size_t i = 0; i < n; i++)
                good &= close_enough(&functions[f], x[i], y[i], &worst);
        }
        k->add(y, x, other, n);
        for (size_t i = 0; i < n; i++)
            good &= y[i] == x[i] + other[i];
        memcpy(y, other, n * sizeof *x);
        k->swiglu(y, x, y, n);
        for (size_t i = 0; i < n; i++) {
            const double want = want_silu(x[i]) * other[i];
            good &= fabs(y[i] - want) <= SIGMOID_RELATIVE * fabs(want) + SIGMOID_ABSOLUTE;
        }
        good &= check_guards();
        check_free_buffers();
    }
    check_ok(good, "activation %s: sizes 0 to %d, in place, unaligned", level, MAX_SIZE);
}

static void check_level(const char *level, const struct lte_kernels *k)
{
    for (size_t f = 0; f < FUNCTIONS; f++)
        check_sweep(level, k, &functions[f]);
    check_sizes(level, k);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "activation");
    check_level("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_level(l->name, l->kernels);
    return check_end();
}
