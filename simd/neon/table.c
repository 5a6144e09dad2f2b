// SPDX-License-Identifier: BSD-2-Clause
// Installs the kernels of this folder.
#include "config.h"

#include "simd/install.h"

void lte_kernels_neon(struct lte_kernels *kernels)
{
    lte_neon_linear(kernels);
    lte_neon_convert(kernels);
    lte_neon_activation(kernels);
    lte_neon_norm(kernels);
    lte_neon_short_conv(kernels);
    lte_neon_delta_rule(kernels);
    lte_neon_rope(kernels);
    lte_neon_attend(kernels);
    lte_neon_router(kernels);
    lte_neon_evict(kernels);
}
