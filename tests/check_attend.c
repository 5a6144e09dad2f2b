// SPDX-License-Identifier: BSD-2-Clause
// Attention against the reference and the published cases: what is seen, and what must not be read.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/attend_problem.h"
#include "tests/check.h"

static const char *const type_names[] = {"f32", "bf16", "f16"};

static bool same_as_reference(const struct lte_kernels *k, const struct problem_shape *shape,
                              double *worst)
{
    struct problem p;
    problem_make(&p, shape);
    float *got = p.a.o, *want = check_floats(p.o_size);
    float *got_lse = p.a.lse, *want_lse = check_floats(p.lse_size);
    p.a.o = want;
    p.a.lse = want_lse;
    check_ref()->attend[p.type](&p.a);
    p.a.o = got;
    p.a.lse = got_lse;
    k->attend[p.type](&p.a);
    // What lies between and before the rows holds the same fill in both.
    const bool good = check_guards() &&
                      check_near(got, want, p.o_size, p.tolerance > 0 ? p.tolerance : 1e-30, 1,
                                 worst, "attend") &&
                      check_near(got_lse, want_lse, p.lse_size, p.lse_tolerance, 1, worst, "lse");
    if (!good)
        check_note("%s dim %zu group %zu count %zu spans %zu", type_names[p.type], shape->dim,
                   shape->group, shape->count, shape->spans);
    check_free_buffers();
    return good;
}

static void check_shapes(const struct lte_kernels *k, const char *name, enum lte_dtype type)
{
    static const size_t hot[] = {64, 80, 128, 256, PROBLEM_DIM};
    double worst = 0;
    bool good = true;
    for (size_t i = 0; good && i < 40; i++) {
        struct problem_shape s = {type, check_below(40), 1, 1 + check_below(8), 1 + i,
                                  check_below(PROBLEM_SPANS + 1), i % 10 ? 200 : 2000};
        if (i >= 35)
            s.dim = hot[i - 35];
        good = same_as_reference(k, &s, &worst);
        s.count = 2 + check_below(15);
        good = good && same_as_reference(k, &s, &worst);
        s.count = i % 2 ? 16 : 1;
        s.group = i % 3 ? 1 + check_below(4) : 16;
        s.spans = 1;
        good = good && same_as_reference(k, &s, &worst);
    }
    check_ok(good, "attend %s %s: head dims 1..35, 64, 80, 128, 256, 300", name, type_names[type]);
    check_note("attend %s %s: worst error %.2g of the tolerance", name, type_names[type], worst);
}

enum { LONGEST = 16 };

// One head of one sequence, key j seen by the queries [from, until), in calls of `count` queries.
struct sequence {
    size_t n, dim;
    float q[LONGEST * LONGEST], k[LONGEST * LONGEST], v[LONGEST * LONGEST], o[LONGEST * LONGEST];
    uint32_t from[LONGEST], until[LONGEST];
};

static void run_sequence(const struct lte_kernels *k, struct sequence *s, size_t count,
                         float scale)
{
    const struct lte_kv_span span = {s->k, s->v, s->dim, s->dim, s->from, s->until, s->n, 0, NULL};
    struct lte_attend_args a = {.q = s->q, .o = s->o, .q_stride = s->dim, .o_stride = s->dim,
                                .group = 1, .head_dim = s->dim, .scale = scale, .span = &span,
                                .spans = 1};
    a.scratch = check_floats(lte_attend_scratch(1, s->dim));
    for (a.first = 0; a.first < s->n; a.first += a.count) {
        a.count = s->n - a.first < count ? s->n - a.first : count;
        k->attend[LTE_DTYPE_F32](&a);
    }
    check_free_buffers();
}

static float wave(double c, size_t i)
{
    return (float)sin(c + 0.7 * (double)i);
}

// Six tokens, {0, 3} selected, the others seen for one token more.
static void check_example(const struct lte_kernels *k, const char *name)
{
    static const float want[] = {.295520f, .841471f,  .735903f,  .736454f, .412523f, .194472f,
                                 -.601620f, -.647980f, -.415941f, .007063f, .403855f, .747391f};
    struct sequence s = {.n = 6, .dim = 2};
    for (size_t i = 0; i < 12; i++) {
        s.q[i] = wave(.1, i);
        s.k[i] = wave(.2, i);
        s.v[i] = wave(.3, i);
    }
    for (uint32_t j = 0; j < 6; j++) {
        s.from[j] = j;
        s.until[j] = j % 3 ? j + 2 : UINT32_MAX;
    }
    bool good = true;
    for (size_t count = 1; count <= 6; count++) {
        run_sequence(k, &s, count, sqrtf(0.5f));
        good = good && check_near(s.o, want, 12, 1, 2e-6, NULL, "o");
    }
    check_ok(good, "attend %s: eviction mask, six tokens in calls of 1..6", name);
}

// With equal scores and one-hot values a row of the output is the set of keys seen, over its size.
static bool sees(const struct lte_kernels *k, struct sequence *s, size_t query, unsigned set)
{
    s->dim = LONGEST;
    memset(s->v, 0, sizeof s->v);
    size_t size = 0;
    for (size_t j = 0; j < s->n; j++) {
        s->v[j * LONGEST + j] = 1;
        size += set >> j & 1;
    }
    for (size_t count = 1; count <= s->n; count++) {
        run_sequence(k, s, count, 1);
        for (size_t j = 0; j < LONGEST; j++) {
            const float want = set >> j & 1 ? 1 / (float)size : 0;
            if (fabsf(s->o[query * LONGEST + j] - want) > 1e-6f)
                return false;
        }
    }
    return true;
}

static void check_windows(const struct lte_kernels *k, const char *name)
{
    static const struct { size_t query; unsigned set; } want[] = {
        {4, 0x1f}, {5, 0x3f}, {8, 0x1eb}, {9, 0x3cb}};
    struct sequence s = {.n = 4};
    for (uint32_t j = 0; j < 4; j++) {
        s.from[j] = j;
        s.until[j] = j + 2;
    }
    bool good = sees(k, &s, 3, 0xc); // attention, window 2: {2, 3}
    for (uint32_t j = 0; j < 4; j++)
        s.until[j] = j + 3;
    good = good && sees(k, &s, 3, 0xe); // token eviction, window 2: {1, 2, 3}
    // Ten tokens, window 3, buffer 3: {0, 1, 3} are kept for ever.
    s.n = 10;
    for (uint32_t j = 0; j < 10; j++) {
        s.from[j] = j;
        s.until[j] = j == 0 || j == 1 || j == 3 ? UINT32_MAX : j + 4;
    }
    for (size_t i = 0; i < 4; i++)
        good = good && sees(k, &s, want[i].query, want[i].set);
    check_ok(good, "attend %s: the keys that windows and a retained buffer show", name);
}

// No key, or only keys that nobody sees: exactly zero, whatever lies in memory.
static void check_nothing(const struct lte_kernels *k, const char *name)
{
    struct sequence s = {.n = 9, .dim = 7};
    memset(s.k, 0xFF, sizeof s.k);
    memset(s.v, 0xFF, sizeof s.v);
    for (uint32_t j = 0; j < 9; j++)
        s.from[j] = s.until[j] = j; // nobody
    bool good = true;
    for (size_t count = 1; count <= 9; count++) {
        memset(s.o, 0xFF, sizeof s.o);
        run_sequence(k, &s, count, 1);
        for (size_t i = 0; i < 9 * 7; i++)
            good &= s.o[i] == 0;
    }
    check_ok(good, "attend %s: a query that sees nothing gets zero", name);
}

// Scores far outside the range of exp, of either sign: one key wins and nothing overflows.
static void check_extremes(const struct lte_kernels *k, const char *name)
{
    static const float sizes[] = {1e4f, 1e18f, 1.5e19f};
    bool good = true;
    for (size_t i = 0; i < 6; i++) {
        const float size = sizes[i / 2], sign = i % 2 ? -1 : 1;
        struct sequence s = {.n = 8, .dim = 1};
        for (uint32_t j = 0; j < 8; j++) {
            s.q[j] = sign * size;
            s.k[j] = size / (float)(j + 1); // highest for key 0 or, negative, for the latest
            s.v[j] = (float)(j + 1);
            s.from[j] = j;
            s.until[j] = UINT32_MAX;
        }
        for (size_t count = 1; count <= 8; count += 7) {
            run_sequence(k, &s, count, 1);
            for (size_t j = 0; j < 8; j++)
                good &= s.o[j] == (sign > 0 ? 1 : (float)(j + 1));
        }
    }
    check_ok(good, "attend %s: scores up to 2e38 of either sign", name);
}

// A query is not touched by its neighbours in the call: not even by a NaN.
static void check_neighbours(const struct lte_kernels *k, const char *name)
{
    const struct problem_shape shape = {LTE_DTYPE_F32, 3, 16, 3, 40, 2, 150};
    struct problem p;
    problem_make(&p, &shape);
    float *clean = p.a.o, *q = (float *)p.a.q + 8 * p.a.q_stride + 40 + 7;
    k->attend[LTE_DTYPE_F32](&p.a);
    const float before = *q;
    *q = NAN;
    p.a.o = check_floats(p.o_size);
    k->attend[LTE_DTYPE_F32](&p.a);
    bool good = before == before && check_guards();
    for (size_t r = 0; r < 16 * 3; r++) {
        const size_t at = (3 + r / 3) * p.a.o_stride + r % 3 * 40;
        const bool same = !memcmp(clean + at, p.a.o + at, 40 * sizeof *clean);
        good &= r == 5 * 3 + 1 ? isnan(p.a.o[at]) || same : same; // same: it sees nothing
    }
    check_ok(good, "attend %s: NaN in one head of one query stays there", name);
    check_free_buffers();
}

// Positions near the end of the range, with strides of 0 since no memory lies there.
static void check_far(const struct lte_kernels *k, const char *name)
{
    const float q = 1, key[2] = {1, 1}, v[2] = {5, 7};
    const uint32_t from[2] = {0, UINT32_MAX - 1}, until[2] = {UINT32_MAX - 1, UINT32_MAX};
    const struct lte_kv_span span = {key, v, 1, 1, from, until, 2, 0, NULL};
    float o[1];
    struct lte_attend_args a = {.q = &q, .o = o, .count = 1, .group = 1, .head_dim = 1, .scale = 1,
                                .span = &span, .spans = 1};
    a.scratch = check_floats(lte_attend_scratch(1, 1));
    a.first = UINT32_MAX - 2;
    k->attend[LTE_DTYPE_F32](&a);
    const float last_but_one = o[0];
    a.first = UINT32_MAX - 1;
    k->attend[LTE_DTYPE_F32](&a);
    check_ok(last_but_one == 5 && o[0] == 7, "attend %s: the last positions there are", name);
    check_free_buffers();
}

static void check_all(const struct lte_kernels *k, const char *name)
{
    check_example(k, name);
    check_windows(k, name);
    check_nothing(k, name);
    check_extremes(k, name);
    check_neighbours(k, name);
    check_far(k, name);
    for (size_t type = 0; k != check_ref() && type < 3; type++)
        check_shapes(k, name, (enum lte_dtype)type);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "attend");
    check_all(check_ref(), "ref");
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_all(l->kernels, l->name);
    return check_end();
}
