// SPDX-License-Identifier: BSD-2-Clause
// Laws of the gated delta rule, for the reference and every level: known answers, splits,
// causality, linearity, limits of the gates, shared keys.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { COLUMNS = LTE_DELTA_COLUMNS, D = 40, VALUES = 37, TOKENS = 70, BLOCKS = 3,
       STATE = BLOCKS * D * COLUMNS };

static const double TOLERANCE = 1e-5;

static float q[TOKENS * D], k[TOKENS * D], v[TOKENS * VALUES], o[TOKENS * VALUES];
static float decay[TOKENS], beta[TOKENS], first[STATE];
static _Alignas(64) float state[STATE];

static void fill(void)
{
    const float unit = 1 / sqrtf(D);
    for (size_t i = 0; i < TOKENS * D; i++) {
        q[i] = unit * check_normal();
        k[i] = unit * check_normal();
    }
    for (size_t i = 0; i < TOKENS * VALUES; i++)
        v[i] = check_normal();
    for (size_t t = 0; t < TOKENS; t++) {
        decay[t] = -expf(check_uniform(-6, 1));
        beta[t] = check_uniform(0, 1);
    }
    for (size_t i = 0; i < STATE; i++)
        first[i] = i / (D * COLUMNS) * COLUMNS + i % COLUMNS < VALUES ? check_normal() : 0;
}

// Tokens [from, to) with the problem's own arrays.
static void run(lte_delta_rule_fn *fn, float *s, float *out, size_t from, size_t to)
{
    fn(&(struct lte_delta_rule_args){
        .state = s, .q = q + from * D, .k = k + from * D, .v = v + from * VALUES,
        .o = out + from * VALUES, .log_decay = decay + from, .beta = beta + from, .qk_stride = D,
        .v_stride = VALUES, .o_stride = VALUES, .gate_stride = 1, .tokens = to - from,
        .key_dim = D, .value_dim = VALUES});
}

static void run_all(lte_delta_rule_fn *fn)
{
    memcpy(state, first, sizeof state);
    run(fn, state, o, 0, TOKENS);
}

// ---- known answers ----

// sin(c + 0.7 i) in the rows of `stride` floats, as the published cases define their inputs.
static void sines(float *x, double c, size_t rows, size_t width, size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            x[r * stride + i] = (float)sin(c + 0.7 * (double)(r * width + i));
}

// One key, one value: [1, 2.25] needs decay before the prediction error and before the write.
static void check_order(const char *level, lte_delta_rule_fn *fn)
{
    _Alignas(64) float s[COLUMNS] = {0};
    const float one[2] = {1, 1}, value[2] = {2, 4}, half[2] = {.5f, .5f};
    const float g[2] = {logf(.5f), logf(.5f)}, want[2] = {1, 2.25f};
    float y[2];
    fn(&(struct lte_delta_rule_args){.state = s, .q = one, .k = one, .v = value, .o = y,
                                     .log_decay = g, .beta = half, .qk_stride = 1, .v_stride = 1,
                                     .o_stride = 1, .gate_stride = 1, .tokens = 2, .key_dim = 1,
                                     .value_dim = 1});
    check_ok(check_near(y, want, 2, 1, 1e-6, NULL, "o") && fabsf(s[0] - 2.25f) < 1e-6f,
             "%s: decay, error, write, read in this order", level);
}

static void normalise(float *x, size_t n, double scale)
{
    double sum = 1e-6;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(x[i] * scale / sqrt(sum));
}

static void check_published(const char *level, lte_delta_rule_fn *fn)
{
    enum { T = 6, K = 3, V = 2 };
    static const float want_o[T * V] = {.104999f, .298976f, .409111f, .285370f, .004926f, -.269219f,
                                        -.366514f, -.298946f, -.089966f, .110763f, .268886f,
                                        .233961f};
    static const float want_s[K * V] = {-.286585f, -.126458f, -.313312f, -.299360f, -.192682f,
                                        -.331468f};
    static const size_t splits[] = {T, 2, 4, 1, 3, 5};
    float pq[T * K], pk[T * K], pv[T * V], y[T * V], g[T], b[T], got[K * V];
    sines(pq, .1, T, K, K);
    sines(pk, .2, T, K, K);
    sines(pv, .3, T, V, V);
    for (size_t t = 0; t < T; t++) {
        normalise(pq + t * K, K, 1 / sqrt(K));
        normalise(pk + t * K, K, 1);
        g[t] = (float)(-exp(.5) * log1p(exp(sin(.4 + .7 * (double)t) - 1)));
        b[t] = (float)(1 / (1 + exp(-sin(.5 + .7 * (double)t))));
    }
    bool good = true;
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        _Alignas(64) float s[K * COLUMNS] = {0};
        for (size_t at = 0, n = splits[i]; at < T; at += n, n = T - at)
            fn(&(struct lte_delta_rule_args){
                .state = s, .q = pq + at * K, .k = pk + at * K, .v = pv + at * V, .o = y + at * V,
                .log_decay = g + at, .beta = b + at, .qk_stride = K, .v_stride = V, .o_stride = V,
                .gate_stride = 1, .tokens = n, .key_dim = K, .value_dim = V});
        for (size_t j = 0; j < K * V; j++)
            got[j] = s[j / V * COLUMNS + j % V];
        good &= check_near(y, want_o, T * V, 1, 1e-6, NULL, "o");
        good &= check_near(got, want_s, K * V, 1, 1e-6, NULL, "state");
    }
    check_ok(good, "%s: the published six tokens, whole and split", level);
}

// ---- laws ----

static void check_splits(const char *level, lte_delta_rule_fn *fn)
{
    static _Alignas(64) float s[STATE];
    static float y[TOKENS * VALUES];
    double worst = 0;
    bool good = true;
    run_all(fn);
    for (size_t step = 1; step < TOKENS; step++) {
        memcpy(s, first, sizeof s);
        for (size_t t = 0; t < TOKENS; t += step)
            run(fn, s, y, t, t + step < TOKENS ? t + step : TOKENS);
        good &= check_near(y, o, TOKENS * VALUES, 3, TOLERANCE, &worst, "o");
        good &= check_near(s, state, STATE, 3, TOLERANCE, &worst, "state");
    }
    check_ok(good, "%s: any split is the whole (worst %.3g)", level, worst);
}

static void check_causality(const char *level, lte_delta_rule_fn *fn)
{
    static float y[TOKENS * VALUES];
    bool before = true, after = true;
    for (size_t t = 0; t < TOKENS; t += 3) {
        fill();
        run_all(fn);
        memcpy(y, o, sizeof y);
        q[t * D + 1] += 1;
        k[t * D + 2] -= 1;
        v[t * VALUES] += 5;
        decay[t] -= 1;
        beta[t] = 0.9f * beta[t] + 0.05f;
        run_all(fn);
        before &= !memcmp(y, o, t * VALUES * sizeof *o);
        after &= memcmp(y + t * VALUES, o + t * VALUES, VALUES * sizeof *o) != 0;
    }
    check_ok(before, "%s: a change at token t leaves the bits before it", level);
    check_ok(after, "%s: a change at token t is seen at t", level);
    fill();
}

// From a zero state, outputs are linear in v.
static void check_linear(const char *level, lte_delta_rule_fn *fn)
{
    static float y[3][TOKENS * VALUES], other[TOKENS * VALUES], own[TOKENS * VALUES];
    memcpy(own, v, sizeof own);
    check_fill(other, TOKENS * VALUES, CHECK_NORMAL);
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < TOKENS * VALUES; i++)
            v[i] = c == 0 ? own[i] : c == 1 ? other[i] : 2 * own[i] - 3 * other[i];
        memset(state, 0, sizeof state);
        run(fn, state, y[c], 0, TOKENS);
    }
    for (size_t i = 0; i < TOKENS * VALUES; i++)
        y[0][i] = 2 * y[0][i] - 3 * y[1][i];
    double worst = 0;
    const bool good = check_near(y[2], y[0], TOKENS * VALUES, 10, TOLERANCE, &worst, "o");
    check_ok(good, "%s: linear in v (worst %.3g)", level, worst);
    memcpy(v, own, sizeof own);
}

static bool all_finite(const float *x, size_t n)
{
    while (n--)
        if (!isfinite(x[n]))
            return false;
    return true;
}

// Without decay and writes the state stays to the bit and is only read; with decay alone it
// shrinks.
static void check_gates(const char *level, lte_delta_rule_fn *fn)
{
    static float want[TOKENS * VALUES], scaled[STATE];
    memset(beta, 0, sizeof beta);
    memset(decay, 0, sizeof decay);
    run_all(fn);
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t c = 0; c < VALUES; c++) {
            double sum = 0;
            for (size_t i = 0; i < D; i++)
                sum += (double)q[t * D + i] * first[(c / COLUMNS * D + i) * COLUMNS + c % COLUMNS];
            want[t * VALUES + c] = (float)sum;
        }
    bool good = !memcmp(state, first, sizeof state);
    good &= check_near(o, want, TOKENS * VALUES, 3, TOLERANCE, NULL, "o");
    check_ok(good, "%s: decay 1 and beta 0 only read", level);

    for (size_t t = 0; t < TOKENS; t++)
        decay[t] = -0.01f;
    run_all(fn);
    for (size_t i = 0; i < STATE; i++)
        scaled[i] = (float)(first[i] * exp(TOKENS * (double)-0.01f));
    check_ok(check_near(state, scaled, STATE, 3, TOLERANCE, NULL, "state"),
             "%s: beta 0 only decays", level);

    fill();
    for (size_t t = 0; t < TOKENS; t++)
        decay[t] = -INFINITY; // o_t = (q_t.k_t) beta_t v_t, and nothing else is left
    run_all(fn);
    for (size_t t = 0; t < TOKENS; t++) {
        double dot = 0;
        for (size_t i = 0; i < D; i++)
            dot += (double)q[t * D + i] * k[t * D + i];
        for (size_t c = 0; c < VALUES; c++)
            want[t * VALUES + c] = (float)(dot * beta[t] * v[t * VALUES + c]);
    }
    good = check_near(o, want, TOKENS * VALUES, 3, TOLERANCE, NULL, "o") && all_finite(state, STATE);
    check_ok(good, "%s: decay 0 forgets everything", level);
    fill();
}

// Chunks whose decays multiply to far below the range of float.
static void check_hard_decay(const char *level, lte_delta_rule_fn *fn)
{
    static float want[TOKENS * VALUES], want_state[STATE];
    bool good = true;
    for (int every = 1; every <= 3; every++) { // -8 for all tokens, then for some
        for (size_t t = 0; t < TOKENS; t++)
            decay[t] = t % (size_t)every ? -1e-4f : every == 3 ? -1e4f : -8;
        run_all(check_ref()->delta_rule);
        memcpy(want, o, sizeof want);
        memcpy(want_state, state, sizeof want_state);
        run_all(fn);
        good &= all_finite(o, TOKENS * VALUES) && all_finite(state, STATE);
        good &= check_near(o, want, TOKENS * VALUES, 3, TOLERANCE, NULL, "o");
        good &= check_near(state, want_state, STATE, 3, TOLERANCE, NULL, "state");
    }
    memset(k + 5 * D, 0, D * sizeof *k); // a zero key writes nothing, a zero query reads nothing
    memset(q + 9 * D, 0, D * sizeof *q);
    run_all(fn);
    for (size_t c = 0; c < VALUES; c++)
        good &= o[9 * VALUES + c] == 0;
    good &= all_finite(o, TOKENS * VALUES) && all_finite(state, STATE);
    check_ok(good, "%s: cumulative log decays of -560 and -230000", level);
    fill();
}

// Two value heads that share one key head: the strides of the caller say so, nothing else does.
static void check_shared(const char *level, lte_delta_rule_fn *fn)
{
    enum { HALF = 16 };
    static _Alignas(64) float s[2][D * COLUMNS];
    static float y[2 * TOKENS * HALF], alone[TOKENS * HALF], values[2 * TOKENS * HALF];
    static float gates[2][2 * TOKENS];
    for (size_t i = 0; i < 2 * TOKENS * HALF; i++)
        values[i] = check_normal();
    for (size_t i = 0; i < 2 * TOKENS; i++) {
        gates[0][i] = -check_uniform(0, 1);
        gates[1][i] = check_uniform(0, 1);
    }
    bool good = true;
    struct lte_delta_rule_args a = {.q = q, .k = k, .qk_stride = D, .tokens = TOKENS, .key_dim = D,
                                    .value_dim = HALF};
    for (size_t h = 0; h < 2; h++) {
        float g[TOKENS], b[TOKENS], packed[TOKENS * HALF];
        for (size_t t = 0; t < TOKENS; t++) {
            g[t] = gates[0][2 * t + h];
            b[t] = gates[1][2 * t + h];
            memcpy(packed + t * HALF, values + (2 * t + h) * HALF, HALF * sizeof *packed);
        }
        memset(s, 0, sizeof s);
        a.state = s[0], a.v = values + h * HALF, a.o = y + h * HALF;
        a.log_decay = gates[0] + h, a.beta = gates[1] + h;
        a.v_stride = a.o_stride = 2 * HALF, a.gate_stride = 2;
        fn(&a);
        a.state = s[1], a.v = packed, a.o = alone, a.log_decay = g, a.beta = b;
        a.v_stride = a.o_stride = HALF, a.gate_stride = 1;
        fn(&a);
        for (size_t t = 0; t < TOKENS; t++)
            good &= !memcmp(y + (2 * t + h) * HALF, alone + t * HALF, HALF * sizeof *y);
        good &= !memcmp(s[0], s[1], sizeof s[0]);
    }
    check_ok(good, "%s: heads that share q and k equal heads alone", level);
}

static void check_level(const char *level, lte_delta_rule_fn *fn)
{
    check_order(level, fn);
    check_published(level, fn);
    fill();
    check_splits(level, fn);
    check_causality(level, fn);
    check_linear(level, fn);
    check_gates(level, fn);
    check_hard_decay(level, fn);
    check_shared(level, fn);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "prop_delta_rule");
    check_level("ref", check_ref()->delta_rule);
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_level(l->name, l->kernels->delta_rule);
    return check_end();
}
