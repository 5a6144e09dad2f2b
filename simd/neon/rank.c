// SPDX-License-Identifier: BSD-2-Clause
// Scores against thresholds.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"
#include "simd/body/rank.h"

void lte_neon_rank(struct lte_kernels *k)
{
    rank_install(k);
}
