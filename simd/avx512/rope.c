// SPDX-License-Identifier: BSD-2-Clause
// Rotary position embedding.
#include "config.h"

#include "simd/avx512/vec.h"
#include "simd/install.h"
#include "simd/body/rope.h"

void lte_avx512_rope(struct lte_kernels *k)
{
    k->rope = rope;
    k->rope_pairs = rope_pairs;
}
