// SPDX-License-Identifier: BSD-2-Clause
// Scores against thresholds.
#include "config.h"

#include "simd/avx2/vec.h"
#include "simd/install.h"
#include "simd/body/rank.h"

void lte_avx2_rank(struct lte_kernels *k)
{
    rank_install(k);
}
