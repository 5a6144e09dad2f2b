// SPDX-License-Identifier: BSD-2-Clause
// The list of kernel files. Each installs what it has into the dispatch table: the function of
// simd/avx2/linear.c is lte_avx2_linear().
#ifndef LTE_SIMD_INSTALL_H
#define LTE_SIMD_INSTALL_H

#include "simd/table.h"

// do_one(isa, file) for every file of an instruction set's folder.
#define LTE_EACH_KERNEL_FILE(do_one, isa) \
    do_one(isa, linear)                   \
    do_one(isa, cross_entropy)            \
    do_one(isa, adamw)                    \
    do_one(isa, convert)                  \
    do_one(isa, activation)               \
    do_one(isa, norm)                     \
    do_one(isa, short_conv)               \
    do_one(isa, delta_rule)               \
    do_one(isa, delta_grad)               \
    do_one(isa, diag_rule)                \
    do_one(isa, diag_grad)                \
    do_one(isa, rope)                     \
    do_one(isa, attend)                   \
    do_one(isa, attend_grad)              \
    do_one(isa, router)                   \
    do_one(isa, router_grad)              \
    do_one(isa, evict)                    \
    do_one(isa, index)                    \
    do_one(isa, rank)                     \
    do_one(isa, backward)                 \
    do_one(isa, short_conv_back)

#define LTE_DECLARE_INSTALL(isa, file) void lte_##isa##_##file(struct lte_kernels *kernels);

LTE_EACH_KERNEL_FILE(LTE_DECLARE_INSTALL, ref)
LTE_EACH_KERNEL_FILE(LTE_DECLARE_INSTALL, avx2)
LTE_EACH_KERNEL_FILE(LTE_DECLARE_INSTALL, avx512)
LTE_EACH_KERNEL_FILE(LTE_DECLARE_INSTALL, neon)

#endif
