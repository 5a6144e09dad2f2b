// SPDX-License-Identifier: BSD-2-Clause
// Within one instruction set, each kernel file installs what it has: the function of
// simd/avx2/linear.c is lte_avx2_linear(). simd/<isa>/table.c calls them all.
#ifndef LTE_SIMD_INSTALL_H
#define LTE_SIMD_INSTALL_H

#include "simd/table.h"

#define LTE_INSTALL_ALL(isa)                              \
    void lte_##isa##_linear(struct lte_kernels *k);       \
    void lte_##isa##_convert(struct lte_kernels *k);      \
    void lte_##isa##_activation(struct lte_kernels *k);   \
    void lte_##isa##_norm(struct lte_kernels *k);         \
    void lte_##isa##_short_conv(struct lte_kernels *k);   \
    void lte_##isa##_delta_rule(struct lte_kernels *k);   \
    void lte_##isa##_rope(struct lte_kernels *k);         \
    void lte_##isa##_attend(struct lte_kernels *k);       \
    void lte_##isa##_router(struct lte_kernels *k);       \
    void lte_##isa##_evict(struct lte_kernels *k)

LTE_INSTALL_ALL(ref);
LTE_INSTALL_ALL(avx2);
LTE_INSTALL_ALL(avx512);
LTE_INSTALL_ALL(neon);

#endif
