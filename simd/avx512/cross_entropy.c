// SPDX-License-Identifier: BSD-2-Clause
// The cross-entropy of body/cross_entropy.h for this instruction set.
#include "config.h"

#include "simd/avx512/vec.h"

#include "simd/install.h"

#include "simd/body/cross_entropy.h"

void lte_avx512_cross_entropy(struct lte_kernels *k)
{
    k->cross_entropy = cross_entropy;
}
