// SPDX-License-Identifier: BSD-2-Clause
// Sessions that are sampled from candidates beside others that are sampled from all logits.
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/candidates.h"
#include "lib/model.h"
#include "tests/inside.h"

enum { TOP_K = 5, WINDOW = 3, STEPS = 6, TOO_MANY = 7, IDS = 4 };

// Two lists of sessions that stand alike, each with a sampler.
struct pair {
    struct lte_session *const *few, *const *all;
    size_t sessions;
    uint32_t vocabulary;
    struct lte_sampler *of_few, *of_all;
    float *logits;   // [sessions][vocabulary]
    uint32_t *token;  // [sessions], what was chosen last
};

static struct lte_sampler *new_sampler(const struct lte_model *m)
{
    struct lte_context *c = (struct lte_context *)(uintptr_t)m->context;
    struct lte_sampler_params p;
    struct lte_sampler *s;
    lte_sampler_params_init(&p);
    p.temperature = 3;
    p.top_k = TOP_K;
    p.repetition_penalty = 1.5f;
    p.repetition_window = WINDOW;
    p.seed = 9;
    if (lte_sampler_new(c, m->vocabulary, &p, &s) != LTE_OK)
        exit(99);
    return s;
}

// Whether a step of both chooses the same.
static bool step(const struct pair *p)
{
    const uint32_t count = lte_sampler_candidates(p->of_few);
    struct lte_candidate *c = malloc(p->sessions * count * sizeof *c);
    uint32_t *want = calloc(p->sessions, sizeof *want);
    bool good = lte_session_step(p->all, p->sessions, p->token, p->logits) == LTE_OK;
    for (size_t i = 0; i < p->sessions; i++)
        good &= lte_sampler_sample(p->of_all, p->logits + i * p->vocabulary, &want[i]) == LTE_OK;
    good &= lte_session_step_candidates(p->few, p->sessions, p->token, p->vocabulary, count,
                                        p->logits, c) == LTE_OK;
    for (size_t i = 0; i < p->sessions; i++)
        good &= lte_sampler_sample_candidates(p->of_few, c + i * count, count, &p->token[i]) ==
                LTE_OK;
    good &= !memcmp(p->token, want, p->sessions * sizeof *want);
    free(want);
    free(c);
    return good;
}

static bool ends_with_none(const struct pair *p)
{
    struct lte_candidate *c = malloc(p->sessions * TOO_MANY * sizeof *c), want[TOO_MANY];
    bool good = lte_session_step_candidates(p->few, p->sessions, p->token, IDS, TOO_MANY, p->logits,
                                            c) == LTE_OK;
    good &= lte_session_step(p->all, p->sessions, p->token, p->logits) == LTE_OK;
    for (size_t i = 0; i < p->sessions; i++) {
        lte_candidates_find(p->logits + i * p->vocabulary, IDS, TOO_MANY, want);
        good &= !memcmp(want, c + i * TOO_MANY, sizeof want) && want[IDS].id == LTE_NO_TOKEN;
    }
    free(c);
    return good;
}

static bool refused(const struct pair *p, uint32_t ids, uint32_t count, float *logits,
                    struct lte_candidate *c)
{
    return lte_session_step_candidates(p->few, p->sessions, p->token, ids, count, logits, c) ==
           LTE_ERR_ARGUMENT;
}

// Whatever is outside the call's ranges, before anything is read.
static bool refuses(const struct pair *p)
{
    struct lte_candidate c[1];
    const uint64_t position = lte_session_position(p->few[0]);
    return refused(p, p->vocabulary, 0, p->logits, c) &&
           refused(p, p->vocabulary, LTE_MOST_CANDIDATES + 1, p->logits, c) &&
           refused(p, 0, 1, p->logits, c) && refused(p, p->vocabulary + 1, 1, p->logits, c) &&
           refused(p, p->vocabulary, 1, NULL, c) && refused(p, p->vocabulary, 1, p->logits, NULL) &&
           lte_session_position(p->few[0]) == position;
}

bool inside_sampled(struct lte_session *const *few, struct lte_session *const *all, size_t sessions)
{
    const struct lte_model *m = few[0]->model;
    const struct pair p = {.few = few,
                           .all = all,
                           .sessions = sessions,
                           .vocabulary = (uint32_t)m->vocabulary,
                           .of_few = new_sampler(m),
                           .of_all = new_sampler(m),
                           .logits = malloc(sessions * m->vocabulary * sizeof(float)),
                           .token = calloc(sessions, sizeof(uint32_t))};
    bool good = lte_sampler_candidates(p.of_few) == TOP_K + WINDOW;
    for (int i = 0; good && i < STEPS; i++)
        good = step(&p);
    good = good && ends_with_none(&p) && refuses(&p);
    free(p.token);
    free(p.logits);
    lte_sampler_free(p.of_all);
    lte_sampler_free(p.of_few);
    return good;
}
