// SPDX-License-Identifier: BSD-2-Clause
// Pipelines: a kernel with its specialization constants, made when first asked for.
#ifndef LTE_LIB_VK_PIPELINE_H
#define LTE_LIB_VK_PIPELINE_H

#include "lib/vk/device.h"
#include "lib/vk/kernels.h"

enum { LTE_VK_CONSTANTS = 10 };

// Layouts that all pipelines share, and the cache.
enum lte_status lte_vk_pipelines_open(struct lte_vk_device *device);
void lte_vk_pipelines_close(struct lte_vk_device *device);

// The pipelines' cache on disk, and what it and measurements are known by: device, driver, shaders.
void lte_vk_cache_open(struct lte_vk_device *device);
void lte_vk_cache_close(struct lte_vk_device *device);
uint64_t lte_vk_identity(const struct lte_vk_device *device);

// Whether the device has what the kernel needs.
bool lte_vk_runs(const struct lte_vk_device *device, enum lte_vk_kernel kernel);
// constant[i] becomes the specialization constant with id i. Thread-safe.
enum lte_status lte_vk_pipeline_get(struct lte_vk_device *device, enum lte_vk_kernel kernel,
                                    const uint32_t *constant, VkPipeline *pipeline);

#endif
