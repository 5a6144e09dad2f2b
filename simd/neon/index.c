// SPDX-License-Identifier: BSD-2-Clause
// Scores of index keys.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"
#include "simd/body/index.h"

void lte_neon_index(struct lte_kernels *k)
{
    k->index = index_keys;
}
