// SPDX-License-Identifier: BSD-2-Clause
// What a sampler can draw, in order of id: weights, and the cuts that leave some of them out.
#ifndef LTE_LIB_CHOICES_H
#define LTE_LIB_CHOICES_H

#include <stdbool.h>
#include <stdint.h>

struct choice {
    double weight; // the logit, then exp((logit - largest) / temperature)
    uint32_t key;  // orders as the logits do
    uint32_t id;
};

// Unsigned integers that order as the floats do; both zeros map to one.
uint32_t lte_choice_key(float x);

// Turns logits into weights relative to the largest, whose weight is 1 (also when it is infinite).
void lte_choices_weigh(struct choice *c, uint32_t n, double temperature);

double lte_choices_total(const struct choice *c, uint32_t n);

// Keeps the shortest prefix, in descending order of key and ascending order of id, whose mass
// reaches `target`, and returns how many that is; the order of id is left as it was. A choice's
// mass is its weight, or 1 if `counting`.
uint32_t lte_choices_keep_largest(struct choice *c, uint32_t n, double target, bool counting);

uint32_t lte_choices_keep_above(struct choice *c, uint32_t n, double least);

#endif
