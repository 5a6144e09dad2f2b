// SPDX-License-Identifier: BSD-2-Clause
// Fills the dispatch table in rising order.
#include "config.h"

#include "simd/table.h"

#include "simd/cpu.h"

void lte_kernels_init(struct lte_kernels *kernels, unsigned cpu_flags)
{
    lte_kernels_ref(kernels);
    kernels->name = "ref";
#if HAVE_AVX2
    if (cpu_flags & LTE_CPU_AVX2) {
        lte_kernels_avx2(kernels);
        kernels->name = "avx2";
    }
#endif
#if HAVE_AVX512
    if (cpu_flags & LTE_CPU_AVX512) {
        lte_kernels_avx512(kernels);
        kernels->name = "avx512";
    }
#endif
#if HAVE_NEON
    if (cpu_flags & LTE_CPU_NEON) {
        lte_kernels_neon(kernels);
        kernels->name = "neon";
    }
#endif
    (void)cpu_flags;
}
