// SPDX-License-Identifier: BSD-2-Clause
// Streaming top-k eviction.
#include "config.h"

#include "simd/avx512/vec.h"
#include "simd/install.h"
#include "simd/body/evict.h"

void lte_avx512_evict(struct lte_kernels *k)
{
    k->evict = evict;
}
