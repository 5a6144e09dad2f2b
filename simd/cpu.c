// SPDX-License-Identifier: BSD-2-Clause
// CPU detection. The compiler's own check covers the operating system's part (XCR0).
#include "config.h"

#include "simd/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

// clang 14 does not know "f16c" as a feature. AVX2 has been found, so the system keeps its
// registers.
static int has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

unsigned lte_cpu_detect(void)
{
    unsigned flags = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        flags |= LTE_CPU_AVX2;
    if (flags && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        flags |= LTE_CPU_AVX512;
#elif defined(__aarch64__)
    flags |= LTE_CPU_NEON;
#endif
    return flags;
}

int lte_cpu_level(const char *name)
{
    static const struct {
        const char *name;
        int flags;
    } level[] = {
        {"ref", 0},
        {"avx2", LTE_CPU_AVX2},
        {"avx512", LTE_CPU_AVX2 | LTE_CPU_AVX512},
        {"neon", LTE_CPU_NEON},
    };
    for (size_t i = 0; i < sizeof level / sizeof level[0]; i++)
        if (!strcmp(name, level[i].name))
            return level[i].flags;
    return -1;
}
