// SPDX-License-Identifier: BSD-2-Clause
// Device memory: buffers of their own allocation, and the staging buffer that fills and reads them.
#ifndef LTE_LIB_VK_MEMORY_H
#define LTE_LIB_VK_MEMORY_H

#include "lib/vk/device.h"

enum lte_vk_memory {
    LTE_VK_DEVICE_MEMORY, // local to the device
    LTE_VK_STEP_MEMORY,   // written by the host before every submission, read by shaders
    LTE_VK_READ_MEMORY    // written by the device, read by the host
};

struct lte_vk_buffer {
    VkBuffer handle;
    VkDeviceMemory memory;
    uint64_t bytes;
    void *mapped;         // NULL: device memory
};

// A range of a buffer, as shaders see it.
struct lte_vk_range {
    VkBuffer buffer;
    uint64_t offset, bytes;
};

// LTE_OK, LTE_ERR_MEMORY, LTE_ERR_DEVICE; on failure *buffer is all zero. Contents are undefined.
enum lte_status lte_vk_buffer_new(struct lte_vk_device *device, enum lte_vk_memory kind,
                                  uint64_t bytes, struct lte_vk_buffer *buffer);
void lte_vk_buffer_free(struct lte_vk_device *device, struct lte_vk_buffer *buffer);

// Both return when the copy is done.
enum lte_status lte_vk_upload(struct lte_vk_device *device, const struct lte_vk_buffer *buffer,
                              uint64_t offset, const void *data, uint64_t bytes);
enum lte_status lte_vk_download(struct lte_vk_device *device, const struct lte_vk_buffer *buffer,
                                uint64_t offset, void *data, uint64_t bytes);
enum lte_status lte_vk_clear(struct lte_vk_device *device, const struct lte_vk_buffer *buffer,
                             uint64_t offset, uint64_t bytes);

enum lte_status lte_vk_staging_open(struct lte_vk_device *device);
void lte_vk_staging_close(struct lte_vk_device *device);

#endif
