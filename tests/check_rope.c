// SPDX-License-Identifier: BSD-2-Clause
// Rotary position embedding against the reference, and the published example.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

struct shape {
    size_t heads, stride, half;
    enum check_fill fill;
    bool in_place, pairs;
};

static lte_rope_fn *kernel(const struct lte_kernels *k, bool pairs)
{
    return pairs ? k->rope_pairs : k->rope;
}

// What element i of a head is turned with lies at its places first and second.
static size_t first_of(const struct shape *p, size_t i)
{
    return p->pairs ? i / 2 * 2 : i % p->half;
}

static size_t second_of(const struct shape *p, size_t i)
{
    return first_of(p, i) + (p->pairs ? 1 : p->half);
}

static bool same_as_reference(const struct lte_kernels *k, const struct shape *p, double *worst)
{
    const size_t n = p->heads ? (p->heads - 1) * p->stride + 2 * p->half : 0;
    float *x = check_buffer(n * sizeof *x, 4 * check_below(16));
    float *cos_ = check_buffer(p->half * sizeof *x, 4), *sin_ = check_floats(p->half);
    float *want = check_floats(n), *got = check_buffer(n * sizeof *x, 8);
    check_fill(x, n, p->fill);
    for (size_t i = 0; i < p->half; i++) {
        const float angle = check_uniform(-300, 300);
        cos_[i] = cosf(angle);
        sin_[i] = sinf(angle);
    }
    if (p->in_place && n) {
        memcpy(want, x, n * sizeof *x);
        memcpy(got, x, n * sizeof *x);
    }
    kernel(check_ref(), p->pairs)(want, p->in_place ? want : x, p->heads, p->stride, cos_, sin_,
                                  p->half);
    kernel(k, p->pairs)(got, p->in_place ? got : x, p->heads, p->stride, cos_, sin_, p->half);
    bool good = check_guards();
    for (size_t h = 0; good && h < p->heads; h++) {
        const size_t at = h * p->stride, end = at + 2 * p->half;
        for (size_t i = 0; good && i < 2 * p->half; i++) {
            const float a = x[at + first_of(p, i)], b = x[at + second_of(p, i)];
            const double scale = fabs((double)a) + fabs((double)b) + 1e-37;
            good = check_near(got + at + i, want + at + i, 1, scale, 4e-7, worst, "rope");
        }
        if (good && h + 1 < p->heads) // nothing may change between two heads
            good = !memcmp(got + end, want + end, (at + p->stride - end) * sizeof *got);
    }
    check_free_buffers();
    return good;
}

static void check_shapes(const struct check_level *l, bool pairs)
{
    static const size_t large[] = {40, 64, 80, 128};
    double worst = 0;
    bool good = true;
    for (size_t half = 0; half < 35 + 4; half++) {
        for (size_t heads = 0; good && heads < 4; heads++) {
            const size_t h = half < 35 ? half : large[half - 35];
            const struct shape p = {heads, 2 * h + check_below(5), h,
                                    (enum check_fill)check_below(CHECK_ONE_NAN),
                                    check_below(2) == 1, pairs};
            good = same_as_reference(l->kernels, &p, &worst);
        }
    }
    check_ok(good, "%s %s: half 0..34, 40, 64, 80, 128, heads 0..3, strides, in place",
             pairs ? "rope_pairs" : "rope", l->name);
    check_note("%s %s: worst error %.2g of the pair", pairs ? "rope_pairs" : "rope", l->name,
               worst);
}

// Base 1e4, position 3, head dimension 4; the rotation by the negative angle brings x back.
static void check_example(const struct lte_kernels *k, const char *name)
{
    static const float x[] = {1, 2, 3, 4}, want[] = {-1.413353f, 1.879118f, -2.828857f, 4.058191f};
    const float angle[] = {3, 3 * 0.01f};
    static const float mixed[] = {1, 3, 2, 4}; // the same pairs, interleaved
    float c[2], s[2], back[2], y[4], z[4];
    for (size_t i = 0; i < 2; i++) {
        c[i] = cosf(angle[i]);
        s[i] = sinf(angle[i]);
        back[i] = -s[i];
    }
    k->rope(y, x, 1, 4, c, s, 2);
    k->rope(z, y, 1, 4, c, back, 2);
    check_ok(check_near(y, want, 4, 1, 2e-6, NULL, "y") && check_near(z, x, 4, 1, 2e-6, NULL, "x"),
             "rope %s: D = 4 at position 3, and back", name);
    k->rope_pairs(z, mixed, 1, 4, c, s, 2);
    const float same[] = {z[0], z[2], z[1], z[3]};
    check_ok(check_near(same, want, 4, 1, 2e-6, NULL, "z"), "rope_pairs %s: the same, interleaved",
             name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "rope");
    check_example(check_ref(), "ref");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_example(l->kernels, l->name);
        check_shapes(l, false);
        check_shapes(l, true);
    }
    return check_end();
}
