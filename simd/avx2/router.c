// SPDX-License-Identifier: BSD-2-Clause
// Convolution of the retention scorer.
#include "config.h"

#include "simd/avx2/vec.h"
#include "simd/install.h"

void lte_avx2_router(struct lte_kernels *k)
{
    (void)k;
}
