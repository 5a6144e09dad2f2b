// SPDX-License-Identifier: BSD-2-Clause
// The table of shaders, with their code.
#include "config.h"

#include "lib/vk/kernels.h"

#include "lib/vk/device.h"
#include "shaders/params.h"

#include "shaders/rmsnorm.spv.h"

#include "shaders/delta_gates.spv.h"
#include "shaders/delta_rule.spv.h"
#include "shaders/diag_rule.spv.h"
#include "shaders/short_conv.spv.h"

#define ROW(name, access, params, needs) \
    [LTE_VK_##name] = {#name, lte_spv_##name, sizeof lte_spv_##name, access, sizeof(params), needs},
const struct lte_vk_kernel_row lte_vk_kernels[LTE_VK_KERNEL_COUNT] = {LTE_VK_KERNELS(ROW)};
