// SPDX-License-Identifier: BSD-2-Clause
// The gradient of body/short_conv_back.h for this instruction set.
#include "config.h"

#include "simd/avx2/vec.h"

#include "simd/body/short_conv_back.h"
#include "simd/install.h"

void lte_avx2_short_conv_back(struct lte_kernels *k)
{
    k->short_conv_back = short_conv_back;
}
