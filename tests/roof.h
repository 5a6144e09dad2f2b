// SPDX-License-Identifier: BSD-2-Clause
// What this machine can do at an instruction-set level, measured: the denominator of every bench.
#ifndef LTE_TESTS_ROOF_H
#define LTE_TESTS_ROOF_H

#include <stddef.h>

// fp32 flops a second of one core: independent FMAs at the level's vector width ("avx2", "avx512",
// "neon"; anything else: scalar additions and products as the baseline compiles them).
double roof_flops(const char *level);

// Bytes a second (loaded and stored) of one core updating `bytes` of memory in place.
double roof_in_place(const char *level, size_t bytes);

// Bytes a second of one core reading `bytes` of memory over and over.
double roof_read(const char *level, size_t bytes);

#endif
