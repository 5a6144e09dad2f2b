// SPDX-License-Identifier: BSD-2-Clause
// Candidates: the largest logits against a full sort, and what a sampler makes of them against what
// it makes of all logits.
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

#include "lib/candidates.h"
#include "lte/sampler.h"
#include "tests/fixture.h"

enum { V = 500, MOST = V + 20, DRAWS = 40 };

static struct fixture fixture;
static uint64_t random_state;

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

static uint32_t below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % n);
}

// ---- kinds of logits ----

static float few(void) // ties
{
    return (float)below(9) - 4;
}

static float many(void)
{
    return ((float)below(1 << 20) - (1 << 19)) / 65536;
}

static float odd(void)
{
    static const float x[] = {0,       -0.0f,    INFINITY,    -INFINITY, NAN,
                              FLT_MAX, -FLT_MAX, FLT_MIN / 8, 1,         -1};
    return x[below(sizeof x / sizeof *x)];
}

static float none(void)
{
    return below(2) ? NAN : -INFINITY;
}

static float one(void)
{
    return below(V) ? none() : -7;
}

static float (*const kinds[])(void) = {few, many, odd, one, none};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void fill(float *logits, size_t kind)
{
    for (size_t i = 0; i < V; i++)
        logits[i] = kinds[kind]();
}

// ---- the largest ----

static int best_first(const void *a, const void *b)
{
    const struct lte_candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->id > y->id ? 1 : -1;
}

static void sorted(const float *logits, uint32_t ids, uint32_t count, struct lte_candidate *c)
{
    struct lte_candidate all[V];
    uint32_t n = 0;
    for (uint32_t i = 0; i < ids; i++)
        if (logits[i] > -INFINITY)
            all[n++] = (struct lte_candidate){i, logits[i]};
    qsort(all, n, sizeof *all, best_first);
    for (uint32_t i = 0; i < count; i++)
        c[i] = i < n ? all[i] : (struct lte_candidate){LTE_NO_TOKEN, -INFINITY};
}

static void find_what_a_sort_finds(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 40, V - 1, V, MOST}, ids[] = {1, 2, 100, V};
    float logits[V];
    struct lte_candidate got[MOST + 1], want[MOST];
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
                fill(logits, kind);
                got[counts[k]] = (struct lte_candidate){77, 77};
                lte_candidates_find(logits, ids[i], counts[k], got);
                sorted(logits, ids[i], counts[k], want);
                assert_memory_equal(got, want, counts[k] * sizeof *got);
                assert_int_equal(got[counts[k]].id, 77);
            }
}

static void find_in_rising_and_falling_order(void **state)
{
    float logits[V];
    struct lte_candidate got[33], want[33];
    (void)state;
    for (int falling = 0; falling < 2; falling++) {
        for (size_t i = 0; i < V; i++)
            logits[i] = falling ? -(float)i : (float)i;
        lte_candidates_find(logits, V, 33, got);
        sorted(logits, V, 33, want);
        assert_memory_equal(got, want, sizeof want);
    }
}

// ---- samplers ----

static struct lte_sampler_params defaults(void)
{
    struct lte_sampler_params p;
    lte_sampler_params_init(&p);
    return p;
}

static struct lte_sampler *new_sampler(uint32_t vocabulary, const struct lte_sampler_params *params)
{
    struct lte_sampler *s;
    assert_int_equal(lte_sampler_new(fixture.context, vocabulary, params, &s), LTE_OK);
    return s;
}

static uint32_t needed(uint32_t vocabulary, struct lte_sampler_params p)
{
    struct lte_sampler *s = new_sampler(vocabulary, &p);
    const uint32_t n = lte_sampler_candidates(s);
    lte_sampler_free(s);
    return n;
}

static void how_many_are_needed(void **state)
{
    struct lte_sampler_params p = defaults();
    (void)state;
    assert_int_equal(needed(50000, p), 1);
    p.repetition_penalty = 1.1f;
    assert_int_equal(needed(50000, p), 65);
    p.repetition_penalty = 0.9f;
    assert_int_equal(needed(50000, p), 0);
    assert_int_equal(needed(1000, p), 1000);
    p.repetition_window = 0;
    assert_int_equal(needed(50000, p), 1);

    p = defaults();
    p.temperature = 1;
    assert_int_equal(needed(50000, p), 0);
    assert_int_equal(needed(LTE_MOST_CANDIDATES, p), LTE_MOST_CANDIDATES);
    assert_int_equal(needed(LTE_MOST_CANDIDATES + 1, p), 0);
    p.top_k = 40;
    p.top_p = 0.9f;
    p.min_p = 0.1f;
    assert_int_equal(needed(50000, p), 40);
    assert_int_equal(needed(30, p), 30);
    p.repetition_penalty = 2;
    assert_int_equal(needed(50000, p), 104);
    p.top_k = LTE_MOST_CANDIDATES - 64;
    assert_int_equal(needed(50000, p), LTE_MOST_CANDIDATES);
    p.top_k++;
    assert_int_equal(needed(50000, p), 0);
    p.top_k = UINT32_MAX;
    assert_int_equal(needed(50000, p), 0);
    assert_int_equal(needed(70, p), 70);
}

static struct lte_sampler_params draw_params(void)
{
    static const float penalties[] = {1, 1.2f, 3, 1e30f, 0.7f}, ps[] = {1, 0.95f, 0.4f},
                       least[] = {0, 0.02f, 0.5f}, temperatures[] = {0, 0.7f, 8, 1e4f};
    struct lte_sampler_params p = defaults();
    p.repetition_penalty = penalties[below(5)];
    p.repetition_window = below(30);
    p.temperature = temperatures[below(4)];
    p.top_k = below(4) ? 1 + below(60) : 0;
    p.top_p = ps[below(3)];
    p.min_p = least[below(3)];
    p.seed = random_state;
    return p;
}

// Steps of two samplers alike, with logits of one kind: they choose the same, or refuse together.
static void draw_both(struct lte_sampler *all, struct lte_sampler *some, size_t kind)
{
    struct lte_candidate c[MOST];
    float logits[V];
    const uint32_t least = lte_sampler_candidates(some);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t a = LTE_NO_TOKEN, b = LTE_NO_TOKEN;
        const uint32_t count = least + below(MOST - least + 1);
        fill(logits, kind);
        lte_candidates_find(logits, V, count, c);
        if (i % 2) { // in another order
            const struct lte_candidate first = c[0];
            c[0] = c[count / 2];
            c[count / 2] = first;
        }
        const enum lte_status status = lte_sampler_sample(all, logits, &a);
        assert_int_equal(lte_sampler_sample_candidates(some, c, count, &b), status);
        assert_int_equal(a, b);
    }
}

static void the_same_token_as_from_all(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        const struct lte_sampler_params p = draw_params();
        struct lte_sampler *all = new_sampler(V, &p), *some = new_sampler(V, &p);
        for (size_t kind = 0; kind < KINDS; kind++)
            draw_both(all, some, kind);
        lte_sampler_free(some);
        lte_sampler_free(all);
    }
}

// Ids of more digits than a small vocabulary has, best first and so in no order of ids.
static void large_vocabularies(void **state)
{
    enum { LARGE = 70000, K = 300 };
    struct lte_sampler_params p = defaults();
    struct lte_candidate c[K];
    float *logits = malloc(LARGE * sizeof *logits);
    (void)state;
    p.temperature = 50;
    p.top_k = K;
    struct lte_sampler *all = new_sampler(LARGE, &p), *some = new_sampler(LARGE, &p);
    for (int i = 0; i < 4; i++) {
        uint32_t a, b;
        for (size_t n = 0; n < LARGE; n++)
            logits[n] = many();
        lte_candidates_find(logits, LARGE, K, c);
        assert_int_equal(lte_sampler_sample(all, logits, &a), LTE_OK);
        assert_int_equal(lte_sampler_sample_candidates(some, c, K, &b), LTE_OK);
        assert_int_equal(a, b);
    }
    lte_sampler_free(some);
    lte_sampler_free(all);
    free(logits);
}

// A token that a penalty puts behind many equal ones comes back when it is forgotten.
static void a_penalty_reaches_behind_the_cut(void **state)
{
    struct lte_sampler_params p = defaults();
    struct lte_candidate c[4];
    float logits[V];
    uint32_t token = LTE_NO_TOKEN;
    (void)state;
    for (size_t i = 0; i < V; i++)
        logits[i] = -1;
    p.repetition_penalty = 2;
    p.repetition_window = 3;
    struct lte_sampler *s = new_sampler(V, &p);
    assert_int_equal(lte_sampler_candidates(s), 4);
    lte_candidates_find(logits, V, 4, c);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(lte_sampler_sample_candidates(s, c, 4, &token), LTE_OK);
        assert_int_equal(token, i % 4);
    }
    lte_sampler_free(s);
}

static void refuse(struct lte_sampler *s, const struct lte_candidate *c, uint32_t count,
                   const char *why)
{
    uint32_t token = 77;
    fixture_clear(&fixture);
    assert_int_equal(lte_sampler_sample_candidates(s, c, count, &token), LTE_ERR_ARGUMENT);
    assert_int_equal(token, 77);
    if (!strstr(fixture.log, why))
        fail_msg("\"%s\" does not say %s", fixture.log, why);
}

static void bad_candidates_are_refused(void **state)
{
    struct lte_sampler_params p = defaults();
    const struct lte_candidate nothing = {LTE_NO_TOKEN, -INFINITY};
    struct lte_candidate c[5] = {{2, 3}, {0, 2}, {1, 1}, nothing, nothing};
    uint32_t token;
    (void)state;
    p.temperature = 1;
    struct lte_sampler *all = new_sampler(5000, &p);
    refuse(all, c, 3, "needs 5000, all logits");
    lte_sampler_free(all);

    p.top_k = 3;
    struct lte_sampler *s = new_sampler(4, &p);
    refuse(s, c, 2, "needs 3");
    refuse(s, c, LTE_MOST_CANDIDATES + 1, "needs 3 to 1024");
    assert_int_equal(lte_sampler_sample_candidates(NULL, c, 3, &token), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_sampler_sample_candidates(s, NULL, 3, &token), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_sampler_sample_candidates(s, c, 3, NULL), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_sampler_sample_candidates(s, c, 5, &token), LTE_OK);
    refuse(s, c + 3, 2, "needs 3");
    c[1].id = 4;
    refuse(s, c, 3, "candidate 1 is 4");
    for (uint32_t i = 0; i < 5; i++)
        c[i] = (struct lte_candidate){i % 4, 1};
    refuse(s, c, 5, "5 candidates of 4 tokens");
    for (uint32_t i = 0; i < 5; i++)
        c[i] = nothing;
    refuse(s, c, 5, "above -infinity");
    lte_sampler_free(s);
}

static void nothing_is_allocated(void **state)
{
    struct lte_sampler_params p = defaults();
    struct lte_candidate c[40];
    float logits[V];
    uint32_t token;
    (void)state;
    fill(logits, 1);
    lte_candidates_find(logits, V, 40, c);
    p.temperature = 1;
    p.top_k = 40;
    struct lte_sampler *s = new_sampler(V, &p);
    const size_t calls = fixture.calls;
    assert_int_equal(lte_sampler_sample_candidates(s, c, 40, &token), LTE_OK);
    assert_int_equal(fixture.calls, calls);
    lte_sampler_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_what_a_sort_finds),
        cmocka_unit_test(find_in_rising_and_falling_order),
        cmocka_unit_test(how_many_are_needed),
        cmocka_unit_test(the_same_token_as_from_all),
        cmocka_unit_test(large_vocabularies),
        cmocka_unit_test(a_penalty_reaches_behind_the_cut),
        cmocka_unit_test(bad_candidates_are_refused),
        cmocka_unit_test(nothing_is_allocated),
    };
    return cmocka_run_group_tests_name("candidates", tests, open_context, close_context);
}
