// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule of body/delta_rule.h for this instruction set.
#include "config.h"

#include "simd/avx512/vec.h"

#define LTE_DELTA_CHUNK 4
#define LTE_DELTA_WIDE 2
#include "simd/body/delta_rule.h"
#include "simd/install.h"

void lte_avx512_delta_rule(struct lte_kernels *k)
{
    k->delta_rule = delta_rule;
}
