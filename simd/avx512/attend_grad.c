// SPDX-License-Identifier: BSD-2-Clause
// Gradient of softmax attention.
#include "config.h"

#include "simd/avx512/transpose.h"
#include "simd/avx512/vec.h"
#include "simd/install.h"

#include "simd/body/attend_grad.h"

void lte_avx512_attend_grad(struct lte_kernels *k)
{
    k->attend_grad = attend_grad;
}
