// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the gated delta rule: every level against the reference, the reference against the
// recorded values of the specification, chunks against their halves.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { COLUMNS = LTE_DELTA_COLUMNS, RESULTS = 6 };

static const double TOLERANCE = 2e-5; // simd/delta_grad.h

enum decay { MILD, STRONG, NONE, MIXED, DECAYS };

// One head's problem in guarded buffers of odd strides. The results are added to what is there.
struct problem {
    struct lte_delta_grad_args args;
    size_t floats[RESULTS];      // of dq, dk, dv, dlog_decay, dbeta, dstate
    float *before[RESULTS];
};

static const char *const result_name[RESULTS] = {"dq", "dk", "dv", "dlog_decay", "dbeta", "dstate"};

static float *filled(size_t n, float scale)
{
    float *x = check_floats(n);
    check_fill(x, n, CHECK_NORMAL);
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
    return x;
}

static float one_decay(enum decay kind)
{
    switch (kind) {
    case STRONG: return -8;
    case NONE: return 0;
    case MIXED:
        if (!check_below(8))
            return check_below(2) ? 0 : -INFINITY;
        return -expf(check_uniform(-9, 2));
    default: return -expf(check_uniform(-6, -1));
    }
}

// A state without columns beyond value_dim.
static float *state(const struct lte_delta_grad_args *a, size_t floats)
{
    float *s = filled(floats, 1);
    for (size_t i = 0; i < floats; i++)
        if (i / (a->key_dim * COLUMNS) * COLUMNS + i % COLUMNS >= a->value_dim)
            s[i] = 0;
    return s;
}

static struct problem make(size_t tokens, size_t key_dim, size_t value_dim, size_t odd,
                           enum decay kind)
{
    const float unit = 1 / sqrtf((float)key_dim);
    struct problem p = {.args = {.tokens = tokens, .key_dim = key_dim, .value_dim = value_dim}};
    struct lte_delta_grad_args *a = &p.args;
    a->qk_stride = key_dim + odd;
    a->v_stride = value_dim + 2 * odd;
    a->dout_stride = value_dim + 3 * odd;
    a->gate_stride = 1 + odd;
    float *q = filled(tokens * a->qk_stride, unit), *k = filled(tokens * a->qk_stride, unit);
    float *decay = check_floats(tokens * a->gate_stride);
    float *beta = check_floats(tokens * a->gate_stride);
    for (size_t i = 0; i < tokens * a->gate_stride; i++) {
        decay[i] = one_decay(kind);
        beta[i] = check_below(6) ? check_uniform(0, 1) : 0;
    }
    for (size_t t = 3; t < tokens; t += 7) {
        memset(k + t * a->qk_stride, 0, key_dim * sizeof *k);
        memset(q + (t - 1) * a->qk_stride, 0, key_dim * sizeof *q);
    }
    a->q = q, a->k = k, a->log_decay = decay, a->beta = beta;
    a->v = filled(tokens * a->v_stride, 1);
    a->dout = filled(tokens * a->dout_stride, 1);
    p.floats[0] = p.floats[1] = tokens * a->qk_stride;
    p.floats[2] = tokens * a->v_stride;
    p.floats[3] = p.floats[4] = tokens * a->gate_stride;
    p.floats[5] = (value_dim + COLUMNS - 1) / COLUMNS * key_dim * COLUMNS;
    a->state = state(a, p.floats[5]);
    for (size_t i = 0; i < RESULTS; i++)
        p.before[i] = i < 5 ? filled(p.floats[i], 0.5f) : state(a, p.floats[5]);
    a->scratch = check_floats(lte_delta_grad_floats(tokens, key_dim, value_dim));
    return p;
}

// Runs `fn` into buffers of its own; scratch is NaN at first.
static void run(lte_delta_grad_fn *fn, const struct problem *p, float *result[RESULTS])
{
    struct lte_delta_grad_args a = p->args;
    for (size_t i = 0; i < RESULTS; i++) {
        result[i] = check_floats(p->floats[i]);
        memcpy(result[i], p->before[i], p->floats[i] * sizeof(float));
    }
    a.dq = result[0], a.dk = result[1], a.dv = result[2];
    a.dlog_decay = result[3], a.dbeta = result[4], a.dstate = result[5];
    const size_t floats = lte_delta_grad_floats(a.tokens, a.key_dim, a.value_dim);
    memset(a.scratch, 0xFF, floats * sizeof *a.scratch);
    fn(&a);
}

static double largest(const float *x, size_t n)
{
    double m = 1e-30;
    for (size_t i = 0; i < n; i++)
        m = fabs(x[i]) > m ? fabs(x[i]) : m;
    return m;
}

// Gaps between rows are compared as the results are: nobody may write them. Of a few sums, all may
// nearly cancel: then the size of what was summed, about 1, is what an error is measured by.
static bool near(const struct problem *p, float *const got[RESULTS], float *const want[RESULTS],
                 double worst[RESULTS])
{
    bool good = true;
    for (size_t i = 0; i < RESULTS; i++) {
        const double sums = p->floats[i] < 256 ? 1 : 0;
        const double scale = fmax(largest(want[i], p->floats[i]), sums);
        good &= check_near(got[i], want[i], p->floats[i], scale, TOLERANCE, &worst[i],
                           result_name[i]);
    }
    return good;
}

static bool compare(lte_delta_grad_fn *fn, size_t tokens, size_t key_dim, size_t value_dim,
                    size_t odd, enum decay kind, double worst[RESULTS])
{
    const struct problem p = make(tokens, key_dim, value_dim, odd, kind);
    float *want[RESULTS], *got[RESULTS];
    run(check_ref()->delta_grad, &p, want);
    run(fn, &p, got);
    bool good = near(&p, got, want, worst);
    good &= check_guards();
    check_free_buffers();
    if (!good)
        check_note("tokens %zu key_dim %zu value_dim %zu odd %zu decay %d", tokens, key_dim,
                   value_dim, odd, (int)kind);
    return good;
}

static void note_worst(const char *name, const double worst[RESULTS])
{
    for (size_t i = 0; i < RESULTS; i++)
        check_note("%s: worst error of %s %.3g of its largest", name, result_name[i], worst[i]);
}

static void check_sizes(const char *name, lte_delta_grad_fn *fn)
{
    static const size_t sizes[] = {47, 48, 63, 64, 65, 96, 127, 128, 160, 255, 256};
    double worst[RESULTS] = {0};
    bool good = true;
    for (size_t d = 1; d <= 34; d++) {
        good &= compare(fn, 1 + check_below(20), d, 1 + check_below(40), 1, MILD, worst);
        good &= compare(fn, 1 + check_below(20), 1 + check_below(40), d, 1, MILD, worst);
    }
    for (size_t t = 0; t <= LTE_DELTA_GRAD_TOKENS; t++)
        good &= compare(fn, t, 24, 40, t % 3, MILD, worst);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        good &= compare(fn, 33, sizes[i], 33, 3, MILD, worst);
        good &= compare(fn, 31, 33, sizes[i], 3, MILD, worst);
    }
    good &= compare(fn, 64, 128, 128, 0, MILD, worst);
    good &= compare(fn, 50, 256, 256, 0, MILD, worst);
    note_worst(name, worst);
    check_ok(good, "delta_grad %s: sizes and strides", name);
}

static void check_decays(const char *name, lte_delta_grad_fn *fn)
{
    double worst[RESULTS] = {0};
    bool good = true;
    for (enum decay kind = 0; kind < DECAYS; kind++)
        for (size_t i = 0; i < 8; i++)
            good &= compare(fn, i % 2 ? 64 : 1 + check_below(64), 32, 37, 1, kind, worst);
    note_worst(name, worst);
    check_ok(good, "delta_grad %s: decays from none to -Inf", name);
}

// ---- the specification's numbers, T7 and T8: 6 tokens, 3 keys, 2 values ----

enum { T = 6, K = 3, VD = 2 };

static double wave(double c, size_t i)
{
    return sin(c + 0.7 * (double)i);
}

static void spread(float *to, size_t stride, double c, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows * columns; i++)
        to[i / columns * stride + i % columns] = (float)wave(c, i);
}

// Rows of the gradient before the norm: x = u(c; T, K), y = scale x / sqrt(sum x^2 + 1e-6).
static void norm_back(double dx[K], double c, size_t row, const float *dy, double scale)
{
    double x[K], square = 1e-6, dot = 0;
    for (size_t i = 0; i < K; i++) {
        x[i] = wave(c, row * K + i);
        square += x[i] * x[i];
    }
    const double r = 1 / sqrt(square);
    for (size_t i = 0; i < K; i++)
        dot += dy[i] * x[i] * r;
    for (size_t i = 0; i < K; i++)
        dx[i] = scale * r * (dy[i] - x[i] * r * dot);
}

static bool close_to(const char *what, const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 1e-5)) {
            check_note("%s[%zu] is %.7f, not %.7f", what, i, got[i], want[i]);
            return false;
        }
    return true;
}

struct spec {
    float q[T * K], k[T * K], v[T * VD], g[T], beta[T], dout[T * VD];
    float state[K * COLUMNS], states[T + 1][K * COLUMNS], dstate[K * COLUMNS];
    float dq[T * K], dk[T * K], dv[T * VD], dg[T], dbeta[T];
    double slope[T]; // of the log decay by what goes into the softplus
};

static void spec_problem(struct spec *s)
{
    memset(s, 0, sizeof *s);
    for (size_t t = 0; t < T; t++) {
        double qq = 1e-6, kk = 1e-6;
        for (size_t i = 0; i < K; i++) {
            qq += pow(wave(.1, t * K + i), 2);
            kk += pow(wave(.2, t * K + i), 2);
        }
        for (size_t i = 0; i < K; i++) {
            s->q[t * K + i] = (float)(wave(.1, t * K + i) / sqrt(qq * K));
            s->k[t * K + i] = (float)(wave(.2, t * K + i) / sqrt(kk));
        }
        const double a = wave(.4, t) - 1;
        s->g[t] = (float)(-exp(.5) * log1p(exp(a)));
        s->slope[t] = -exp(.5) / (1 + exp(-a));
        s->beta[t] = (float)(1 / (1 + exp(-wave(.5, t))));
    }
    spread(s->v, VD, .3, T, VD);
    spread(s->dout, VD, .6, T, VD);
    spread(s->dstate, COLUMNS, .7, K, VD);
}

// In chunks of `chunk` tokens, with the states of the level's own forward at their entries.
static void spec_run(const struct lte_kernels *k, struct spec *s, size_t chunk)
{
    _Alignas(64) static float scratch[8192], now[K * COLUMNS], grad[K * COLUMNS];
    float o[T * VD];
    memset(now, 0, sizeof now);
    memcpy(grad, s->dstate, sizeof grad);
    for (size_t at = 0; at < T; at += chunk) {
        memcpy(s->states[at], now, sizeof now);
        k->delta_rule(&(struct lte_delta_rule_args){
            .state = now, .q = s->q + at * K, .k = s->k + at * K, .v = s->v + at * VD, .o = o,
            .log_decay = s->g + at, .beta = s->beta + at, .qk_stride = K, .v_stride = VD,
            .o_stride = VD, .gate_stride = 1, .tokens = T - at < chunk ? T - at : chunk,
            .key_dim = K, .value_dim = VD});
    }
    for (size_t end = T; end > 0;) {
        const size_t at = (end - 1) / chunk * chunk;
        memcpy(now, s->states[at], sizeof now);
        k->delta_grad(&(struct lte_delta_grad_args){
            .state = now, .dstate = grad, .q = s->q + at * K, .k = s->k + at * K,
            .v = s->v + at * VD, .dout = s->dout + at * VD, .log_decay = s->g + at,
            .beta = s->beta + at, .dq = s->dq + at * K, .dk = s->dk + at * K, .dv = s->dv + at * VD,
            .dlog_decay = s->dg + at, .dbeta = s->dbeta + at, .qk_stride = K, .v_stride = VD,
            .dout_stride = VD, .gate_stride = 1, .tokens = end - at, .key_dim = K, .value_dim = VD,
            .scratch = scratch});
        end = at;
    }
    memcpy(s->dstate, grad, sizeof grad);
}

static bool spec_agrees(const struct spec *s)
{
    static const double dg[] = {0, .007971, .059761, .051653, .236781, .268640};
    static const double dbeta[] = {.575342, .781475, .219463, 1.270790, -.032141, -.273585};
    static const double dv[] = {.208209, .349160, .398500, .222924, -.083661, -.350422,
                                -.388937, -.431212, .178474, .546098, -.107371, -.029800};
    static const double ds[] = {.020394, .009800, .047007, .064071, .040192, .083815};
    static const double dq[] = {.020889, .008359, -.008102}, dk[] = {.130079, .018645, -.314869};
    static const double gate[] = {-.310515, -.258676};
    double got[5][T * VD], row[2][K], sum[2] = {0, 0};
    for (size_t i = 0; i < T * VD; i++)
        got[2][i] = s->dv[i];
    for (size_t t = 0; t < T; t++) {
        got[0][t] = s->dg[t];
        got[1][t] = s->dbeta[t];
        sum[0] += s->dg[t] * (double)s->g[t]; // dA_log
        sum[1] += s->dg[t] * s->slope[t];     // d dt_bias
    }
    for (size_t i = 0; i < K * VD; i++)
        got[3][i] = s->dstate[i / VD * COLUMNS + i % VD];
    norm_back(row[0], .1, 0, s->dq, 1 / sqrt(K));
    norm_back(row[1], .2, T - 1, s->dk + (T - 1) * K, 1);
    return close_to("dg", got[0], dg, T) && close_to("dbeta", got[1], dbeta, T) &&
           close_to("dv", got[2], dv, T * VD) && close_to("dS_0", got[3], ds, K * VD) &&
           close_to("dq", row[0], dq, K) && close_to("dk", row[1], dk, K) &&
           close_to("dA_log, d dt_bias", sum, gate, 2);
}

static void check_spec(const char *name, const struct lte_kernels *k)
{
    bool good = true;
    for (size_t chunk = 1; chunk <= T; chunk++) {
        struct spec s;
        spec_problem(&s);
        spec_run(k, &s, chunk);
        good &= spec_agrees(&s);
    }
    check_ok(good, "delta_grad %s: the specification's numbers, in chunks of 1 to 6", name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "delta_grad");
    check_spec("ref", check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_spec(l->name, l->kernels);
        check_sizes(l->name, l->kernels->delta_grad);
        check_decays(l->name, l->kernels->delta_grad);
    }
    return check_end();
}
