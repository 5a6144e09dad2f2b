// SPDX-License-Identifier: BSD-2-Clause
// Gradient of softmax attention.
#include "config.h"

#include "simd/neon/transpose.h"
#include "simd/neon/vec.h"
#include "simd/install.h"

#include "simd/body/attend_grad.h"

void lte_neon_attend_grad(struct lte_kernels *k)
{
    k->attend_grad = attend_grad;
}
