// SPDX-License-Identifier: BSD-2-Clause
// Normalisations of vectors: every level against the reference, the reference against known
// values.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

static const double TOLERANCE = 1e-6; // of the largest result; simd/norm.h

enum form { RMSNORM, RMSNORM_PLAIN, L2NORM, GATED_NORM, FORMS };
static const char *const names[] = {"rmsnorm", "rmsnorm without weights", "l2norm", "gated_norm"};

struct shape {
    size_t rows, n, ys, xs, gs, ws;
};

static void call(const struct lte_kernels *k, enum form form, float *y, const float *x,
                 const float *gate, const float *w, const struct shape *s)
{
    if (form == L2NORM)
        k->l2norm(y, s->ys, x, s->xs, s->rows, s->n, 1e-6f, 0.25f);
    else if (form == GATED_NORM)
        k->gated_norm(y, s->ys, x, s->xs, gate, s->gs, w, s->ws, s->rows, s->n, 1e-6f);
    else
        k->rmsnorm(y, s->ys, x, s->xs, form == RMSNORM ? w : NULL, s->ws, s->rows, s->n, 1e-6f);
}

static double largest(const float *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        m = fmax(m, fabs(x[i]));
    return m;
}

// The floats that rows with this stride take.
static size_t extent(const struct shape *s, size_t stride)
{
    return s->rows ? (s->rows - 1) * stride + s->n : 0;
}

// Each row within its tolerance, and what lies between the rows as it was.
static bool same(const float *y, const float *want, const struct shape *s, double *worst,
                 const char *what)
{
    bool good = true;
    for (size_t r = 0; r < s->rows; r++) {
        const float *a = y + r * s->ys, *b = want + r * s->ys;
        const double scale = fmax(largest(b, s->n), 1e-32); // denormal in, denormal out
        good &= check_near(a, b, s->n, scale, TOLERANCE, worst, what);
        if (r + 1 < s->rows)
            good &= !memcmp(a + s->n, b + s->n, (s->ys - s->n) * sizeof *a);
    }
    return good;
}

static float *copied(const float *x, size_t n)
{
    float *y = check_buffer(n * sizeof *y, 4);
    memcpy(y, x, n * sizeof *y);
    return y;
}

// In place, y takes the place of x, and in turn that of the gate.
static bool in_place(const struct lte_kernels *k, enum form form, const float *x, const float *gate,
                     const float *w, const struct shape *s, double *worst)
{
    bool good = true;
    for (int of_gate = 0; of_gate <= (form == GATED_NORM); of_gate++) {
        struct shape t = *s;
        t.ys = of_gate ? t.gs : t.xs;
        const float *from = of_gate ? gate : x;
        float *want = copied(from, extent(&t, t.ys)), *y = copied(from, extent(&t, t.ys));
        call(check_ref(), form, want, x, gate, w, &t);
        call(k, form, y, of_gate ? x : y, of_gate ? y : gate, w, &t);
        good &= same(y, want, &t, worst, names[form]);
    }
    return good;
}

static bool compare(const struct lte_kernels *k, enum form form, const struct shape *s,
                    size_t offset, enum check_fill fill, double *worst)
{
    const size_t xn = extent(s, s->xs), gn = extent(s, s->gs), wn = extent(s, s->ws);
    const size_t yn = extent(s, s->ys);
    float *x = check_buffer(xn * 4, offset), *w = check_buffer(wn * 4, offset);
    float *gate = check_buffer(gn * 4, offset), *y = check_buffer(yn * 4, offset);
    check_fill(x, xn, fill);
    check_fill(w, wn, CHECK_NORMAL);
    check_fill(gate, gn, CHECK_NORMAL);
    check_fill(y, yn, CHECK_NORMAL);
    float *want = copied(y, yn);
    call(check_ref(), form, want, x, gate, w, s);
    call(k, form, y, x, gate, w, s);
    bool good = same(y, want, s, worst, names[form]);
    good &= in_place(k, form, x, gate, w, s, worst);
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("%s %zu x %zu offset %zu fill %s", names[form], s->rows, s->n, offset,
                   check_fill_name(fill));
    return good;
}

static struct shape one_row(size_t n)
{
    return (struct shape){.rows = 1, .n = n, .ys = n, .xs = n, .gs = n, .ws = n};
}

static void check_form(const struct check_level *l, enum form form)
{
    static const size_t sizes[] = {63, 64, 65, 96, 127, 128, 129, 192, 255, 256, 1000, 4096, 4099};
    double worst = 0;
    bool good = true;
    for (size_t n = 0; n <= 67; n++) {
        const struct shape s = one_row(n);
        good &= compare(l->kernels, form, &s, 4 * (n % 16), CHECK_NORMAL, &worst);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct shape s = one_row(sizes[i]);
        for (enum check_fill f = 0; f < CHECK_FILLS; f++)
            good &= compare(l->kernels, form, &s, 4 * (i % 4), f, &worst);
    }
    check_ok(good, "%s %s (worst error %.3g)", names[form], l->name, worst);
}

static void check_rows(const struct check_level *l, enum form form)
{
    static const size_t sizes[] = {1, 7, 40, 64, 67, 128, 131, 256, 1600};
    double worst = 0;
    bool good = true;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t rows = 0; rows <= 19; rows += sizes[i] > 256 ? 6 : 1) {
            const size_t n = sizes[i];
            const struct shape s = {rows, n, n + rows % 3, n + i % 4, n + 5 * (rows % 2),
                                    rows % 2 ? n : 0};
            good &= compare(l->kernels, form, &s, 4 * (rows % 16),
                            (enum check_fill)(rows % CHECK_FILLS), &worst);
        }
    check_ok(good, "%s %s: rows and strides (worst error %.3g)", names[form], l->name, worst);
}

// A row alone, or with any others, has the same bits.
static void check_split(const struct check_level *l, enum form form)
{
    static const size_t sizes[] = {37, 64, 100, 128, 200, 1600};
    bool good = true;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct shape s = {23, sizes[i], sizes[i], sizes[i], sizes[i], 0};
        const size_t all = s.rows * s.n;
        float *x = check_floats(all), *gate = check_floats(all), *w = check_floats(s.n);
        float *y = check_floats(all), *part = check_floats(all);
        check_fill(x, all, CHECK_NORMAL);
        check_fill(gate, all, CHECK_NORMAL);
        check_fill(w, s.n, CHECK_NORMAL);
        call(l->kernels, form, y, x, gate, w, &s);
        for (size_t r = 0, rows = 1; r < 23; r += s.rows, rows = rows % 7 + 1) {
            s.rows = rows < 23 - r ? rows : 23 - r;
            call(l->kernels, form, part + r * s.n, x + r * s.n, gate + r * s.n, w, &s);
        }
        good &= !memcmp(y, part, all * sizeof *y);
        check_free_buffers();
    }
    check_ok(good, "%s %s: any split of the rows gives the same bits", names[form], l->name);
}

// Known answers, for every level with the reference first.
static void check_known(const char *level, const struct lte_kernels *k)
{
    const float x[] = {3, 4}, w[] = {1, 2}, zero[37] = {0}, gate[] = {INFINITY, -INFINITY};
    const float want[] = {0.848528f, 2.262742f};
    float y[37];
    k->rmsnorm(y, 2, x, 2, w, 0, 1, 2, 1e-6f);
    check_ok(check_near(y, want, 2, 1, 1e-6, NULL, "rmsnorm"), "rmsnorm %s: [3,4]", level);
    memset(y, 0x55, sizeof y);
    k->l2norm(y, 37, zero, 37, 1, 37, 1e-6f, 1);
    bool good = !memcmp(y, zero, sizeof zero);
    k->l2norm(y, 37, zero, 37, 1, 37, 0, 1);
    good &= !memcmp(y, zero, sizeof zero);
    k->rmsnorm(y, 12, zero, 12, NULL, 0, 3, 12, 0);
    good &= !memcmp(y, zero, sizeof zero);
    check_ok(good, "norms %s: zero stays zero", level);
    k->gated_norm(y, 2, x, 2, gate, 2, w, 0, 1, 2, 1e-6f);
    good = y[0] == INFINITY && y[1] == 0 && signbit(y[1]);
    check_ok(good, "gated_norm %s: infinite gates", level);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "norm");
    check_known("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_known(l->name, l->kernels);
        for (enum form f = 0; f < FORMS; f++) {
            check_form(l, f);
            check_rows(l, f);
            check_split(l, f);
        }
    }
    return check_end();
}
