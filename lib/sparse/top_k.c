// SPDX-License-Identifier: BSD-2-Clause
// Two ways to the same answer: a short list kept sorted for small k, of which most scores only see
// the last entry; and for others a search for the k-th largest score, by counting what lies above
// three thresholds at a time.
#include "config.h"

#include "lib/sparse/top_k.h"

#include <math.h>
#include <string.h>

enum { SHORT_LIST = 32, SAMPLES = 32 };

// Integers in the order of the scores; all NaNs are 0.
static inline uint32_t rank_of(float score)
{
    uint32_t bits;
    const float x = score + 0.0f; // -0 becomes 0
    memcpy(&bits, &x, sizeof bits);
    const uint32_t flipped = bits >> 31 ? ~bits : bits | 0x80000000u;
    return x == x ? flipped : 0;
}

// A number x is greater than this if and only if its rank is above `rank`, that of a number.
static float score_of(uint32_t rank)
{
    const uint32_t minus_zero = 0x7fffffff; // no score's rank; 0 is not greater than -0
    const uint32_t r = rank == minus_zero ? rank - 1 : rank;
    const uint32_t bits = r >> 31 ? r & 0x7fffffffu : ~r;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static size_t all(size_t n, uint32_t *chosen)
{
    for (size_t i = 0; i < n; i++)
        chosen[i] = (uint32_t)i;
    return n;
}

static void sort_rising(uint32_t *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint32_t v = x[i];
        size_t j = i;
        for (; j && x[j - 1] > v; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

// The list is sorted by falling rank, equals in the order they came.
static void by_list(const float *score, size_t n, size_t k, uint32_t *chosen)
{
    uint32_t rank[SHORT_LIST];
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = rank_of(score[i]);
        if (used == k && r <= rank[k - 1])
            continue;
        size_t j = used < k ? used++ : k - 1;
        for (; j && rank[j - 1] < r; j--) {
            rank[j] = rank[j - 1];
            chosen[j] = chosen[j - 1];
        }
        rank[j] = r;
        chosen[j] = (uint32_t)i;
    }
    sort_rising(chosen, k);
}

// More than k scores are above `low`, less than k above `high`.
struct search {
    const struct lte_kernels *kernels;
    const float *score;
    size_t n, k;
    uint32_t low, high;
    size_t above_high;
};

// Narrows the search by three rising ranks. True if just k scores are above one of them, now
// `high`.
static bool narrow(struct search *s, const uint32_t *rank)
{
    float threshold[LTE_RANK_THRESHOLDS];
    size_t count[LTE_RANK_THRESHOLDS];
    for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++)
        threshold[j] = score_of(rank[j]);
    s->kernels->count_above(s->score, s->n, threshold, count);
    for (size_t j = 0; j < LTE_RANK_THRESHOLDS; j++) {
        if (rank[j] <= s->low || rank[j] >= s->high)
            continue;
        if (count[j] > s->k) {
            s->low = rank[j];
            continue;
        }
        s->high = rank[j];
        s->above_high = count[j];
        return count[j] == s->k;
    }
    return false;
}

// About where the k-th largest is to be expected.
static bool guess(struct search *s)
{
    enum { AROUND = 3 };
    uint32_t sample[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        const uint32_t r = rank_of(s->score[i * (s->n / SAMPLES)]);
        sample[i] = r > s->low ? r : s->low + 1;
    }
    sort_rising(sample, SAMPLES);
    const size_t middle = SAMPLES - 1 - s->k * (SAMPLES - 1) / s->n;
    const size_t low = middle < AROUND ? 0 : middle - AROUND;
    const size_t high = middle + AROUND < SAMPLES ? middle + AROUND : SAMPLES - 1;
    return narrow(s, (uint32_t[]){sample[low] - 1, sample[middle], sample[high]});
}

// Where there are not k scores above -Inf: `greater` of them, then those, then what is no number.
static void with_the_least(const float *score, size_t n, size_t k, size_t greater, uint32_t *chosen)
{
    size_t infinite = 0, used = 0;
    for (size_t i = 0; i < n; i++)
        infinite += score[i] == -INFINITY;
    infinite = infinite < k - greater ? infinite : k - greater;
    size_t nans = k - greater - infinite;
    for (size_t i = 0; used < k; i++) {
        size_t *left = score[i] == -INFINITY ? &infinite : score[i] != score[i] ? &nans : &greater;
        if (*left)
            chosen[used++] = (uint32_t)i;
        *left -= *left > 0;
    }
}

static void by_counting(struct search *s, uint32_t *chosen)
{
    static const float least[LTE_RANK_THRESHOLDS] = {-INFINITY, -INFINITY, -INFINITY};
    size_t greater[LTE_RANK_THRESHOLDS];
    s->kernels->count_above(s->score, s->n, least, greater);
    if (greater[0] <= s->k) {
        with_the_least(s->score, s->n, s->k, greater[0], chosen);
        return;
    }
    bool found = s->n >= SAMPLES && guess(s);
    while (!found && s->high - s->low > 1) {
        const uint32_t step = s->high - s->low > 4 ? (s->high - s->low) / 4 : 1;
        found = narrow(s, (uint32_t[]){s->low + step, s->low + 2 * step, s->low + 3 * step});
    }
    const float high = score_of(s->high);
    s->kernels->above(s->score, s->n, high, found ? high : score_of(s->low), s->k - s->above_high, chosen,
                      s->k);
}

size_t lte_top_k(const struct lte_kernels *kernels, const float *score, size_t n, size_t k,
                 uint32_t *chosen)
{
    struct search s = {.kernels = kernels, .score = score, .n = n, .k = k,
                       .low = rank_of(-INFINITY), .high = rank_of(INFINITY)};
    if (k >= n)
        return all(n, chosen);
    if (k && k <= SHORT_LIST)
        by_list(score, n, k, chosen);
    else if (k)
        by_counting(&s, chosen);
    return k;
}
