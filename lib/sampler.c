// SPDX-License-Identifier: BSD-2-Clause
// From logits to a token: repetition penalty, temperature, top-k, top-p, min-p, and the draw.
//
// Nothing is sorted: the two cuts find their threshold by radix selection, so a call is a fixed
// number of passes over the vocabulary whatever the logits are. Every number that decides comes
// from IEEE additions, multiplications and divisions in an order of their own, exp included: the
// same logits give the same tokens on every machine.
#include "config.h"

#include "lte/sampler.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "lib/context.h"

enum { MAX_WINDOW = 65536 };

struct candidate {
    double weight; // the logit, then exp((logit - largest) / temperature)
    uint32_t key;  // orders as the logits do
    uint32_t id;
};

struct lte_sampler {
    const struct lte_context *context;
    struct lte_sampler_params params;
    uint32_t vocabulary;
    uint64_t random;              // state of the generator
    struct candidate *candidates; // [vocabulary]
    uint32_t *seen;               // [vocabulary]: how often an id is in `recent`
    uint32_t *recent;             // [repetition_window], a ring
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
    s->candidates = lte_alloc_array(context, vocabulary, sizeof *s->candidates);
    s->seen = lte_alloc_array(context, vocabulary, sizeof *s->seen);
    s->recent = lte_alloc_array(context, p.repetition_window, sizeof *s->recent);
    if (!s->candidates || !s->seen || !s->recent) {
        lte_sampler_free(s);
        return lte_fail_memory(context, "a sampler's tables",
                               vocabulary * (sizeof *s->candidates + sizeof *s->seen));
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
    lte_release(s.context, s.candidates, s.vocabulary * sizeof *s.candidates);
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

// exp(x) for x <= 0, to about one unit in the last place; 0 below the smallest normal number. C
// libraries differ in exp's last bit, and so would the tokens. Each product is a statement of its
// own because a compiler may fuse a product and a sum of one expression.
static double exp_negative(double x)
{
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
        1.0 / 40320,      1.0 / 5040,      1.0 / 720,      1.0 / 120,     1.0 / 24,
        1.0 / 6,          1.0 / 2,         1.0,            1.0};
    const double log2_e = 0x1.71547652b82fep+0;
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    if (!(x >= -708))
        return 0;
    // x = n ln 2 + r with |r| <= ln 2 / 2; ln2_high is short enough for an exact n * ln2_high
    const double scaled = x * log2_e;
    const int n = (int)(scaled - 0.5);
    const double high = n * ln2_high, low = n * ln2_low;
    double r = x - high;
    r = r - low;
    double sum = inverse_factorial[0];
    for (size_t i = 1; i < sizeof inverse_factorial / sizeof inverse_factorial[0]; i++) {
        const double product = sum * r;
        sum = product + inverse_factorial[i];
    }
    const uint64_t power_bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &power_bits, sizeof power);
    return sum * power;
}

// The logit of `id` after the repetition penalty, kept finite if it was.
static float penalised(const struct lte_sampler *s, const float *logits, uint32_t id)
{
    const float x = logits[id], penalty = s->params.repetition_penalty;
    if (!s->seen[id] || penalty == 1 || !isfinite(x))
        return x;
    const float y = x > 0 ? x / penalty : x * penalty;
    return y > FLT_MAX ? FLT_MAX : y < -FLT_MAX ? -FLT_MAX : y;
}

static bool any_finite(const float *logits, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (isfinite(logits[i]))
            return true;
    return false;
}

// There is a finite logit, so something is above -infinity; NaN compares false and is passed over.
static uint32_t greedy(const struct lte_sampler *s, const float *logits)
{
    uint32_t best = 0;
    float largest = -INFINITY;
    for (uint32_t i = 0; i < s->vocabulary; i++) {
        const float x = penalised(s, logits, i);
        if (x > largest) {
            largest = x;
            best = i;
        }
    }
    return best;
}

// Unsigned integers that order as the floats do; both zeros map to one.
static uint32_t order_key(float x)
{
    uint32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
}

// What can be drawn at all, in order of id: neither NaN nor -infinity.
static uint32_t collect(struct lte_sampler *s, const float *logits)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->vocabulary; i++) {
        const float x = penalised(s, logits, i);
        if (x > -INFINITY)
            s->candidates[n++] = (struct candidate){.weight = x, .key = order_key(x), .id = i};
    }
    return n;
}

// Turns logits into weights relative to the largest, whose weight is 1 (also when it is infinite).
static void weigh(struct candidate *c, uint32_t n, double temperature)
{
    double largest = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        if (c[i].weight > largest)
            largest = c[i].weight;
    for (uint32_t i = 0; i < n; i++)
        c[i].weight =
            c[i].weight == largest ? 1 : exp_negative((c[i].weight - largest) / temperature);
}

static double total(const struct candidate *c, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += c[i].weight;
    return sum;
}

// Keeps the shortest prefix, in descending order of key and ascending order of id, whose mass
// reaches `target`, and returns how many that is; the order of id is left as it was. A candidate's
// mass is its weight, or 1 if `counting`. The threshold is found digit by digit from the top.
static uint32_t keep_largest(struct candidate *c, uint32_t n, double target, bool counting)
{
    enum { BITS = 8, DIGITS = 1 << BITS };
    uint32_t threshold = 0, mask = 0;
    double above = 0; // mass of the keys above the threshold
    for (int shift = 32 - BITS; shift >= 0; shift -= BITS) {
        double mass[DIGITS] = {0};
        uint32_t count[DIGITS] = {0};
        for (uint32_t i = 0; i < n; i++)
            if ((c[i].key & mask) == threshold) {
                const uint32_t digit = c[i].key >> shift & (DIGITS - 1);
                mass[digit] += counting ? 1 : c[i].weight;
                count[digit]++;
            }
        // Rounding may leave the whole just short of the target: then the lowest digit there is.
        uint32_t digit = DIGITS - 1, lowest = 0;
        while (!count[lowest])
            lowest++;
        while (digit > lowest && above + mass[digit] < target)
            above += mass[digit--];
        threshold |= digit << shift;
        mask |= (uint32_t)(DIGITS - 1) << shift;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].key < threshold || (c[i].key == threshold && above >= target))
            continue;
        if (c[i].key == threshold)
            above += counting ? 1 : c[i].weight;
        c[kept++] = c[i];
    }
    return kept;
}

static uint32_t keep_above(struct candidate *c, uint32_t n, double least)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (c[i].weight >= least)
            c[kept++] = c[i];
    return kept;
}

static uint32_t draw(struct lte_sampler *s, uint32_t n)
{
    const struct candidate *c = s->candidates;
    const double target = uniform(s) * total(c, n);
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

static uint32_t sample(struct lte_sampler *s, const float *logits)
{
    const struct lte_sampler_params *p = &s->params;
    struct candidate *c = s->candidates;
    uint32_t n = collect(s, logits);
    if (p->top_k && p->top_k < n)
        n = keep_largest(c, n, p->top_k, true);
    weigh(c, n, p->temperature);
    if (p->top_p < 1)
        n = keep_largest(c, n, p->top_p * total(c, n), false);
    if (p->min_p > 0)
        n = keep_above(c, n, p->min_p);
    return draw(s, n);
}

enum lte_status lte_sampler_sample(struct lte_sampler *sampler, const float *logits,
                                   uint32_t *token)
{
    if (!sampler || !logits || !token)
        return LTE_ERR_ARGUMENT;
    if (!any_finite(logits, sampler->vocabulary))
        return lte_fail(sampler->context, LTE_ERR_ARGUMENT,
                        "none of the %u logits is finite: there is no token to choose",
                        (unsigned)sampler->vocabulary);
    *token = sampler->params.temperature > 0 ? sample(sampler, logits) : greedy(sampler, logits);
    remember(sampler, *token);
    return LTE_OK;
}
