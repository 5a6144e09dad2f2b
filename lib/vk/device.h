// SPDX-License-Identifier: BSD-2-Clause
// A Vulkan device: what it can do, its queue, its memory, and the failures it remembers.
#ifndef LTE_LIB_VK_DEVICE_H
#define LTE_LIB_VK_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/context.h"
#include "lib/vk/api.h"

enum { LTE_VK_BINDINGS = 8, LTE_VK_PUSH_BYTES = 128, LTE_VK_ALIGN = 64 };

// The newest interface that is made use of.
#ifdef HAVE_COOPERATIVE_MATRICES
#define LTE_VK_INTERFACE VK_API_VERSION_1_3
#else
#define LTE_VK_INTERFACE VK_API_VERSION_1_2
#endif

// What shaders may ask for beyond Vulkan 1.1.
enum lte_vk_feature {
    LTE_VK_SUBGROUPS = 1 << 0, // arithmetic and shuffles over a subgroup, in compute shaders
    LTE_VK_FLOAT16 = 1 << 1,   // arithmetic in 16 bits
    LTE_VK_STORAGE16 = 1 << 2, // 16-bit loads and stores in storage buffers
    LTE_VK_COOPERATIVE = 1 << 3 // products of f16 matrices by a subgroup, summed in fp32
};

// The loader and an instance: one for all devices of a context.
struct lte_vk_instance {
    const struct lte_context *context;
    void *loader;
    struct lte_vk_api api;
    VkInstance handle;
};

// Tests make the n-th call from now on fail; 0: none does.
struct lte_vk_faults {
    unsigned allocate, submit;
};

struct lte_vk_pipeline;

struct lte_vk_device {
    const struct lte_context *context;
    struct lte_vk_instance instance;
    struct lte_vk_api api;      // the instance's, with the device's own calls
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceSubgroupProperties subgroups;
    VkPhysicalDeviceMemoryProperties memory;
    unsigned features;          // of enum lte_vk_feature
    uint32_t matrix[3];         // M, N, K of cooperative matrices
    VkDevice handle;
    VkQueue queue;
    uint32_t family;
    pthread_mutex_t lock;       // of the queue, the staging buffer and the pipelines
    atomic_bool lost;           // every call from then on is LTE_ERR_DEVICE
    atomic_uint_fast64_t serials; // of sessions made
    struct lte_vk_faults faults;

    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipelineCache cache;      // VK_NULL_HANDLE: there is none
    uint64_t identity;          // of device, driver and shaders
    size_t cached;              // bytes that the cache on disk held
    struct lte_vk_pipeline *pipeline; // a list, see pipeline.c

    struct lte_vk_staging *staging;
};

// Opens the loader and makes an instance. LTE_OK, LTE_ERR_UNSUPPORTED (no loader, no driver).
enum lte_status lte_vk_instance_open(const struct lte_context *context,
                                     struct lte_vk_instance *instance);
void lte_vk_instance_close(struct lte_vk_instance *instance);
// Physical devices, in the loader's order; at most `most` are written.
enum lte_status lte_vk_instance_devices(const struct lte_vk_instance *instance, VkPhysicalDevice *device,
                                        uint32_t most, uint32_t *count);

// Opens the device with that number. On success the caller owns *device; on failure it is NULL.
// LTE_OK, LTE_ERR_UNSUPPORTED (no such device, or it lacks what shaders need: the log says what),
// LTE_ERR_MEMORY, LTE_ERR_DEVICE.
enum lte_status lte_vk_device_open(const struct lte_context *context, unsigned number,
                                   struct lte_vk_device **device);
void lte_vk_device_close(struct lte_vk_device *device); // NULL is allowed
enum lte_status lte_vk_device_info(const struct lte_context *context, unsigned number,
                                   struct lte_device_info *info);
const char *lte_vk_device_name(const struct lte_vk_device *device);

// A VkResult as a status; a failure is logged with the call's text, and a lost device is
// remembered.
enum lte_status lte_vk_result(struct lte_vk_device *device, VkResult result, const char *call);
#define LTE_VK(device, name, ...) \
    lte_vk_result(device, (device)->api.name(__VA_ARGS__), "vk" #name)
// LTE_ERR_DEVICE once the device has been lost.
enum lte_status lte_vk_alive(const struct lte_vk_device *device);

// Submits one command buffer and waits until it is done. Thread-safe.
enum lte_status lte_vk_submit(struct lte_vk_device *device, VkCommandBuffer commands, VkFence fence);

#endif
