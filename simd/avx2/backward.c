// SPDX-License-Identifier: BSD-2-Clause
// The gradients of body/backward.h for this instruction set.
#include "config.h"

#include "simd/avx2/vec.h"

#include "simd/body/backward.h"
#include "simd/install.h"

void lte_avx2_backward(struct lte_kernels *k)
{
    k->silu_back = silu_back;
    k->swiglu_back = swiglu_back;
    k->rmsnorm_back = rmsnorm_back;
    k->l2norm_back = l2norm_back;
    k->gated_norm_back = gated_norm_back;
}
