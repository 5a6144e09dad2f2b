// SPDX-License-Identifier: BSD-2-Clause
// Installs the kernels of this folder.
#include "config.h"

#include "simd/install.h"

void lte_kernels_avx2(struct lte_kernels *kernels)
{
    lte_avx2_linear(kernels);
    lte_avx2_convert(kernels);
    lte_avx2_activation(kernels);
    lte_avx2_norm(kernels);
    lte_avx2_short_conv(kernels);
    lte_avx2_delta_rule(kernels);
    lte_avx2_rope(kernels);
    lte_avx2_attend(kernels);
    lte_avx2_router(kernels);
    lte_avx2_evict(kernels);
}
