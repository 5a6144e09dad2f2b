// SPDX-License-Identifier: BSD-2-Clause
// Random draws for one item of data, and orders that need no table.
#ifndef LTE_LIB_DATA_DRAW_H
#define LTE_LIB_DATA_DRAW_H

#include <stdint.h>

// The stream of one item: the same draws for the same key and number, whatever was drawn before.
struct lte_draw {
    uint64_t key, next;
};

struct lte_draw lte_draw_begin(uint64_t key, uint64_t number);
uint64_t lte_draw_bits(struct lte_draw *draw);
double lte_draw_uniform(struct lte_draw *draw);                          // in (0, 1)
uint32_t lte_draw_below(struct lte_draw *draw, uint32_t n);              // 0..n-1; n > 0
uint32_t lte_draw_range(struct lte_draw *draw, uint32_t low, uint32_t high); // low..high

// Where a pseudo-random permutation of 0..n-1 that belongs to `key` takes `index` < n.
uint64_t lte_permute(uint64_t key, uint64_t n, uint64_t index);

#endif
