// SPDX-License-Identifier: BSD-2-Clause
// Installs the kernels of this folder.
#include "config.h"

#include "simd/install.h"

void lte_kernels_ref(struct lte_kernels *kernels)
{
    lte_ref_linear(kernels);
    lte_ref_convert(kernels);
    lte_ref_activation(kernels);
    lte_ref_norm(kernels);
    lte_ref_short_conv(kernels);
    lte_ref_delta_rule(kernels);
    lte_ref_rope(kernels);
    lte_ref_attend(kernels);
    lte_ref_router(kernels);
    lte_ref_evict(kernels);
}
