// SPDX-License-Identifier: BSD-2-Clause
// Matrix products.
#include "config.h"

#include "simd/neon/transpose.h"
#include "simd/neon/vec.h"
#include "simd/install.h"

#include "simd/body/gemm.h"
#include "simd/body/linear.h"

void lte_neon_linear(struct lte_kernels *k)
{
    linear_install(k);
    gemm_install(k);
}
