// SPDX-License-Identifier: BSD-2-Clause
// Fills the dispatch table in rising order.
#include "config.h"

#include "simd/table.h"

#include "simd/cpu.h"
#include "simd/install.h"

#define INSTALL(isa, file) lte_##isa##_##file(kernels);
#define INSTALL_ALL(isa)                    \
    do {                                    \
        LTE_EACH_KERNEL_FILE(INSTALL, isa)  \
        kernels->name = #isa;               \
    } while (0)

void lte_kernels_init(struct lte_kernels *kernels, unsigned cpu_flags)
{
    INSTALL_ALL(ref);
#if HAVE_AVX2
    if (cpu_flags & LTE_CPU_AVX2)
        INSTALL_ALL(avx2);
#endif
#if HAVE_AVX512
    if (cpu_flags & LTE_CPU_AVX512)
        INSTALL_ALL(avx512);
#endif
#if HAVE_NEON
    if (cpu_flags & LTE_CPU_NEON)
        INSTALL_ALL(neon);
#endif
    (void)cpu_flags;
}
