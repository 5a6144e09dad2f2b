// SPDX-License-Identifier: BSD-2-Clause
// Convolution of the retention scorer.
#include "config.h"

#include "simd/avx2/vec.h"
#include "simd/install.h"
#include "simd/body/router.h"

void lte_avx2_router(struct lte_kernels *k)
{
    k->router_conv = router_conv;
}
