// SPDX-License-Identifier: BSD-2-Clause
// Cooperative matrices of a device. Without a compiler or headers that know them no device has any.
#ifndef LTE_LIB_VK_COOPERATIVE_H
#define LTE_LIB_VK_COOPERATIVE_H

#include "lib/vk/device.h"

enum { LTE_VK_BUSY = 128 }; // workgroups that keep a large device busy

// What a workgroup of gemm_cooperative.comp computes, and each of its subgroups.
struct lte_vk_tile {
    uint16_t tokens, rows, subgroup_tokens, subgroup_rows, depth;
};
// The tile for a product; threads of its workgroup.
const struct lte_vk_tile *lte_vk_cooperative_tile(const struct lte_vk_device *device, size_t tokens,
                                                  size_t rows);
uint32_t lte_vk_tile_threads(const struct lte_vk_device *device, const struct lte_vk_tile *tile);

struct lte_vk_cooperative {
#ifdef HAVE_COOPERATIVE_MATRICES
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix;
    VkPhysicalDeviceVulkanMemoryModelFeatures model;
    VkPhysicalDeviceSubgroupSizeControlFeatures sizes;
#else
    char none;
#endif
};

struct lte_vk_cooperative_stage {
#ifdef HAVE_COOPERATIVE_MATRICES
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size;
#else
    char none;
#endif
};

// Whether the device has matrices that the shaders can use; their size goes to device->matrix. Its
// other features are known.
bool lte_vk_cooperative_find(struct lte_vk_device *device);

// Full subgroups, of the size that the device says it has: the shader counts on their number.
void lte_vk_cooperative_subgroups(const struct lte_vk_device *device,
                                  VkPipelineShaderStageCreateInfo *stage,
                                  struct lte_vk_cooperative_stage *extra);

// A list of structs that asks for them, followed by `next`; lasts as long as *c.
void *lte_vk_cooperative_link(struct lte_vk_cooperative *c, void *next);
extern const char *const lte_vk_cooperative_extension;

#endif
