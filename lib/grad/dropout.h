// SPDX-License-Identifier: BSD-2-Clause
// Dropout whose mask is addressed, not drawn: a forward pass, its repetition and the backward pass
// ask for rows in any order and get the same.
#ifndef LTE_LIB_GRAD_DROPOUT_H
#define LTE_LIB_GRAD_DROPOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lte_dropout {
    bool active;
    uint64_t key;
    uint64_t least;       // fifteen random bits below `least` drop an element; in each of four lanes
    float keep[16][4];    // four elements' factors, by which of them are kept
};

// Elements are dropped with `probability` (in steps of 2^-15) and the rest is multiplied by
// 1/(1 - probability). 0: not active.
void lte_dropout_init(struct lte_dropout *dropout, float probability, uint64_t key);

// x[i] *= factor i of line `line`, i < width; so are those of y, unless it is NULL.
void lte_dropout_apply(const struct lte_dropout *dropout, uint64_t line, size_t width, float *x,
                       float *y);

#endif
