// SPDX-License-Identifier: BSD-2-Clause
// What the CPU can do, as far as the kernels ask.
#ifndef LTE_SIMD_CPU_H
#define LTE_SIMD_CPU_H

enum lte_cpu_flag {
    LTE_CPU_AVX2 = 1 << 0,   // AVX2, FMA and F16C
    LTE_CPU_AVX512 = 1 << 1, // AVX-512 F, BW, VL and DQ, beside AVX2
    LTE_CPU_NEON = 1 << 2
};

// What this CPU and operating system have (not what the build has). Thread-safe.
unsigned lte_cpu_detect(void);

// Flags allowed by a level name: "ref", "avx2", "avx512", "neon"; -1 for another name.
int lte_cpu_level(const char *name);

#endif
