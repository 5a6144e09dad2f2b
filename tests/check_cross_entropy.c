// SPDX-License-Identifier: BSD-2-Clause
// Softmax cross-entropy of a row: every level against the reference.
#include "config.h"

#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { SHAPES = 5 };
static const char *const shape_name[SHAPES] = {"normal", "sharp", "1e4", "equal", "3e38"};

static void fill(float *x, size_t n, int shape)
{
    static const float scale[SHAPES] = {2, 30, 1e4f, 0, 3e38f};
    for (size_t i = 0; i < n; i++)
        x[i] = shape == 3 ? -1.5f : scale[shape] * check_uniform(-1, 1);
}

static bool one(const struct lte_kernels *k, size_t n, int shape, double *worst)
{
    float *x = check_floats(n), *want = check_floats(n), *got = check_floats(n);
    const size_t target = check_below(n);
    const float scale = check_uniform(-2, 2);
    bool first[4], good = true;
    double loss[4];
    fill(x, n, shape);
    if (check_below(2))
        x[check_below(n)] = x[target]; // a tie
    double top = x[0];
    for (size_t i = 0; i < n; i++)
        top = fmax(top, x[i]);
    loss[0] = check_ref()->cross_entropy(x, n, target, scale, want, &first[0]);
    loss[1] = k->cross_entropy(x, n, target, scale, got, &first[1]);
    loss[2] = k->cross_entropy(x, n, target, scale, NULL, &first[2]);
    good = check_guards() && check_near(got, want, n, fabs((double)scale), 1e-6, worst, "gradient");
    for (size_t i = 0; i < n; i++) {
        const double relative = 1e-6 + 1e-7 * (top - x[i]);
        if (i != target)
            good &= fabs((double)got[i] - want[i]) <= relative * fabs((double)want[i]) + 1e-37;
    }
    loss[3] = k->cross_entropy(x, n, target, scale, x, &first[3]);
    for (int i = 1; i < 4; i++) {
        good &= fabs(loss[i] - loss[0]) <= 2e-7 * (1 + loss[0]);
        good &= first[i] == first[0];
    }
    good &= check_guards() && !memcmp(x, got, n * sizeof *x);
    if (!good)
        check_note("%s: n %zu target %zu: %.9g for %.9g, first %d for %d", shape_name[shape], n,
                   target, loss[1], loss[0], first[1], first[0]);
    check_free_buffers();
    return good;
}

// Not a number in, not a number out, wherever it is.
static bool keeps_nan(const struct lte_kernels *k)
{
    static const float bad[] = {NAN, INFINITY};
    for (size_t n = 1; n < 90; n++)
        for (int i = 0; i < 2; i++) {
            float x[90], gradient[90];
            bool first;
            fill(x, n, 0);
            x[check_below(n)] = bad[i];
            if (!isnan(k->cross_entropy(x, n, check_below(n), 1, gradient, &first)))
                return false;
            bool seen = false;
            for (size_t j = 0; j < n; j++)
                seen |= isnan(gradient[j]);
            if (!seen)
                return false;
        }
    return true;
}

int main(int argc, char **argv)
{
    static const size_t large[] = {256, 1023, 1025, 2049, 32000};
    check_begin(argc, argv, "cross_entropy");
    check_ok(keeps_nan(check_ref()), "ref: NaN and Inf");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        for (int shape = 0; shape < SHAPES; shape++) {
            double worst = 0;
            bool good = true;
            for (size_t n = 1; good && n <= 80; n++)
                for (int i = 0; good && i < 5; i++)
                    good = one(l->kernels, n, shape, &worst);
            for (size_t i = 0; good && i < sizeof large / sizeof large[0]; i++)
                good = one(l->kernels, large[i], shape, &worst);
            check_ok(good, "cross_entropy %s %s", shape_name[shape], l->name);
            check_note("worst error %.3g of the scale", worst);
        }
        check_ok(keeps_nan(l->kernels), "%s: NaN and Inf", l->name);
    }
    return check_end();
}
