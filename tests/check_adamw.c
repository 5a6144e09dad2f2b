// SPDX-License-Identifier: BSD-2-Clause
// One step of AdamW: every level against the reference.
#include "config.h"

#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { ARRAYS = 3 };

static bool one(const struct lte_kernels *k, size_t n, const struct lte_adamw_rates *r, double *worst)
{
    float *was[ARRAYS], *want[ARRAYS], *got[ARRAYS], *g = check_floats(n);
    for (size_t i = 0; i < n; i++)
        g[i] = check_below(5) ? check_normal() : 0;
    for (int j = 0; j < ARRAYS; j++) {
        was[j] = check_floats(n);
        want[j] = check_floats(n);
        got[j] = check_floats(n);
        for (size_t i = 0; i < n; i++) // the second moment has no sign
            was[j][i] = j == 2 ? fabsf(0.1f * check_normal()) : check_normal();
        if (n) {
            memcpy(want[j], was[j], n * sizeof(float));
            memcpy(got[j], was[j], n * sizeof(float));
        }
    }
    check_ref()->adamw(want[0], want[1], want[2], g, n, r);
    k->adamw(got[0], got[1], got[2], g, n, r);
    bool good = check_guards();
    for (size_t i = 0; good && i < n; i++) {
        const double step = fabs((double)want[0][i] - was[0][i]) + fabs(1e-3 * was[0][i]);
        const double m = fabs((double)r->beta1 * was[1][i]) + fabs((double)r->gain1 * g[i]);
        good = check_near(got[0] + i, want[0] + i, 1, 1.2e-7 * fabs((double)want[0][i]) + 3e-6 * step,
                          1, worst, "w") &&
               check_near(got[1] + i, want[1] + i, 1, m, 2e-7, worst, "m") &&
               check_near(got[2] + i, want[2] + i, 1, want[2][i], 2e-7, worst, "v");
    }
    check_free_buffers();
    return good;
}

int main(int argc, char **argv)
{
    static const struct lte_adamw_rates rates[] = {
        {1, 0.9f, 0.1f, 0.95f, 0.05f, 3e-4f, 1, 1e-8f, 3e-5f},
        {0.37f, 0.9f, 0.1f, 0.999f, 0.001f, 3e-3f, 31.6f, 1e-15f, 0},
        {0, 0.9f, 0.1f, 0.95f, 0.05f, 1e-3f, 4.47f, 1e-8f, 1e-4f},
    };
    check_begin(argc, argv, "adamw");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        double worst = 0;
        bool good = true;
        for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
            for (size_t n = 0; good && n < 200; n += 1 + n / 40)
                good = one(l->kernels, n, &rates[i], &worst);
        check_ok(good, "adamw %s", l->name);
        check_note("worst error %.3g of what is allowed", worst);
    }
    return check_end();
}
