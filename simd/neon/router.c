// SPDX-License-Identifier: BSD-2-Clause
// Convolution of the retention scorer.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"

void lte_neon_router(struct lte_kernels *k)
{
    (void)k;
}
