// SPDX-License-Identifier: BSD-2-Clause
// The gradient of the linear step with per-channel decay of body/diag_grad.h for this instruction
// set.
#include "config.h"

#include "simd/neon/transpose.h"
#include "simd/neon/vec.h"

#include "simd/body/diag_grad.h"
#include "simd/install.h"

void lte_neon_diag_grad(struct lte_kernels *k)
{
    k->diag_grad = diag_grad;
}
