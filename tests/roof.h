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

enum roof { ROOF_FLOPS, ROOF_IN_PLACE, ROOF_READ }; // the three above, in their units

struct roof_time {
    double seconds; // of one call
    double rate;    // of the roof, units a second
    double share;   // of the roof that `work` units a call come to
};

// Times fn(arg) and a roof in turns, on the clock of this thread, and takes medians, the share
// sample by sample: on a busy machine each is slow when the other is.
struct roof_time roof_compare(void (*fn)(void *arg), void *arg, double work, const char *level,
                              enum roof roof, size_t bytes);

#endif
