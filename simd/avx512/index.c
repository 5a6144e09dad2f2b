// SPDX-License-Identifier: BSD-2-Clause
// Scores of index keys.
#include "config.h"

#include "simd/avx512/vec.h"
#include "simd/install.h"
#include "simd/body/index.h"

void lte_avx512_index(struct lte_kernels *k)
{
    k->index = index_keys;
}
