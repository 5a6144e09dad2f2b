// SPDX-License-Identifier: BSD-2-Clause
// Cooperative matrices of a device. Without a compiler or headers that know them no device has any.
#ifndef LTE_LIB_VK_COOPERATIVE_H
#define LTE_LIB_VK_COOPERATIVE_H

#include "lib/vk/device.h"

enum { LTE_VK_COOPERATIVE_SUBGROUPS = 4 }; // of a workgroup

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

// Full subgroups, of the size that the device says it has: the shader counts on four in a
// workgroup.
void lte_vk_cooperative_subgroups(const struct lte_vk_device *device,
                                  VkPipelineShaderStageCreateInfo *stage,
                                  struct lte_vk_cooperative_stage *extra);

// A list of structs that asks for them, followed by `next`; lasts as long as *c.
void *lte_vk_cooperative_link(struct lte_vk_cooperative *c, void *next);
extern const char *const lte_vk_cooperative_extension;

#endif
