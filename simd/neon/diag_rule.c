// SPDX-License-Identifier: BSD-2-Clause
// The linear step with per-channel decay of body/diag_rule.h for this instruction set.
#include "config.h"

#include "simd/neon/vec.h"

#define LTE_DIAG_CHUNK 4
#define LTE_DIAG_WIDE 2
#include "simd/body/diag_rule.h"

#include "simd/install.h"

void lte_neon_diag_rule(struct lte_kernels *k)
{
    k->diag_rule = diag_rule;
}
