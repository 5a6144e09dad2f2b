// SPDX-License-Identifier: BSD-2-Clause
// Installs the kernels of this folder.
#include "config.h"

#include "simd/install.h"

void lte_kernels_avx512(struct lte_kernels *kernels)
{
    lte_avx512_linear(kernels);
    lte_avx512_convert(kernels);
    lte_avx512_activation(kernels);
    lte_avx512_norm(kernels);
    lte_avx512_short_conv(kernels);
    lte_avx512_delta_rule(kernels);
    lte_avx512_rope(kernels);
    lte_avx512_attend(kernels);
    lte_avx512_router(kernels);
    lte_avx512_evict(kernels);
}
