// SPDX-License-Identifier: BSD-2-Clause
// Two ways to the same answer: a short list kept sorted for small k, of which most scores only see
// the last entry; and for others the k-th largest score itself, digit by digit from the top, by
// counting.
#include "config.h"

#include "lib/sparse/top_k.h"

#include <string.h>

enum { SHORT_LIST = 32, DIGIT = 11, DIGITS = 3, BINS = 1 << DIGIT };

// Integers in the order of the scores; all NaNs are 0.
static inline uint32_t rank_of(float score)
{
    uint32_t bits;
    const float x = score + 0.0f; // -0 becomes 0
    memcpy(&bits, &x, sizeof bits);
    const uint32_t flipped = bits >> 31 ? ~bits : bits | 0x80000000u;
    return x == x ? flipped : 0;
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

// The k-th largest rank; *equal gets how many scores of that rank are among the k.
static uint32_t threshold(const float *score, size_t n, size_t k, size_t *equal)
{
    static const unsigned shifts[DIGITS] = {32 - DIGIT, 32 - 2 * DIGIT, 0};
    uint32_t prefix = 0, known = 0;
    for (size_t pass = 0; pass < DIGITS; pass++) {
        uint32_t count[BINS] = {0};
        const unsigned shift = shifts[pass];
        const uint32_t digit = (pass == DIGITS - 1 ? (1u << (32 - 2 * DIGIT)) : BINS) - 1u;
        for (size_t i = 0; i < n; i++) {
            const uint32_t r = rank_of(score[i]);
            count[(r >> shift) & digit] += (r & known) == prefix;
        }
        uint32_t bin = digit;
        for (; count[bin] < k; bin--)
            k -= count[bin];
        prefix |= bin << shift;
        known |= digit << shift;
    }
    *equal = k;
    return prefix;
}

static void by_counting(const float *score, size_t n, size_t k, uint32_t *chosen)
{
    size_t equal, used = 0;
    const uint32_t least = threshold(score, n, k, &equal);
    for (size_t i = 0; used < k; i++) {
        const uint32_t r = rank_of(score[i]);
        const size_t tie = r == least && equal;
        chosen[used] = (uint32_t)i; // used < k: written again if not taken
        equal -= tie;
        used += (size_t)(r > least) | tie;
    }
}

size_t lte_top_k(const float *score, size_t n, size_t k, uint32_t *chosen)
{
    if (k >= n)
        return all(n, chosen);
    if (k && k <= SHORT_LIST)
        by_list(score, n, k, chosen);
    else if (k)
        by_counting(score, n, k, chosen);
    return k;
}
