// SPDX-License-Identifier: BSD-2-Clause
// Blocks of the flat arrays of parameters, cut where parameters begin and end.
#ifndef LTE_LIB_TRAIN_PIECE_H
#define LTE_LIB_TRAIN_PIECE_H

#include "lib/train/parameters.h"

struct lte_piece {
    size_t from, elements;
};

// The parameter that element `at` lies in or behind: parameters rise by `first`, the first begins
// at 0.
static inline size_t lte_parameter_at(const struct lte_parameters *p, size_t at)
{
    size_t low = 0, high = p->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (p->parameter[middle].first <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// What parameter i has of elements [from, to); its `first` lies below `to`.
static inline struct lte_piece lte_parameter_piece(const struct lte_parameters *p, size_t i,
                                                   size_t from, size_t to)
{
    const size_t first = p->parameter[i].first;
    const size_t end = first + (size_t)p->parameter[i].weight.elements;
    const size_t begin = first > from ? first : from, last = end < to ? end : to;
    return (struct lte_piece){begin, last > begin ? last - begin : 0};
}

#endif
