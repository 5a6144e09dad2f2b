// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule of body/delta_rule.h for this instruction set.
#include "config.h"

#include "simd/avx2/vec.h"

#define LTE_DELTA_CHUNK 2
#define LTE_DELTA_WIDE 2
#include "simd/body/delta_rule.h"

#include "simd/body/delta_chunk.h"
#include "simd/install.h"

void lte_avx2_delta_chunk(const struct lte_delta_rule_args *a)
{
    delta_chunk(a);
}

void lte_avx2_delta_rule(struct lte_kernels *k)
{
    k->delta_rule = delta_rule;
}
