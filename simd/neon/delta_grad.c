// SPDX-License-Identifier: BSD-2-Clause
// The gradient of the gated delta rule of body/delta_grad.h for this instruction set.
#include "config.h"

#include "simd/neon/transpose.h"
#include "simd/neon/vec.h"
#include "simd/install.h"

#define LTE_PANEL_TALL 4
#define LTE_PANEL_WIDE 4
#include "simd/body/delta_grad.h"

void lte_neon_delta_grad(struct lte_kernels *k)
{
    k->delta_grad = delta_grad;
}
