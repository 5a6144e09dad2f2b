// SPDX-License-Identifier: BSD-2-Clause
// The sampler: each cut against a brute-force one, frequencies against the distribution, and what
// is refused.
#include "config.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lte/sampler.h"
#include "tests/fixture.h"

enum { V = 400 };

static struct fixture fixture;

static int open_context(void **state)
{
    (void)state;
    fixture_open(&fixture);
    return 0;
}

static int close_context(void **state)
{
    (void)state;
    return !fixture_close(&fixture);
}

static struct lte_sampler *new_sampler(uint32_t vocabulary, const struct lte_sampler_params *params)
{
    struct lte_sampler *s;
    assert_int_equal(lte_sampler_new(fixture.context, vocabulary, params, &s), LTE_OK);
    return s;
}

static struct lte_sampler_params defaults(void)
{
    struct lte_sampler_params p;
    lte_sampler_params_init(&p);
    return p;
}

static uint32_t draw(struct lte_sampler *s, const float *logits)
{
    uint32_t token = UINT32_MAX;
    assert_int_equal(lte_sampler_sample(s, logits, &token), LTE_OK);
    return token;
}

// Test data from a generator of its own: 16 steps a unit, so that ties are common.
static float noise(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)((int)(*state >> 57) - 64) / 16;
}

// ---- brute force: a full sort ----

struct entry {
    double probability;
    float logit;
    uint32_t id;
};

static int by_logit(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->id > y->id ? 1 : -1;
}

static void normalise(struct entry *e, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += e[i].probability;
    for (size_t i = 0; i < n; i++)
        e[i].probability /= sum;
}

// The distribution that `p` defines over `logits`, with the kept tokens only; returns how many.
static size_t brute(const struct lte_sampler_params *p, const float *logits, size_t n,
                    struct entry *e)
{
    for (size_t i = 0; i < n; i++)
        e[i] = (struct entry){.logit = logits[i], .id = (uint32_t)i};
    qsort(e, n, sizeof *e, by_logit);
    if (p->top_k && p->top_k < n)
        n = p->top_k;
    for (size_t i = 0; i < n; i++)
        e[i].probability = exp((e[i].logit - e[0].logit) / p->temperature);
    normalise(e, n);
    if (p->top_p < 1) {
        double sum = 0;
        size_t kept = 0;
        while (kept < n && sum < (double)p->top_p * (1 - 1e-12))
            sum += e[kept++].probability;
        n = kept;
    }
    size_t kept = 0;
    while (kept < n && e[kept].probability >= p->min_p * e[0].probability * (1 - 1e-12))
        kept++;
    normalise(e, kept);
    return kept;
}

// Draws until each token of the expected set must have come up, and never another. The least
// probable kept token is made likely enough by a high temperature.
static void check_set(const struct lte_sampler_params *params, const float *logits, uint32_t n)
{
    struct entry expected[V];
    const size_t kept = brute(params, logits, n, expected);
    unsigned seen[V] = {0};
    struct lte_sampler *s = new_sampler(n, params);
    // misses one that is in the set with probability e^-16 at most, and the seed is fixed
    const double draws = 16 / expected[kept - 1].probability;
    assert_true(draws < 1e5);
    for (size_t i = 0; i < (size_t)draws; i++)
        seen[draw(s, logits)]++;
    for (size_t i = 0; i < kept; i++) {
        if (!seen[expected[i].id])
            fail_msg("token %u is in the set and was not drawn", (unsigned)expected[i].id);
        seen[expected[i].id] = 0;
    }
    for (uint32_t i = 0; i < n; i++)
        if (seen[i])
            fail_msg("token %u is outside the set and was drawn", (unsigned)i);
    lte_sampler_free(s);
}

// ---- tests ----

static void greedy_takes_the_lowest_of_equals(void **state)
{
    (void)state;
    struct lte_sampler *s = new_sampler(5, NULL);
    assert_int_equal(draw(s, (float[]){0, 3, -1, 3, 3}), 1);
    assert_int_equal(draw(s, (float[]){-0.0f, 0, -1, 0, -7}), 0);
    assert_int_equal(draw(s, (float[]){-FLT_MAX, -INFINITY, -INFINITY, -INFINITY, -INFINITY}), 0);
    lte_sampler_free(s);
}

static void top_k_set(void **state)
{
    (void)state;
    float logits[V];
    uint64_t seed = 1;
    for (uint32_t k = 1; k <= 64; k = k * 2 + 1) {
        for (size_t i = 0; i < V; i++)
            logits[i] = noise(&seed);
        struct lte_sampler_params p = defaults();
        p.temperature = 8;
        p.top_k = k;
        check_set(&p, logits, V);
    }
}

static void top_k_ties_go_to_lower_ids(void **state)
{
    (void)state;
    float logits[V];
    for (size_t i = 0; i < V; i++)
        logits[i] = i % 3 ? 1 : -0.0f;
    logits[V - 1] = 2;
    struct lte_sampler_params p = defaults();
    p.temperature = 1e6f;
    p.top_k = 20;
    check_set(&p, logits, V);
    p.top_k = V;
    check_set(&p, logits, V);
    p.top_k = UINT32_MAX;
    check_set(&p, logits, V);
}

static void top_p_set(void **state)
{
    (void)state;
    static const float ps[] = {1e-6f, 0.1f, 0.5f, 0.9f, 0.97f};
    float logits[V];
    uint64_t seed = 2;
    for (size_t j = 0; j < sizeof ps / sizeof ps[0]; j++) {
        for (size_t i = 0; i < V; i++)
            logits[i] = noise(&seed);
        struct lte_sampler_params p = defaults();
        p.temperature = 8;
        p.top_p = ps[j];
        check_set(&p, logits, V);
        p.top_k = 30; // top-p works on the probabilities of what top-k kept
        check_set(&p, logits, V);
    }
}

// Half of the mass is reached exactly by two of four equal tokens.
static void top_p_stops_when_reached(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.temperature = 1;
    p.top_p = 0.5f;
    struct lte_sampler *s = new_sampler(4, &p);
    for (int i = 0; i < 1000; i++)
        assert_true(draw(s, (float[]){7, 7, 7, 7}) < 2);
    lte_sampler_free(s);
}

static void min_p_set(void **state)
{
    (void)state;
    static const float ps[] = {0.01f, 0.4f, 0.7f, 1};
    float logits[V];
    uint64_t seed = 3;
    for (size_t j = 0; j < sizeof ps / sizeof ps[0]; j++) {
        for (size_t i = 0; i < V; i++)
            logits[i] = noise(&seed);
        struct lte_sampler_params p = defaults();
        p.temperature = 6;
        p.min_p = ps[j];
        check_set(&p, logits, V);
        p.top_k = 40;
        p.top_p = 0.8f;
        check_set(&p, logits, V);
    }
}

// Chi-square of 64 cells: mean 63, standard deviation 11.2; 63 + 6 deviations is 130.
static void frequencies_follow_the_temperature(void **state)
{
    (void)state;
    enum { CELLS = 64, DRAWS = 200000 };
    static const float temperatures[] = {0.7f, 1, 2.5f};
    float logits[CELLS];
    uint64_t seed = 4;
    for (size_t i = 0; i < CELLS; i++)
        logits[i] = noise(&seed) / 3;
    for (size_t j = 0; j < sizeof temperatures / sizeof temperatures[0]; j++) {
        struct lte_sampler_params p = defaults();
        p.temperature = temperatures[j];
        p.seed = j;
        struct entry expected[CELLS];
        brute(&p, logits, CELLS, expected);
        struct lte_sampler *s = new_sampler(CELLS, &p);
        unsigned seen[CELLS] = {0};
        for (size_t i = 0; i < DRAWS; i++)
            seen[draw(s, logits)]++;
        double chi = 0;
        for (size_t i = 0; i < CELLS; i++) {
            const double want = expected[i].probability * DRAWS;
            const double off = seen[expected[i].id] - want;
            assert_true(want > 5);
            chi += off * off / want;
        }
        print_message("# temperature %g: chi-square %.1f of 63\n", (double)p.temperature, chi);
        assert_true(chi < 130);
        lte_sampler_free(s);
    }
}

static void tiny_temperature_is_greedy(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.temperature = FLT_MIN / 16;
    struct lte_sampler *s = new_sampler(3, &p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(draw(s, (float[]){-FLT_MAX, FLT_MAX, 0}), 1);
    lte_sampler_free(s);
}

static void repetition_penalty(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.repetition_penalty = 2;
    p.repetition_window = 2;
    struct lte_sampler *s = new_sampler(4, &p);
    const float positive[] = {3, 4, 0, 1};
    assert_int_equal(draw(s, positive), 1); // now 3, 2, 0, 1
    assert_int_equal(draw(s, positive), 0); // now 1.5, 2, 0, 1
    assert_int_equal(draw(s, positive), 1); // still both in the window
    assert_int_equal(draw(s, positive), 1); // 1 twice, 0 forgotten: now 3, 2, 0, 1
    assert_int_equal(draw(s, positive), 0);
    lte_sampler_reset(s);
    assert_int_equal(draw(s, positive), 1);
    lte_sampler_reset(s);
    const float negative[] = {-1, -1.5f, -4, -9};
    assert_int_equal(lte_sampler_accept(s, 0), LTE_OK); // now -2, -1.5
    assert_int_equal(draw(s, negative), 1);             // now -2, -3
    assert_int_equal(draw(s, negative), 0);
    assert_int_equal(lte_sampler_accept(s, 4), LTE_ERR_ARGUMENT);
    assert_non_null(strstr(fixture.log, "token 4"));
    lte_sampler_free(s);
}

static void penalty_keeps_logits_finite(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.repetition_penalty = 1e30f;
    struct lte_sampler *s = new_sampler(2, &p);
    lte_sampler_accept(s, 0);
    assert_int_equal(draw(s, (float[]){-FLT_MAX, -INFINITY}), 0);
    lte_sampler_free(s);
}

static void window_of_nothing(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.repetition_penalty = 100;
    p.repetition_window = 0;
    struct lte_sampler *s = new_sampler(2, &p);
    for (int i = 0; i < 3; i++)
        assert_int_equal(draw(s, (float[]){1, 2}), 1);
    lte_sampler_free(s);
}

// The first draws of seed 42 over eight equal tokens, worked out from the definition of splitmix64:
// they must never change, on any machine.
static void draws_are_pinned(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.temperature = 1;
    p.seed = 42;
    const float equal[8] = {0};
    static const uint32_t pinned[] = {5, 1, 2, 2, 0, 6, 1, 6, 2, 4, 1, 3, 4, 4, 5, 1};
    struct lte_sampler *s = new_sampler(8, &p);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++)
            assert_int_equal(draw(s, equal), pinned[i]);
        lte_sampler_reset(s);
    }
    lte_sampler_free(s);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    p.temperature = 1;
    struct lte_sampler *a = new_sampler(V, &p), *b = new_sampler(V, &p);
    p.seed = 1;
    struct lte_sampler *c = new_sampler(V, &p);
    const float equal[V] = {0};
    int other = 0;
    for (int i = 0; i < 100; i++) {
        const uint32_t token = draw(a, equal);
        assert_int_equal(token, draw(b, equal));
        other += token != draw(c, equal);
    }
    assert_true(other > 80);
    lte_sampler_free(a);
    lte_sampler_free(b);
    lte_sampler_free(c);
}

static void nan_and_infinity(void **state)
{
    (void)state;
    struct lte_sampler_params p = defaults();
    for (int i = 0; i < 2; i++) {
        p.temperature = (float)i;
        struct lte_sampler *s = new_sampler(4, &p);
        for (int j = 0; j < 50; j++) {
            assert_int_equal(draw(s, (float[]){NAN, -5, NAN, -INFINITY}), 1);
            assert_int_equal(draw(s, (float[]){NAN, 5, INFINITY, 9}), 2);
            assert_int_equal(draw(s, (float[]){-NAN, -FLT_MAX, NAN, NAN}), 1);
            assert_int_equal(draw(s, (float[]){NAN, -INFINITY, NAN, INFINITY}), 3);
        }
        uint32_t token = 77;
        const float *none[] = {(float[]){NAN, NAN, NAN, NAN},
                               (float[]){NAN, -INFINITY, -INFINITY, -INFINITY}};
        for (int j = 0; j < 2; j++) {
            fixture_clear(&fixture);
            assert_int_equal(lte_sampler_sample(s, none[j], &token), LTE_ERR_ARGUMENT);
            assert_int_equal(token, 77);
            assert_non_null(strstr(fixture.log, "above -infinity"));
        }
        lte_sampler_free(s);
    }
    p.top_k = 3;
    p.top_p = 0.9f;
    p.min_p = 0.1f;
    struct lte_sampler *s = new_sampler(4, &p);
    for (int j = 0; j < 50; j++)
        assert_int_equal(draw(s, (float[]){NAN, -5, NAN, -INFINITY}), 1);
    lte_sampler_free(s);
}

static void refuse(struct lte_sampler_params p, const char *name)
{
    struct lte_sampler *s = (struct lte_sampler *)&p;
    fixture_clear(&fixture);
    assert_int_equal(lte_sampler_new(fixture.context, 4, &p, &s), LTE_ERR_ARGUMENT);
    assert_null(s);
    if (!strstr(fixture.log, name))
        fail_msg("\"%s\" does not name %s", fixture.log, name);
}

static void bad_parameters_are_named(void **state)
{
    (void)state;
    static const float bad_penalty[] = {0, -1, INFINITY, NAN}, bad_temperature[] = {-1, INFINITY, NAN},
                       bad_top_p[] = {0, -1, 1.5f, NAN}, bad_min_p[] = {-0.5f, 1.5f, NAN};
    struct lte_sampler_params p;
    for (size_t i = 0; i < 4; i++)
        p = defaults(), p.repetition_penalty = bad_penalty[i], refuse(p, "repetition_penalty");
    for (size_t i = 0; i < 3; i++)
        p = defaults(), p.temperature = bad_temperature[i], refuse(p, "temperature");
    for (size_t i = 0; i < 4; i++)
        p = defaults(), p.top_p = bad_top_p[i], refuse(p, "top_p");
    for (size_t i = 0; i < 3; i++)
        p = defaults(), p.min_p = bad_min_p[i], refuse(p, "min_p");
    p = defaults(), p.repetition_window = 65537, refuse(p, "repetition_window");
    p = defaults(), p.reserved[3] = 1, refuse(p, "reserved");

    struct lte_sampler *s = (struct lte_sampler *)&p;
    assert_int_equal(lte_sampler_new(fixture.context, 0, NULL, &s), LTE_ERR_ARGUMENT);
    assert_null(s);
    assert_non_null(strstr(fixture.log, "vocabulary"));
    assert_int_equal(lte_sampler_new(fixture.context, 4, NULL, NULL), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_sampler_new(NULL, 4, NULL, &s), LTE_ERR_ARGUMENT);
    s = new_sampler(1, NULL);
    uint32_t token;
    assert_int_equal(lte_sampler_sample(s, NULL, &token), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_sampler_sample(s, (float[]){0}, NULL), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_sampler_sample(NULL, (float[]){0}, &token), LTE_ERR_ARGUMENT);
    lte_sampler_free(s);
    lte_sampler_free(NULL);
}

static enum lte_status new_and_draw(struct fixture *f, void *params)
{
    struct lte_sampler *s;
    const enum lte_status status = lte_sampler_new(f->context, V, params, &s);
    if (status == LTE_OK) { // sampling allocates nothing
        const float equal[V] = {0};
        const size_t calls = f->calls;
        draw(s, equal);
        assert_int_equal(f->calls, calls);
    } else
        assert_null(s);
    lte_sampler_free(s);
    return status;
}

static void out_of_memory(void **state)
{
    struct lte_sampler_params p = defaults();
    (void)state;
    assert_true(fixture_starve(&fixture, new_and_draw, &p, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_lowest_of_equals),
        cmocka_unit_test(top_k_set),
        cmocka_unit_test(top_k_ties_go_to_lower_ids),
        cmocka_unit_test(top_p_set),
        cmocka_unit_test(top_p_stops_when_reached),
        cmocka_unit_test(min_p_set),
        cmocka_unit_test(frequencies_follow_the_temperature),
        cmocka_unit_test(tiny_temperature_is_greedy),
        cmocka_unit_test(repetition_penalty),
        cmocka_unit_test(penalty_keeps_logits_finite),
        cmocka_unit_test(window_of_nothing),
        cmocka_unit_test(draws_are_pinned),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(nan_and_infinity),
        cmocka_unit_test(bad_parameters_are_named),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests_name("sampler", tests, open_context, close_context);
}
