// SPDX-License-Identifier: BSD-2-Clause
// The gradient of the gated delta rule of body/delta_grad.h for this instruction set.
#include "config.h"

#include "simd/avx512/transpose.h"
#include "simd/avx512/vec.h"
#include "simd/install.h"

#define LTE_PANEL_TALL 8
#define LTE_PANEL_WIDE 2
#include "simd/body/delta_grad.h"

void lte_avx512_delta_grad(struct lte_kernels *k)
{
    k->delta_grad = delta_grad;
}
