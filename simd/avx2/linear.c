// SPDX-License-Identifier: BSD-2-Clause
// Matrix products.
#include "config.h"

#include "simd/avx2/transpose.h"
#include "simd/avx2/vec.h"
#include "simd/install.h"

#include "simd/body/gemm.h"
#include "simd/body/linear.h"

void lte_avx2_linear(struct lte_kernels *k)
{
    linear_install(k);
    gemm_install(k);
}
