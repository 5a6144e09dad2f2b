// SPDX-License-Identifier: BSD-2-Clause
// The linear step with per-channel decay and its gradient: every level against the reference;
// splits; ranges; with one decay for all channels the gated delta rule (T25).
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { COLUMNS = LTE_DELTA_COLUMNS, RESULTS = 6 };

static const double TOLERANCE = 1e-5, GRAD_TOLERANCE = 2e-5; // simd/diag_rule.h, simd/diag_grad.h

enum beta { NO_BETA, ERASES, WEIGHS, BETAS };
enum decay { MILD, STRONG, MIXED, EQUAL, DECAYS };

struct shape {
    size_t tokens, key_dim, value_dim, odd;
    enum beta erase;
    bool one_decay;
    enum decay decay;
};

// One head in guarded buffers of odd strides: `state` and `dstate` are what the runs begin with.
struct problem {
    struct shape s;
    struct lte_diag_rule_args rule;
    float *state, *dstate, *dout, *before[RESULTS];
    size_t state_floats, o_floats, floats[RESULTS]; // dq, dk, dv, dlog_decay, dbeta, dstate
};

static float *filled(size_t n, float scale)
{
    float *x = check_floats(n);
    check_fill(x, n, CHECK_NORMAL);
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
    return x;
}

static float draw_decay(enum decay kind)
{
    if (kind == STRONG)
        return -8;
    if (kind == MIXED && !check_below(8))
        return check_below(2) ? 0 : -INFINITY;
    return kind == MIXED ? -expf(check_uniform(-9, 4)) : -expf(check_uniform(-6, -1));
}

// A state without columns beyond value_dim.
static float *draw_state(const struct shape *s, size_t floats)
{
    float *x = filled(floats, 1);
    for (size_t i = 0; i < floats; i++)
        if (i / (s->key_dim * COLUMNS) * COLUMNS + i % COLUMNS >= s->value_dim)
            x[i] = 0;
    return x;
}

static struct problem make(struct shape s)
{
    struct problem p = {.s = s};
    struct lte_diag_rule_args *a = &p.rule;
    const float unit = 1 / sqrtf((float)s.key_dim);
    *a = (struct lte_diag_rule_args){
        .tokens = s.tokens, .key_dim = s.key_dim, .value_dim = s.value_dim,
        .q_stride = s.key_dim + s.odd, .k_stride = s.key_dim + 2 * s.odd,
        .v_stride = s.value_dim + 2 * s.odd, .o_stride = s.value_dim + 3 * s.odd,
        .decay_stride = (s.one_decay ? 1 : s.key_dim) + s.odd, .beta_stride = 1 + s.odd,
        .decay_step = s.one_decay ? 0 : 1};
    a->q = filled(s.tokens * a->q_stride, unit);
    a->k = filled(s.tokens * a->k_stride, unit);
    a->v = filled(s.tokens * a->v_stride, 1);
    p.o_floats = s.tokens * a->o_stride;
    float *decay = check_floats(s.tokens * a->decay_stride);
    float *beta = check_floats(s.tokens * a->beta_stride);
    for (size_t i = 0; i < s.tokens * a->decay_stride; i++)
        decay[i] = s.decay == EQUAL && i % a->decay_stride ? decay[i - 1] : draw_decay(s.decay);
    for (size_t i = 0; i < s.tokens * a->beta_stride; i++)
        beta[i] = check_uniform(0, 1);
    a->log_decay = decay;
    a->beta = s.erase ? beta : NULL;
    a->keep = s.erase == WEIGHS;
    p.state_floats = (s.value_dim + COLUMNS - 1) / COLUMNS * s.key_dim * COLUMNS;
    p.state = draw_state(&s, p.state_floats);
    p.dstate = draw_state(&s, p.state_floats);
    p.dout = filled(s.tokens * a->v_stride, 1);
    const size_t floats[RESULTS] = {s.tokens * a->q_stride, s.tokens * a->k_stride,
                                    s.tokens * a->v_stride, s.tokens * a->decay_stride,
                                    s.tokens * a->beta_stride, p.state_floats};
    memcpy(p.floats, floats, sizeof floats);
    for (size_t i = 0; i < RESULTS; i++)
        p.before[i] = i < 5 ? filled(floats[i], 0.5f) : p.dstate;
    return p;
}

static double largest(const float *x, size_t n)
{
    double m = 1e-30;
    for (size_t i = 0; i < n; i++)
        m = fabs(x[i]) > m ? fabs(x[i]) : m;
    return m;
}

// In pieces of `step` tokens; the state ends up in `state`.
static void run(lte_diag_rule_fn *fn, const struct problem *p, float *o, float *state, size_t step)
{
    memset(o, 0x55, p->o_floats * sizeof *o);
    memcpy(state, p->state, p->state_floats * sizeof *state);
    for (size_t t = 0; t < p->s.tokens; t += step) {
        struct lte_diag_rule_args a = p->rule;
        a.state = state;
        a.q += t * a.q_stride, a.k += t * a.k_stride, a.v += t * a.v_stride;
        a.o = o + t * a.o_stride;
        a.log_decay += t * a.decay_stride;
        a.beta = a.beta ? a.beta + t * a.beta_stride : NULL;
        a.tokens = p->s.tokens - t < step ? p->s.tokens - t : step;
        fn(&a);
    }
}

static bool compare(lte_diag_rule_fn *fn, struct shape s, size_t step, double *worst)
{
    const struct problem p = make(s);
    float *o = check_floats(p.o_floats), *state = check_floats(p.state_floats);
    float *want_o = check_floats(p.o_floats), *want = check_floats(p.state_floats);
    run(check_ref()->diag_rule, &p, want_o, want, s.tokens + 1);
    run(fn, &p, o, state, step);
    double scale = largest(p.rule.v, s.tokens * p.rule.v_stride);
    scale *= s.erase == ERASES ? 1 : (double)(s.tokens + 1);
    scale = fmax(scale, largest(p.state, p.state_floats));
    for (size_t t = 0; t < s.tokens; t++)
        scale = fmax(scale, largest(want_o + t * p.rule.o_stride, s.value_dim));
    bool good = check_near(o, want_o, p.o_floats, scale, TOLERANCE, worst, "o");
    good &= check_near(state, want, p.state_floats, scale, TOLERANCE, worst, "state");
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("tokens %zu key_dim %zu value_dim %zu odd %zu erase %d one %d decay %d step %zu",
                   s.tokens, s.key_dim, s.value_dim, s.odd, s.erase, s.one_decay, s.decay, step);
    return good;
}

static void check_rule(const char *name, lte_diag_rule_fn *fn)
{
    static const size_t sizes[] = {63, 64, 65, 96, 127, 128, 129};
    static const size_t steps[] = {1, 2, 3, 4, 5, 7, 16, 33};
    double worst = 0;
    bool good = true;
    for (size_t d = 1; d <= 36; d++)
        for (enum beta erase = NO_BETA; erase < BETAS; erase++) {
            const enum decay kind = (enum decay)check_below(DECAYS);
            const struct shape s = {d % 19, d, 1 + check_below(50), d % 3, erase, d & 1, kind};
            good &= compare(fn, s, s.tokens + 1, &worst);
            good &= compare(fn, (struct shape){d, 9, d, 0, erase, false, kind}, d + 1, &worst);
        }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        good &= compare(fn, (struct shape){9, sizes[i], 33, 3, ERASES, false, MILD}, 99, &worst);
        good &= compare(fn, (struct shape){sizes[i], 24, sizes[i], 0, i % BETAS, false, MIXED}, 999,
                        &worst);
    }
    good &= compare(fn, (struct shape){512, 64, 32, 0, ERASES, false, MIXED}, 999, &worst);
    good &= compare(fn, (struct shape){5, LTE_DIAG_KEYS, 19, 0, ERASES, false, MILD}, 999, &worst);
    check_ok(good, "diag_rule %s: sizes, strides, decays (worst %.3g)", name, worst);
    worst = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (enum beta erase = NO_BETA; erase < BETAS; erase++)
            good &= compare(fn, (struct shape){70, 40, 37, 1, erase, false, MIXED}, steps[i], &worst);
    check_ok(good, "diag_rule %s: any split (worst %.3g)", name, worst);
}

// Blocks handed out one by one or in pairs: the same bits.
static void check_ranges(const char *name, lte_diag_rule_fn *fn)
{
    const struct problem p = make((struct shape){23, 48, 16 * 5 + 7, 1, ERASES, false, MIXED});
    float *o = check_floats(p.o_floats), *state = check_floats(p.state_floats);
    float *want_o = check_floats(p.o_floats), *want = check_floats(p.state_floats);
    bool good = true;
    run(fn, &p, want_o, want, 99);
    for (size_t step = 1; step < 6; step++) {
        memset(o, 0x55, p.o_floats * sizeof *o);
        memcpy(state, p.state, p.state_floats * sizeof *state);
        for (size_t first = 0; first < p.s.value_dim; first += step * COLUMNS) {
            struct lte_diag_rule_args a = p.rule;
            const size_t left = p.s.value_dim - first;
            a.state = state + first * p.s.key_dim;
            a.v += first;
            a.o = o + first;
            a.value_dim = left < step * COLUMNS ? left : step * COLUMNS;
            fn(&a);
        }
        good &= !memcmp(o, want_o, p.o_floats * sizeof *o);
        good &= !memcmp(state, want, p.state_floats * sizeof *state);
    }
    check_free_buffers();
    check_ok(good, "diag_rule %s: any range of blocks gives the same bits", name);
}

// ---- the gradient ----

static struct lte_diag_grad_args grad_args(const struct problem *p, float *result[RESULTS])
{
    const struct lte_diag_rule_args *r = &p->rule;
    const size_t scratch = lte_diag_grad_floats(p->s.tokens, p->s.key_dim);
    struct lte_diag_grad_args a = {
        .state = p->state, .q = r->q, .k = r->k, .v = r->v, .dout = p->dout,
        .log_decay = r->log_decay, .beta = r->beta, .keep = r->keep, .q_stride = r->q_stride,
        .k_stride = r->k_stride, .v_stride = r->v_stride, .dout_stride = r->v_stride,
        .decay_stride = r->decay_stride, .beta_stride = r->beta_stride,
        .decay_step = r->decay_step, .tokens = r->tokens, .key_dim = r->key_dim,
        .value_dim = r->value_dim, .scratch = check_floats(scratch)};
    memset(a.scratch, 0xFF, scratch * sizeof *a.scratch);
    for (size_t i = 0; i < RESULTS; i++) {
        result[i] = check_floats(p->floats[i]);
        memcpy(result[i], p->before[i], p->floats[i] * sizeof(float));
    }
    a.dq = result[0], a.dk = result[1], a.dv = result[2];
    a.dlog_decay = result[3], a.dbeta = result[4], a.dstate = result[5];
    return a;
}

static bool compare_grad(lte_diag_grad_fn *fn, struct shape s, double *worst)
{
    static const char *const what[RESULTS] = {"dq", "dk", "dv", "dlog_decay", "dbeta", "dstate"};
    const struct problem p = make(s);
    float *got[RESULTS], *want[RESULTS];
    const struct lte_diag_grad_args ref = grad_args(&p, want), own = grad_args(&p, got);
    bool good = true;
    check_ref()->diag_grad(&ref);
    fn(&own);
    for (size_t i = 0; i < RESULTS; i++) {
        const double scale = fmax(largest(want[i], p.floats[i]), p.floats[i] < 256 ? 1 : 0);
        good &= check_near(got[i], want[i], p.floats[i], scale, GRAD_TOLERANCE, worst, what[i]);
    }
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("tokens %zu key_dim %zu value_dim %zu odd %zu erase %d one %d decay %d", s.tokens,
                   s.key_dim, s.value_dim, s.odd, s.erase, s.one_decay, s.decay);
    return good;
}

static void check_gradient(const char *name, lte_diag_grad_fn *fn)
{
    static const size_t sizes[] = {64, 65, 127, 128};
    double worst = 0;
    bool good = true;
    for (size_t d = 1; d <= 36; d++)
        for (enum beta erase = NO_BETA; erase < BETAS; erase++) {
            const enum decay kind = (enum decay)check_below(DECAYS);
            good &= compare_grad(fn, (struct shape){d % 33, d, 1 + check_below(50), d % 3, erase,
                                                    d & 1, kind}, &worst);
        }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        good &= compare_grad(fn, (struct shape){32, sizes[i], 40, 0, ERASES, false, MILD}, &worst);
    check_ok(good, "diag_grad %s: sizes, strides, decays (worst %.3g)", name, worst);
}

// ---- T25 ----

// With one decay for all channels it is the gated delta rule: o, S, and dg summed over the
// channels.
static void check_gdn(const char *name, const struct lte_kernels *k)
{
    const struct shape s = {32, 48, 33, 0, ERASES, false, EQUAL};
    struct problem p = make(s);
    struct lte_delta_rule_args d = {
        .q = p.rule.q, .k = p.rule.k, .v = p.rule.v, .log_decay = p.rule.log_decay,
        .beta = p.rule.beta, .qk_stride = s.key_dim, .v_stride = s.value_dim,
        .o_stride = s.value_dim, .gate_stride = s.key_dim, .tokens = s.tokens,
        .key_dim = s.key_dim, .value_dim = s.value_dim};
    float *beta = check_floats(s.tokens * s.key_dim); // at the stride of the decays
    for (size_t t = 0; t < s.tokens; t++)
        beta[t * s.key_dim] = p.rule.beta[t];
    d.beta = beta;
    float *o = check_floats(p.o_floats), *state = check_floats(p.state_floats), *result[RESULTS];
    d.o = check_floats(p.o_floats);
    d.state = check_floats(p.state_floats);
    memcpy(d.state, p.state, p.state_floats * sizeof *state);
    check_ref()->delta_rule(&d);
    run(k->diag_rule, &p, o, state, 99);
    bool good = check_near(o, d.o, p.o_floats, 4, TOLERANCE, NULL, "o");
    good &= check_near(state, d.state, p.state_floats, 4, TOLERANCE, NULL, "state");

    for (size_t i = 0; i < 5; i++)
        memset(p.before[i], 0, p.floats[i] * sizeof(float));
    const struct lte_diag_grad_args own = grad_args(&p, result);
    float *dg = check_floats(s.tokens * s.key_dim), *dbeta = check_floats(s.tokens * s.key_dim);
    float *dq = check_floats(p.floats[0]), *dk = check_floats(p.floats[1]);
    float *dv = check_floats(p.floats[2]), *dstate = check_floats(p.state_floats);
    memcpy(dstate, p.dstate, p.state_floats * sizeof *dstate);
    check_ref()->delta_grad(&(struct lte_delta_grad_args){
        .state = p.state, .dstate = dstate, .q = d.q, .k = d.k, .v = d.v, .dout = p.dout,
        .log_decay = d.log_decay, .beta = beta, .dq = dq, .dk = dk, .dv = dv, .dlog_decay = dg,
        .dbeta = dbeta, .qk_stride = d.qk_stride, .v_stride = d.v_stride,
        .dout_stride = s.value_dim, .gate_stride = s.key_dim, .tokens = s.tokens,
        .key_dim = s.key_dim, .value_dim = s.value_dim,
        .scratch = check_floats(lte_delta_grad_floats(s.tokens, s.key_dim, s.value_dim))});
    k->diag_grad(&own);
    float sum[32], want[32];
    for (size_t t = 0; t < s.tokens; t++) {
        double total = 0;
        for (size_t x = 0; x < s.key_dim; x++)
            total += result[3][t * s.key_dim + x];
        sum[t] = (float)total;
        want[t] = dg[t * s.key_dim];
    }
    good &= check_near(sum, want, s.tokens, largest(want, s.tokens), TOLERANCE, NULL, "sum of dg");
    good &= check_near(result[1], dk, p.floats[1], largest(dk, p.floats[1]), TOLERANCE, NULL, "dk");
    good &= check_near(result[5], dstate, p.state_floats, largest(dstate, p.state_floats), TOLERANCE,
                       NULL, "dstate");
    check_free_buffers();
    check_ok(good, "T25 %s: equal decays make it the gated delta rule", name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "diag");
    check_gdn("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_rule(l->name, l->kernels->diag_rule);
        check_ranges(l->name, l->kernels->diag_rule);
        check_gradient(l->name, l->kernels->diag_grad);
        check_gdn(l->name, l->kernels);
    }
    return check_end();
}
