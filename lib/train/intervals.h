// SPDX-License-Identifier: BSD-2-Clause
// Buffers that live for a while, packed into one arena: two may share bytes if they never live at
// the same time.
#ifndef LTE_LIB_TRAIN_INTERVALS_H
#define LTE_LIB_TRAIN_INTERVALS_H

#include <stddef.h>

struct lte_interval {
    size_t from, until; // first and last moment, both included; from > until: never used
    size_t bytes;
    size_t offset;      // the answer
};

// Places the intervals, the largest first, each as low as it fits. `order` is scratch of 2 * count.
// Returns the bytes of the arena.
size_t lte_intervals_place(struct lte_interval *interval, size_t count, size_t *order);

#endif
