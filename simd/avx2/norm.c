// SPDX-License-Identifier: BSD-2-Clause
// The normalisations of body/norm.h for this instruction set.
#include "config.h"

#include "simd/avx2/vec.h"

#include "simd/body/norm.h"
#include "simd/install.h"

void lte_avx2_norm(struct lte_kernels *k)
{
    k->rmsnorm = rmsnorm;
    k->l2norm = l2norm;
    k->gated_norm = gated_norm;
}
