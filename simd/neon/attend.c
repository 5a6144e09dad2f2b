// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"
#include "simd/body/attend.h"

void lte_neon_attend(struct lte_kernels *k)
{
    attend_install(k);
}
