// SPDX-License-Identifier: BSD-2-Clause
// The loops that reach for the machine's limits, once for each instruction set.
#ifndef LTE_BENCH_PROBE_H
#define LTE_BENCH_PROBE_H

#include <stddef.h>

struct probe {
    // `rounds` rounds of fma_flops floating-point operations, all in registers.
    float (*fma)(size_t rounds);
    double fma_flops;
    float (*read)(const float *x, size_t n);  // the sum of n floats, n a multiple of 256
    void (*update)(float *x, size_t n);       // each float read, multiplied and written back
};

extern const struct probe probe_portable, probe_avx2, probe_avx512, probe_neon;

#endif
