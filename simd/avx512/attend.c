// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention.
#include "config.h"

#include "simd/avx512/vec.h"
#include "simd/install.h"

void lte_avx512_attend(struct lte_kernels *k)
{
    (void)k;
}
