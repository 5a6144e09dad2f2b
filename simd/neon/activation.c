// SPDX-License-Identifier: BSD-2-Clause
// The elementwise functions of body/activation.h for this instruction set.
#include "config.h"

#include "simd/neon/vec.h"

#include "simd/body/activation.h"
#include "simd/install.h"

void lte_neon_activation(struct lte_kernels *k)
{
    k->vexp = vexp;
    k->sigmoid = sigmoid;
    k->silu = silu;
    k->softplus = softplus;
    k->swiglu = swiglu;
    k->add = add;
}
