// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"

void lte_neon_attend(struct lte_kernels *k)
{
    (void)k;
}
