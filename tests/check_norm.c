// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of one vector: every level against the reference, the reference against known
// values.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

static const double TOLERANCE = 1e-6; // of the largest result; simd/norm.h

enum form { RMSNORM, RMSNORM_PLAIN, L2NORM, GATED_NORM, FORMS };
static const char *const names[] = {"rmsnorm", "rmsnorm without weights", "l2norm", "gated_norm"};

static void call(const struct lte_kernels *k, enum form form, float *y, const float *x,
                 const float *gate, const float *w, size_t n)
{
    if (form == L2NORM)
        k->l2norm(y, x, n, 1e-6f, 0.25f);
    else if (form == GATED_NORM)
        k->gated_norm(y, x, gate, w, n, 1e-6f);
    else
        k->rmsnorm(y, x, form == RMSNORM ? w : NULL, n, 1e-6f);
}

static double largest(const float *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        m = fmax(m, fabs(x[i]));
    return m;
}

static bool compare(const struct lte_kernels *k, enum form form, size_t n, size_t offset,
                    enum check_fill fill, double *worst)
{
    float *x = check_buffer(n * 4, offset), *w = check_buffer(n * 4, offset);
    float *gate = check_buffer(n * 4, offset), *want = check_floats(n), *y = check_buffer(n * 4, offset);
    check_fill(x, n, fill);
    check_fill(w, n, CHECK_NORMAL);
    check_fill(gate, n, CHECK_NORMAL);
    call(check_ref(), form, want, x, gate, w, n);
    call(k, form, y, x, gate, w, n);
    const double scale = fmax(largest(want, n), 1e-32); // denormal in, denormal out
    bool good = check_near(y, want, n, scale, TOLERANCE, worst, names[form]);
    memcpy(y, x, n * sizeof *x); // in place
    call(k, form, y, y, gate, w, n);
    good &= check_near(y, want, n, scale, TOLERANCE, worst, names[form]);
    if (form == GATED_NORM) {
        call(k, form, gate, x, gate, w, n);
        good &= check_near(gate, want, n, scale, TOLERANCE, worst, names[form]);
    }
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("%s n %zu offset %zu fill %s", names[form], n, offset, check_fill_name(fill));
    return good;
}

static void check_form(const struct check_level *l, enum form form)
{
    static const size_t sizes[] = {63, 64, 65, 96, 127, 128, 129, 192, 255, 256, 1000, 4096, 4099};
    double worst = 0;
    bool good = true;
    for (size_t n = 0; n <= 67; n++)
        good &= compare(l->kernels, form, n, 4 * (n % 16), CHECK_NORMAL, &worst);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (enum check_fill f = 0; f < CHECK_FILLS; f++)
            good &= compare(l->kernels, form, sizes[i], 4 * (i % 4), f, &worst);
    check_ok(good, "%s %s (worst error %.3g)", names[form], l->name, worst);
}

// Known answers, for every level with the reference first.
static void check_known(const char *level, const struct lte_kernels *k)
{
    const float x[] = {3, 4}, w[] = {1, 2}, zero[37] = {0}, gate[] = {INFINITY, -INFINITY};
    const float want[] = {0.848528f, 2.262742f};
    float y[37];
    k->rmsnorm(y, x, w, 2, 1e-6f);
    check_ok(check_near(y, want, 2, 1, 1e-6, NULL, "rmsnorm"), "rmsnorm %s: [3,4]", level);
    memset(y, 0x55, sizeof y);
    k->l2norm(y, zero, 37, 1e-6f, 1);
    bool good = !memcmp(y, zero, sizeof zero);
    k->l2norm(y, zero, 37, 0, 1);
    good &= !memcmp(y, zero, sizeof zero);
    check_ok(good, "l2norm %s: zero stays zero", level);
    k->gated_norm(y, x, gate, w, 2, 1e-6f);
    check_ok(y[0] == INFINITY && y[1] == 0 && signbit(y[1]), "gated_norm %s: infinite gates", level);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "norm");
    check_known("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_known(l->name, l->kernels);
        for (enum form f = 0; f < FORMS; f++)
            check_form(l, f);
    }
    return check_end();
}
