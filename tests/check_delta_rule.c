// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule: every level against the reference, and timed.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simd/delta_chunk.h"
#include "tests/check.h"
#include "tests/roof.h"

enum { COLUMNS = LTE_DELTA_COLUMNS };

static const double TOLERANCE = 1e-5; // of the largest output or value; simd/delta_rule.h

// One head's problem in guarded buffers of odd strides.
struct problem {
    struct lte_delta_rule_args args;
    float *initial;
    size_t state_floats, o_floats;
};

static float *filled(size_t n, enum check_fill fill, float scale)
{
    float *x = check_floats(n);
    check_fill(x, n, fill);
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
    return x;
}

static struct problem make(size_t tokens, size_t key_dim, size_t value_dim, size_t odd,
                           enum check_fill fill)
{
    struct problem p;
    struct lte_delta_rule_args *a = &p.args;
    const size_t blocks = (value_dim + COLUMNS - 1) / COLUMNS;
    const float unit = 1 / sqrtf((float)(key_dim ? key_dim : 1));
    *a = (struct lte_delta_rule_args){.tokens = tokens, .key_dim = key_dim, .value_dim = value_dim};
    a->qk_stride = key_dim + odd;
    a->v_stride = value_dim + 2 * odd;
    a->o_stride = value_dim + 3 * odd;
    a->gate_stride = 1 + odd;
    a->q = filled(tokens * a->qk_stride, CHECK_NORMAL, unit);
    a->k = filled(tokens * a->qk_stride, fill == CHECK_ONE_NAN ? fill : CHECK_NORMAL, unit);
    a->v = filled(tokens * a->v_stride, fill, 1);
    p.o_floats = tokens * a->o_stride;
    a->o = check_floats(p.o_floats);
    float *decay = check_floats(tokens * a->gate_stride), *beta = check_floats(tokens * a->gate_stride);
    for (size_t i = 0; i < tokens * a->gate_stride; i++) {
        decay[i] = check_below(8) ? -expf(check_uniform(-9, 2)) : check_below(2) ? 0 : -INFINITY;
        beta[i] = check_uniform(0, 1);
    }
    a->log_decay = decay;
    a->beta = beta;
    p.state_floats = blocks * key_dim * COLUMNS;
    a->state = check_floats(p.state_floats);
    p.initial = check_floats(p.state_floats);
    check_fill(p.initial, p.state_floats, fill == CHECK_ONE_NAN ? CHECK_NORMAL : fill);
    for (size_t i = 0; i < p.state_floats; i++)
        if (i / (key_dim * COLUMNS) * COLUMNS + i % COLUMNS >= value_dim)
            p.initial[i] = 0;
    return p;
}

static double largest(const float *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        m = fabs(x[i]) > m ? fabs(x[i]) : m;
    return m;
}

// Runs `fn` on the problem; the outputs go to `o`, the state to `state`.
static void run(lte_delta_rule_fn *fn, const struct problem *p, float *o, float *state)
{
    struct lte_delta_rule_args a = p->args;
    a.o = o;
    a.state = state;
    memset(o, 0x55, p->o_floats * sizeof *o);
    memcpy(state, p->initial, p->state_floats * sizeof *state);
    fn(&a);
}

static bool compare(lte_delta_rule_fn *fn, size_t tokens, size_t key_dim, size_t value_dim, size_t odd,
                    enum check_fill fill, double *worst)
{
    const struct problem p = make(tokens, key_dim, value_dim, odd, fill);
    float *o = check_floats(p.o_floats), *state = check_floats(p.state_floats);
    run(check_ref()->delta_rule, &p, p.args.o, p.args.state);
    run(fn, &p, o, state);
    // Gaps between rows hold the fill of run() on both sides: they compare as outputs do.
    double scale = 1e-30; // below this the reference itself is down to subnormals
    for (size_t t = 0; t < tokens; t++)
        scale = fmax(scale, fmax(largest(p.args.o + t * p.args.o_stride, value_dim),
                                 largest(p.args.v + t * p.args.v_stride, value_dim)));
    bool good = check_near(o, p.args.o, p.o_floats, scale, TOLERANCE, worst, "o");
    const double state_scale = fmax(scale, largest(p.initial, p.state_floats));
    if (fill != CHECK_ONE_NAN) // the padding columns may become NaN with the rest
        good &= check_near(state, p.args.state, p.state_floats, state_scale, TOLERANCE, worst, "state");
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("tokens %zu key_dim %zu value_dim %zu odd %zu fill %s", tokens, key_dim, value_dim,
                   odd, check_fill_name(fill));
    return good;
}

static void check_sizes(const char *name, lte_delta_rule_fn *fn)
{
    static const size_t sizes[] = {63, 64, 65, 96, 127, 128, 129, 192, 255, 256};
    double worst = 0;
    bool good = true;
    for (size_t d = 0; d <= 35; d++) {
        good &= compare(fn, check_below(12), d, 1 + check_below(40), 1, 0, &worst);
        good &= compare(fn, check_below(12), 1 + check_below(40), d, 1, 0, &worst);
        good &= compare(fn, d, 8, 24, d % 3, 0, &worst);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        good &= compare(fn, 1 + check_below(9), sizes[i], 33, 3, 0, &worst);
        good &= compare(fn, 1 + check_below(9), 33, sizes[i], 3, 0, &worst);
        good &= compare(fn, sizes[i], 16, 17, 0, 0, &worst);
    }
    good &= compare(fn, 512, 128, 32, 0, 0, &worst);
    good &= compare(fn, 9, 1600, 19, 0, 0, &worst);
    check_note("%s: worst error %.3g of the largest output or value", name, worst);
    check_ok(good, "delta_rule %s: sizes and strides", name);
}

static void check_fills(const char *name, lte_delta_rule_fn *fn)
{
    double worst = 0;
    bool good = true;
    for (enum check_fill f = 0; f < CHECK_FILLS; f++)
        for (size_t tokens = 1; tokens < 14; tokens++)
            good &= compare(fn, tokens, 20, 37, 1, f, &worst);
    check_ok(good, "delta_rule %s: fills (worst %.3g)", name, worst);
}

// Blocks handed out one by one, in pairs or all at once: the same bits.
static void check_ranges(const char *name, lte_delta_rule_fn *fn)
{
    const size_t tokens = 23, key_dim = 48, value_dim = 16 * 5 + 7;
    const struct problem p = make(tokens, key_dim, value_dim, 1, CHECK_NORMAL);
    float *o = check_floats(p.o_floats), *state = check_floats(p.state_floats);
    bool good = true;
    run(fn, &p, p.args.o, p.args.state);
    for (size_t step = 1; step < 6; step++) {
        memset(o, 0x55, p.o_floats * sizeof *o);
        memcpy(state, p.initial, p.state_floats * sizeof *state);
        for (size_t first = 0; first < value_dim; first += step * COLUMNS) {
            struct lte_delta_rule_args a = p.args;
            a.state = state + first * key_dim;
            a.v += first;
            a.o = o + first;
            a.value_dim = value_dim - first < step * COLUMNS ? value_dim - first : step * COLUMNS;
            fn(&a);
        }
        good &= !memcmp(o, p.args.o, p.o_floats * sizeof *o);
        good &= !memcmp(state, p.args.state, p.state_floats * sizeof *state);
    }
    check_free_buffers();
    check_ok(good, "delta_rule %s: any range of blocks gives the same bits", name);
}

// The chunkwise form of a level.
static lte_delta_rule_fn *chunk_form(const char *level)
{
#if HAVE_AVX2
    if (!strcmp(level, "avx2"))
        return lte_avx2_delta_chunk;
#endif
#if HAVE_AVX512
    if (!strcmp(level, "avx512"))
        return lte_avx512_delta_chunk;
#endif
#if HAVE_NEON
    if (!strcmp(level, "neon"))
        return lte_neon_delta_chunk;
#endif
    (void)level;
    return lte_ref_delta_chunk;
}

static void check_form(const char *name, lte_delta_rule_fn *fn)
{
    check_sizes(name, fn);
    check_fills(name, fn);
    check_ranges(name, fn);
}

static void check_chunk(const char *level)
{
    char name[32];
    snprintf(name, sizeof name, "%s, chunkwise", level);
    check_form(name, chunk_form(level));
}

// ---- timing ----

struct timed {
    struct lte_delta_rule_args args;
    lte_delta_rule_fn *fn;
    size_t heads;
};

static void run_timed(void *arg)
{
    const struct timed *t = arg;
    const size_t d = t->args.key_dim;
    for (size_t h = 0; h < t->heads; h++) {
        struct lte_delta_rule_args a = t->args;
        a.state += h * d * d;
        a.q += h * d;
        a.k += h * d;
        a.v += h * d;
        a.o += h * d;
        a.log_decay += h;
        a.beta += h;
        t->fn(&a);
    }
}

static struct timed make_timed(lte_delta_rule_fn *fn, size_t heads, size_t d, size_t tokens)
{
    struct timed t = {.fn = fn, .heads = heads};
    const size_t row = heads * d;
    float *decay = check_floats(tokens * heads), *beta = check_floats(tokens * heads);
    for (size_t i = 0; i < tokens * heads; i++) {
        decay[i] = -0.05f;
        beta[i] = 0.5f;
    }
    t.args = (struct lte_delta_rule_args){
        .state = filled(row * d, CHECK_NORMAL, 1), .q = filled(tokens * row, CHECK_NORMAL, 0.08f),
        .k = filled(tokens * row, CHECK_NORMAL, 0.08f), .v = filled(tokens * row, CHECK_NORMAL, 1),
        .o = check_floats(tokens * row), .log_decay = decay, .beta = beta, .qk_stride = row,
        .v_stride = row, .o_stride = row, .gate_stride = heads, .tokens = tokens, .key_dim = d,
        .value_dim = d};
    return t;
}

// Many tokens are bound by arithmetic (6 flops an element of the state and token), one token by the
// bandwidth to the state (one load and one store).
static void bench_one(const char *level, const char *form, lte_delta_rule_fn *fn, size_t heads,
                      size_t d, size_t tokens)
{
    struct timed t = make_timed(fn, heads, d, tokens);
    const double elements = (double)(heads * d * d);
    if (tokens > 1) {
        const double flops = 6 * elements * (double)tokens;
        const struct roof_time r = roof_compare(run_timed, &t, flops, level, ROOF_FLOPS, 0);
        check_note("%-6s H %2zu d %3zu n %3zu %-8s %8.2f us/token %7.1f GFLOP/s, %3.0f %% of %.0f",
                   level, heads, d, tokens, form, r.seconds * 1e6 / (double)tokens, flops / r.seconds / 1e9,
                   100 * r.share, r.rate / 1e9);
    } else {
        const double bytes = 2 * sizeof(float) * elements;
        const struct roof_time r = roof_compare(run_timed, &t, bytes, level, ROOF_IN_PLACE,
                                                heads * d * d * sizeof(float));
        check_note("%-6s H %2zu d %3zu n   1: %8.2f us/token, state %6.1f GB/s, %3.0f %% of %.0f in place",
                   level, heads, d, r.seconds * 1e6, bytes / r.seconds / 1e9, 100 * r.share,
                   r.rate / 1e9);
    }
    check_free_buffers();
}

static void bench(const char *level, const struct lte_kernels *kernels)
{
    static const struct { size_t heads, d, tokens; } shapes[] = {
        {16, 128, 1}, {16, 128, 2}, {16, 128, 3}, {16, 128, 4}, {16, 128, 16}, {16, 128, 64},
        {16, 128, 256}, {16, 128, 512}, {8, 256, 1}, {8, 256, 512}, {4, 128, 1}, {1, 64, 1},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const size_t H = shapes[i].heads, d = shapes[i].d, n = shapes[i].tokens;
        if (!strcmp(level, "ref") && n >= 16)
            continue;
        bench_one(level, "", kernels->delta_rule, H, d, n);
        if (n >= 16)
            bench_one(level, "chunk", chunk_form(level), H, d, n);
    }
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "delta_rule");
    if (check_benching())
        bench("ref", check_ref());
    else
        check_chunk("ref");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        if (check_benching()) {
            bench(l->name, l->kernels);
            continue;
        }
        check_form(l->name, l->kernels->delta_rule);
        check_chunk(l->name);
    }
    return check_end();
}
