// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule: every level and form against the reference.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "simd/delta_chunk.h"
#include "tests/check.h"

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
    check_form(name, lte_delta_chunk(level));
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "delta_rule");
    check_chunk("ref");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_form(l->name, l->kernels->delta_rule);
        check_chunk(l->name);
    }
    return check_end();
}
