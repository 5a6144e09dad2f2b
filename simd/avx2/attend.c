// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention.
#include "config.h"

#include "simd/avx2/vec.h"
#include "simd/install.h"

void lte_avx2_attend(struct lte_kernels *k)
{
    (void)k;
}
