// SPDX-License-Identifier: BSD-2-Clause
// Rotary position embedding.
#include "config.h"

#include "simd/neon/vec.h"
#include "simd/install.h"
#include "simd/body/rope.h"

void lte_neon_rope(struct lte_kernels *k)
{
    k->rope = rope;
    k->rope_pairs = rope_pairs;
}
