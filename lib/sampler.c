// SPDX-License-Identifier: BSD-2-Clause
// From logits to a token: repetition penalty, temperature, top-k, top-p, min-p, and the draw.
//
// Choices are kept in order of id, whatever they were made of, so that a draw from the few largest
// logits is the draw from all of them.
#include "config.h"

#include "lte/sampler.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "lib/choices.h"
#include "lib/context.h"

enum { MAX_WINDOW = 65536 };

struct lte_sampler {
    const struct lte_context *context;
    struct lte_sampler_params params;
    uint32_t vocabulary;
    uint64_t random;       // state of the generator
    struct choice *choice; // [vocabulary]
    uint32_t *seen;        // [vocabulary]: how often an id is in `recent`
    uint32_t *recent;      // [repetition_window], a ring
    uint32_t recent_count, recent_next;
};

void lte_sampler_params_init(struct lte_sampler_params *params)
{
    if (params)
        *params = (struct lte_sampler_params){
            .repetition_penalty = 1, .repetition_window = 64, .top_p = 1};
}

// Written so that a NaN fails each test.
static enum lte_status check_params(const struct lte_context *c, const struct lte_sampler_params *p)
{
    if (!(p->repetition_penalty > 0 && p->repetition_penalty <= FLT_MAX))
        return lte_fail(c, LTE_ERR_ARGUMENT, "repetition_penalty %g is not above 0 and finite",
                        (double)p->repetition_penalty);
    if (p->repetition_window > MAX_WINDOW)
        return lte_fail(c, LTE_ERR_ARGUMENT, "repetition_window %u is outside 0..%d",
                        (unsigned)p->repetition_window, MAX_WINDOW);
    if (!(p->temperature >= 0 && p->temperature <= FLT_MAX))
        return lte_fail(c, LTE_ERR_ARGUMENT, "temperature %g is not 0 or above and finite",
                        (double)p->temperature);
    if (!(p->top_p > 0 && p->top_p <= 1))
        return lte_fail(c, LTE_ERR_ARGUMENT, "top_p %g is outside (0,1]", (double)p->top_p);
    if (!(p->min_p >= 0 && p->min_p <= 1))
        return lte_fail(c, LTE_ERR_ARGUMENT, "min_p %g is outside [0,1]", (double)p->min_p);
    for (size_t i = 0; i < sizeof p->reserved / sizeof p->reserved[0]; i++)
        if (p->reserved[i])
            return lte_fail(c, LTE_ERR_ARGUMENT, "sampler parameters: reserved[%zu] is not 0", i);
    return LTE_OK;
}

enum lte_status lte_sampler_new(struct lte_context *context, uint32_t vocabulary,
                                const struct lte_sampler_params *params,
                                struct lte_sampler **sampler)
{
    struct lte_sampler_params p;
    lte_sampler_params_init(&p);
    if (params)
        p = *params;
    if (sampler)
        *sampler = NULL;
    if (!context || !sampler)
        return LTE_ERR_ARGUMENT;
    if (!vocabulary)
        return lte_fail(context, LTE_ERR_ARGUMENT, "vocabulary 0: a sampler needs at least 1 token");
    LTE_TRY(check_params(context, &p));

    struct lte_sampler *s = lte_alloc_zero(context, sizeof *s);
    if (!s)
        return lte_fail_memory(context, "a sampler", sizeof *s);
    s->context = context;
    s->params = p;
    s->vocabulary = vocabulary;
    s->choice = lte_alloc_array(context, vocabulary, sizeof *s->choice);
    s->seen = lte_alloc_array(context, vocabulary, sizeof *s->seen);
    s->recent = lte_alloc_array(context, p.repetition_window, sizeof *s->recent);
    if (!s->choice || !s->seen || !s->recent) {
        lte_sampler_free(s);
        return lte_fail_memory(context, "a sampler's tables",
                               vocabulary * (sizeof *s->choice + sizeof *s->seen));
    }
    lte_sampler_reset(s);
    *sampler = s;
    return LTE_OK;
}

void lte_sampler_free(struct lte_sampler *sampler)
{
    if (!sampler)
        return;
    struct lte_sampler s = *sampler;
    lte_release(s.context, s.recent, s.params.repetition_window * sizeof *s.recent);
    lte_release(s.context, s.seen, s.vocabulary * sizeof *s.seen);
    lte_release(s.context, s.choice, s.vocabulary * sizeof *s.choice);
    lte_release(s.context, sampler, sizeof *sampler);
}

void lte_sampler_reset(struct lte_sampler *sampler)
{
    sampler->random = sampler->params.seed;
    sampler->recent_count = 0;
    sampler->recent_next = 0;
    memset(sampler->seen, 0, sampler->vocabulary * sizeof *sampler->seen);
}

static void remember(struct lte_sampler *s, uint32_t token)
{
    const uint32_t window = s->params.repetition_window;
    if (!window)
        return;
    if (s->recent_count == window)
        s->seen[s->recent[s->recent_next]]--;
    else
        s->recent_count++;
    s->recent[s->recent_next] = token;
    s->recent_next = s->recent_next + 1 == window ? 0 : s->recent_next + 1;
    s->seen[token]++;
}

enum lte_status lte_sampler_accept(struct lte_sampler *sampler, uint32_t token)
{
    if (!sampler)
        return LTE_ERR_ARGUMENT;
    if (token >= sampler->vocabulary)
        return lte_fail(sampler->context, LTE_ERR_ARGUMENT, "token %u is outside 0..%u",
                        (unsigned)token, (unsigned)sampler->vocabulary - 1);
    remember(sampler, token);
    return LTE_OK;
}

// A number in [0,1) with 53 bits, from splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom
// number generators, 2014).
static double uniform(struct lte_sampler *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

// The logit x of `id` after the repetition penalty, kept finite if it was.
static float penalised(const struct lte_sampler *s, uint32_t id, float x)
{
    const float penalty = s->params.repetition_penalty;
    if (!s->seen[id] || penalty == 1 || !isfinite(x))
        return x;
    const float y = x > 0 ? x / penalty : x * penalty;
    return y > FLT_MAX ? FLT_MAX : y < -FLT_MAX ? -FLT_MAX : y;
}

// The largest of all logits; NaN compares false and is passed over.
static uint32_t greedy(const struct lte_sampler *s, const float *logits)
{
    uint32_t best = LTE_NO_TOKEN;
    float largest = -INFINITY;
    for (uint32_t i = 0; i < s->vocabulary; i++) {
        const float x = penalised(s, i, logits[i]);
        if (x > largest) {
            largest = x;
            best = i;
        }
    }
    return best;
}

// Neither NaN nor -infinity can be drawn at all.
static uint32_t add(struct lte_sampler *s, uint32_t n, uint32_t id, float logit)
{
    const float x = penalised(s, id, logit);
    if (x > -INFINITY)
        s->choice[n++] = (struct choice){.weight = x, .key = lte_choice_key(x), .id = id};
    return n;
}

static uint32_t draw(struct lte_sampler *s, uint32_t n)
{
    const struct choice *c = s->choice;
    const double target = uniform(s) * lte_choices_total(c, n);
    double sum = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(c[i].weight > 0))
            continue;
        last = i;
        sum += c[i].weight;
        if (sum > target)
            break;
    }
    return c[last].id;
}

// From the first n choices, in order of id.
static uint32_t choose(struct lte_sampler *s, uint32_t n)
{
    const struct lte_sampler_params *p = &s->params;
    struct choice *c = s->choice;
    if (!n)
        return LTE_NO_TOKEN;
    const uint32_t top_k = p->temperature > 0 ? p->top_k : 1;
    if (top_k && top_k < n)
        n = lte_choices_keep_largest(c, n, top_k, true);
    if (p->temperature == 0)
        return c[0].id;
    lte_choices_weigh(c, n, p->temperature);
    if (p->top_p < 1)
        n = lte_choices_keep_largest(c, n, p->top_p * lte_choices_total(c, n), false);
    if (p->min_p > 0)
        n = lte_choices_keep_above(c, n, p->min_p);
    return draw(s, n);
}

static enum lte_status chosen(struct lte_sampler *s, uint32_t id, uint32_t *token)
{
    if (id == LTE_NO_TOKEN)
        return lte_fail(s->context, LTE_ERR_ARGUMENT,
                        "none of the %u logits is a number above -infinity: there is no token to "
                        "choose",
                        (unsigned)s->vocabulary);
    *token = id;
    remember(s, id);
    return LTE_OK;
}

enum lte_status lte_sampler_sample(struct lte_sampler *sampler, const float *logits,
                                   uint32_t *token)
{
    if (!sampler || !logits || !token)
        return LTE_ERR_ARGUMENT;
    if (sampler->params.temperature == 0)
        return chosen(sampler, greedy(sampler, logits), token);
    uint32_t n = 0;
    for (uint32_t i = 0; i < sampler->vocabulary; i++)
        n = add(sampler, n, i, logits[i]);
    return chosen(sampler, choose(sampler, n), token);
}

// A penalty above 1 only puts recent tokens further back. Of the k + m largest logits, m of them of
// recent tokens at most, k keep their place before every other token, which so is not among the k
// largest that are left.
uint32_t lte_sampler_candidates(const struct lte_sampler *sampler)
{
    const struct lte_sampler_params *p = &sampler->params;
    const uint32_t all = sampler->vocabulary, k = p->temperature > 0 ? p->top_k : 1;
    const bool penalty = p->repetition_penalty != 1 && p->repetition_window;
    uint64_t needed = k + (penalty ? (uint64_t)p->repetition_window : 0);
    if (!k || (penalty && p->repetition_penalty < 1) || needed > all)
        needed = all;
    return needed <= LTE_MOST_CANDIDATES ? (uint32_t)needed : 0;
}

static enum lte_status check_candidates(const struct lte_sampler *s, const struct lte_candidate *c,
                                        uint32_t count)
{
    const uint32_t least = lte_sampler_candidates(s);
    if (!least || count < least || count > LTE_MOST_CANDIDATES)
        return lte_fail(s->context, LTE_ERR_ARGUMENT, "%u candidates: this sampler needs %u%s",
                        (unsigned)count, (unsigned)(least ? least : s->vocabulary),
                        least ? " to 1024" : ", all logits");
    for (uint32_t i = 0; i < count; i++)
        if (c[i].id != LTE_NO_TOKEN && c[i].id >= s->vocabulary)
            return lte_fail(s->context, LTE_ERR_ARGUMENT, "candidate %u is %u: ids are 0..%u",
                            (unsigned)i, (unsigned)c[i].id, (unsigned)s->vocabulary - 1);
    return LTE_OK;
}

// An id above the number of its candidate.
static uint64_t entry(uint32_t id, uint32_t i)
{
    return (uint64_t)id << 32 | i;
}

// Stable, by a digit of the id.
static void sort_by_digit(uint64_t *from, uint64_t *to, uint32_t n, int shift)
{
    uint32_t at[257] = {0};
    for (uint32_t i = 0; i < n; i++)
        at[(from[i] >> shift & 255) + 1]++;
    for (size_t digit = 0; digit < 255; digit++)
        at[digit + 1] += at[digit];
    for (uint32_t i = 0; i < n; i++)
        to[at[from[i] >> shift & 255]++] = from[i];
}

// Entries of the ids that there are, in their order; returns how many. Branches on what is drawn
// would be guessed wrong, so there are none.
static uint32_t order(const struct lte_candidate *c, uint32_t count, uint32_t vocabulary,
                      uint64_t *sorted)
{
    uint64_t other[LTE_MOST_CANDIDATES];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (c[i].id != LTE_NO_TOKEN)
            sorted[n++] = entry(c[i].id, i);
    for (int shift = 0; shift < 32 && (vocabulary - 1) >> shift; shift += 16) {
        sort_by_digit(sorted, other, n, 32 + shift);
        sort_by_digit(other, sorted, n, 32 + shift + 8);
    }
    return n;
}

enum lte_status lte_sampler_sample_candidates(struct lte_sampler *sampler,
                                              const struct lte_candidate *candidates,
                                              uint32_t count, uint32_t *token)
{
    uint64_t sorted[LTE_MOST_CANDIDATES];
    if (!sampler || !candidates || !token)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(check_candidates(sampler, candidates, count));
    const uint32_t ids = order(candidates, count, sampler->vocabulary, sorted);
    if (ids > sampler->vocabulary)
        return lte_fail(sampler->context, LTE_ERR_ARGUMENT, "%u candidates of %u tokens",
                        (unsigned)ids, (unsigned)sampler->vocabulary);
    uint32_t n = 0;
    for (uint32_t i = 0; i < ids; i++) {
        const struct lte_candidate *c = &candidates[(uint32_t)sorted[i]];
        n = add(sampler, n, c->id, c->logit);
    }
    return chosen(sampler, choose(sampler, n), token);
}
