// SPDX-License-Identifier: BSD-2-Clause
// Random draws for one item of data, and orders that need no table.
#include "config.h"

#include "lib/data/draw.h"

#include "lib/random.h"

struct lte_draw lte_draw_begin(uint64_t key, uint64_t number)
{
    return (struct lte_draw){.key = lte_random_bits(key, number)};
}

uint64_t lte_draw_bits(struct lte_draw *draw)
{
    return lte_random_bits(draw->key, draw->next++);
}

double lte_draw_uniform(struct lte_draw *draw)
{
    return lte_random_uniform(draw->key, draw->next++);
}

// 32 bits times n: no value is more than n / 2^32 likelier than another.
uint32_t lte_draw_below(struct lte_draw *draw, uint32_t n)
{
    return (uint32_t)((lte_draw_bits(draw) >> 32) * n >> 32);
}

uint32_t lte_draw_range(struct lte_draw *draw, uint32_t low, uint32_t high)
{
    return low + (high - low == UINT32_MAX ? (uint32_t)lte_draw_bits(draw)
                                           : lte_draw_below(draw, high - low + 1));
}

// A Feistel network permutes the numbers of an even count of bits, of which the smallest that
// holds n is taken; a number that lands outside goes through again until it is inside: at most
// four times on average.
uint64_t lte_permute(uint64_t key, uint64_t n, uint64_t index)
{
    enum { ROUNDS = 6 };
    unsigned half = 1;
    while (half < 32 && (n - 1) >> 2 * half)
        half++;
    const uint64_t mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = index >> half, right = index & mask;
        for (unsigned r = 0; r < ROUNDS; r++) {
            const uint64_t mixed = left ^ (lte_random_bits(key + r, right) & mask);
            left = right;
            right = mixed;
        }
        index = left << half | right;
    } while (index >= n);
    return index;
}
