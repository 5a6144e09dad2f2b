// SPDX-License-Identifier: BSD-2-Clause
// The elementwise functions of body/activation.h for this instruction set.
#include "config.h"

#include "simd/avx2/vec.h"

#include "simd/body/activation.h"
#include "simd/install.h"

void lte_avx2_activation(struct lte_kernels *k)
{
    k->vexp = vexp;
    k->sigmoid = sigmoid;
    k->silu = silu;
    k->softplus = softplus;
    k->swiglu = swiglu;
    k->add = add;
}
