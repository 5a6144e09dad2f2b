// SPDX-License-Identifier: BSD-2-Clause
// Gradient of the retention scorer's convolutions.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"
#include "simd/body/router_grad.h"

void lte_neon_router_grad(struct lte_kernels *k)
{
    k->router_weight_grad = router_weight_grad;
    k->silu_slope = silu_slope;
}
