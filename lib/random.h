// SPDX-License-Identifier: BSD-2-Clause
// Random numbers for fresh weights: the same bits on every machine, and addressed rather than drawn
// in turn, so that neither the order of tensors nor the number of threads matters.
#ifndef LTE_LIB_RANDOM_H
#define LTE_LIB_RANDOM_H

#include <stdint.h>

// The stream of one tensor.
uint64_t lte_random_key(uint64_t seed, const char *name);

// Number `index` of a stream: 64 random bits; a double in (0, 1); a standard normal one. The last
// two are made of single IEEE operations (+ - * / sqrt) alone, because C libraries differ in the
// last bit of log() and cos().
uint64_t lte_random_bits(uint64_t key, uint64_t index);
double lte_random_uniform(uint64_t key, uint64_t index);
double lte_random_normal(uint64_t key, uint64_t index);

// log of a normal x > 0 and exp(x) - 1 of 0 <= x < 0.2, relative error below 1e-14; exp of |x| <
// 100, relative error below 1e-12.
double lte_exact_log(double x);
double lte_exact_exp(double x);
double lte_exact_expm1(double x);

#endif
