// SPDX-License-Identifier: BSD-2-Clause
// The optimizer's step of body/adamw.h for this instruction set.
#include "config.h"

#include "simd/avx512/vec.h"

#include "simd/install.h"

#include "simd/body/adamw.h"

void lte_avx512_adamw(struct lte_kernels *k)
{
    k->adamw = adamw;
}
