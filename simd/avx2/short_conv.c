// SPDX-License-Identifier: BSD-2-Clause
// The short convolution of body/short_conv.h for this instruction set.
#include "config.h"

#include "simd/avx2/vec.h"

#include "simd/body/short_conv.h"
#include "simd/install.h"

void lte_avx2_short_conv(struct lte_kernels *k)
{
    k->short_conv = short_conv;
}
