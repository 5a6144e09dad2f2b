// SPDX-License-Identifier: BSD-2-Clause
// Opening a device: what it must have, its queue, and how its failures become statuses.
#include "config.h"

#include "lib/vk/device.h"

#include <stdio.h>
#include <time.h>

#include "lib/backend.h"
#include "lib/vk/cooperative.h"
#include "lib/vk/memory.h"
#include "lib/vk/pipeline.h"

enum { MAX_DEVICES = 16, MAX_FAMILIES = 32, SPIN = 5000000 }; // SPIN: nanoseconds

const char *lte_vk_device_name(const struct lte_vk_device *device)
{
    return device->properties.deviceName;
}

static const char *result_text(VkResult result)
{
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "out of device memory";
    case VK_ERROR_INITIALIZATION_FAILED: return "initialisation failed";
    case VK_ERROR_DEVICE_LOST: return "the device was lost";
    case VK_ERROR_MEMORY_MAP_FAILED: return "memory cannot be mapped";
    case VK_ERROR_TOO_MANY_OBJECTS: return "too many objects";
    case VK_ERROR_FRAGMENTED_POOL: return "fragmented pool";
    case VK_ERROR_OUT_OF_POOL_MEMORY: return "out of pool memory";
    default: return "failed";
    }
}

enum lte_status lte_vk_result(struct lte_vk_device *d, VkResult result, const char *call)
{
    if (result == VK_SUCCESS)
        return LTE_OK;
    const bool memory = result == VK_ERROR_OUT_OF_HOST_MEMORY ||
                        result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                        result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS;
    if (result == VK_ERROR_DEVICE_LOST)
        atomic_store(&d->lost, true);
    return lte_fail(d->context, memory ? LTE_ERR_MEMORY : LTE_ERR_DEVICE, "%s: %s: %s (%d)",
                    lte_vk_device_name(d), call, result_text(result), (int)result);
}

enum lte_status lte_vk_alive(const struct lte_vk_device *d)
{
    if (!atomic_load(&d->lost))
        return LTE_OK;
    return lte_fail(d->context, LTE_ERR_DEVICE, "%s: the device was lost", lte_vk_device_name(d));
}

static enum lte_status submit(struct lte_vk_device *d, VkCommandBuffer commands, VkFence fence)
{
    const VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                               .commandBufferCount = 1,
                               .pCommandBuffers = &commands};
    LTE_TRY(lte_vk_alive(d));
    if (d->faults.submit && !--d->faults.submit)
        return lte_vk_result(d, VK_ERROR_DEVICE_LOST, "vkQueueSubmit (injected)");
    LTE_TRY(LTE_VK(d, ResetFences, d->handle, 1, &fence));
    return LTE_VK(d, QueueSubmit, d->queue, 1, &info, fence);
}

static int64_t nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Waits for as long as it takes: how fast a device is nobody knows, least of all one made of
// software on a busy machine; a driver says when it has lost its device; and nothing in flight may
// be freed.
// A driver that is asked to wait sleeps, and wakes some 60 us late: much of a step of two
// milliseconds. So at first it is only asked whether it is done, unless the device computes on this
// processor or draws on its power.
static VkResult wait(struct lte_vk_device *d, VkFence fence)
{
    VkResult result = VK_TIMEOUT;
    if (d->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)
        for (const int64_t from = nanoseconds(); result == VK_TIMEOUT && nanoseconds() - from < SPIN;)
            result = d->api.WaitForFences(d->handle, 1, &fence, VK_TRUE, 0);
    return result == VK_TIMEOUT
               ? d->api.WaitForFences(d->handle, 1, &fence, VK_TRUE, UINT64_MAX)
               : result;
}

enum lte_status lte_vk_submit(struct lte_vk_device *d, VkCommandBuffer commands, VkFence fence)
{
    pthread_mutex_lock(&d->lock);
    const enum lte_status status = submit(d, commands, fence);
    pthread_mutex_unlock(&d->lock);
    if (status != LTE_OK)
        return status;
    return lte_vk_result(d, wait(d, fence), "vkWaitForFences");
}

// The first family that computes; one that computes alone before others, as it is less shared.
static bool find_family(struct lte_vk_device *d)
{
    VkQueueFamilyProperties family[MAX_FAMILIES];
    uint32_t n = MAX_FAMILIES;
    bool found = false;
    d->instance.api.GetPhysicalDeviceQueueFamilyProperties(d->physical, &n, family);
    for (uint32_t i = n; i-- > 0;) {
        const bool alone = !(family[i].queueFlags & VK_QUEUE_GRAPHICS_BIT);
        if (family[i].queueFlags & VK_QUEUE_COMPUTE_BIT && (!found || i == 0 || alone)) {
            d->family = i;
            found = true;
        }
    }
    return found;
}

static void query(struct lte_vk_device *d)
{
    const struct lte_vk_api *a = &d->instance.api;
    d->subgroups = (VkPhysicalDeviceSubgroupProperties){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &d->subgroups};
    a->GetPhysicalDeviceProperties2(d->physical, &properties);
    d->properties = properties.properties;
    d->subgroups.pNext = NULL;
    a->GetPhysicalDeviceMemoryProperties(d->physical, &d->memory);
}

static enum lte_status misses(const struct lte_vk_device *d, const char *what)
{
    return lte_fail(d->context, LTE_ERR_UNSUPPORTED, "%s: %s", lte_vk_device_name(d), what);
}

// What every shader takes for granted.
static enum lte_status check_limits(const struct lte_vk_device *d)
{
    const VkPhysicalDeviceLimits *l = &d->properties.limits;
    if (d->properties.apiVersion < VK_API_VERSION_1_1)
        return misses(d, "older than Vulkan 1.1");
    if (l->minStorageBufferOffsetAlignment > LTE_VK_ALIGN)
        return misses(d, "storage buffers do not begin at multiples of 64 bytes");
    if (l->maxPerStageDescriptorStorageBuffers < LTE_VK_BINDINGS ||
        l->maxPushConstantsSize < LTE_VK_PUSH_BYTES || l->maxComputeWorkGroupInvocations < 256 ||
        l->maxComputeSharedMemorySize < 32768)
        return misses(d, "smaller workgroups, or fewer buffers of a shader, than are needed");
    return LTE_OK;
}

// Asks for those features of the device that shaders have a use for.
static enum lte_status make_device(struct lte_vk_device *d)
{
    const struct lte_vk_api *a = &d->instance.api;
    const VkSubgroupFeatureFlags wanted = VK_SUBGROUP_FEATURE_BASIC_BIT |
                                          VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
                                          VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    const bool modern = d->properties.apiVersion >= VK_API_VERSION_1_2;
    VkPhysicalDevice16BitStorageFeatures storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    VkPhysicalDeviceShaderFloat16Int8Features small = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, .pNext = &storage};
    VkPhysicalDeviceFeatures2 have = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                      .pNext = modern ? (void *)&small : (void *)&storage};
    a->GetPhysicalDeviceFeatures2(d->physical, &have);
    if (d->subgroups.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT &&
        (d->subgroups.supportedOperations & wanted) == wanted)
        d->features |= LTE_VK_SUBGROUPS;
    d->features |= small.shaderFloat16 ? LTE_VK_FLOAT16 : 0;
    d->features |= storage.storageBuffer16BitAccess ? LTE_VK_STORAGE16 : 0;
    const bool cooperative = lte_vk_cooperative_find(d);
    d->features |= cooperative ? LTE_VK_COOPERATIVE : 0;
    small.shaderInt8 = VK_FALSE;
    storage.uniformAndStorageBuffer16BitAccess = VK_FALSE;
    storage.storagePushConstant16 = storage.storageInputOutput16 = VK_FALSE;
    have.features = (VkPhysicalDeviceFeatures){0};
    struct lte_vk_cooperative matrices;
    if (cooperative)
        have.pNext = lte_vk_cooperative_link(&matrices, have.pNext);
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = d->family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &have,
                                     .enabledExtensionCount = cooperative,
                                     .ppEnabledExtensionNames = &lte_vk_cooperative_extension,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue};
    const VkResult result = a->CreateDevice(d->physical, &info, NULL, &d->handle);
    if (result != VK_SUCCESS)
        d->handle = VK_NULL_HANDLE;
    return lte_vk_result(d, result, "vkCreateDevice");
}

#define LOAD(name) a->name = (PFN_vk##name)a->GetDeviceProcAddr(d->handle, "vk" #name);
#define MISSES(name) || !a->name

static enum lte_status load_device(struct lte_vk_device *d)
{
    struct lte_vk_api *a = &d->api;
    *a = d->instance.api;
    LTE_VK_DEVICE_CALLS(LOAD)
    if (0 LTE_VK_DEVICE_CALLS(MISSES))
        return misses(d, "the driver lacks calls of Vulkan 1.1");
    a->GetDeviceQueue(d->handle, d->family, 0, &d->queue);
    return LTE_OK;
}

// The first of the best kind.
static unsigned likeliest(struct lte_vk_device *d, const VkPhysicalDevice *device, uint32_t count)
{
    static const int rank[] = {[VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU] = 3,
                               [VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU] = 2,
                               [VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU] = 1,
                               [VK_PHYSICAL_DEVICE_TYPE_CPU] = 0};
    unsigned best = 0;
    int highest = -1;
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
        d->instance.api.GetPhysicalDeviceProperties2(device[i], &p);
        const unsigned type = (unsigned)p.properties.deviceType;
        const int r = type < sizeof rank / sizeof *rank ? rank[type] : 0;
        if (r > highest) {
            highest = r;
            best = i;
        }
    }
    return best;
}

static enum lte_status choose(struct lte_vk_device *d, unsigned number)
{
    VkPhysicalDevice device[MAX_DEVICES];
    uint32_t count;
    LTE_TRY(lte_vk_instance_devices(&d->instance, device, MAX_DEVICES, &count));
    if (number == LTE_DEVICE_ANY)
        number = likeliest(d, device, count);
    if (number >= count)
        return lte_fail(d->context, LTE_ERR_UNSUPPORTED, "vulkan: there is no device %u: the loader has %u",
                        number, (unsigned)count);
    d->physical = device[number];
    query(d);
    if (!find_family(d))
        return misses(d, "it does not compute");
    return check_limits(d);
}

static void describe(const struct lte_vk_device *d, struct lte_device_info *info)
{
    const uint32_t v = d->properties.apiVersion;
    const VkPhysicalDeviceMemoryProperties *m = &d->memory;
    snprintf(info->name, sizeof info->name, "%s", d->properties.deviceName);
    snprintf(info->vulkan, sizeof info->vulkan, "%u.%u.%u", (unsigned)VK_API_VERSION_MAJOR(v),
             (unsigned)VK_API_VERSION_MINOR(v), (unsigned)VK_API_VERSION_PATCH(v));
    for (uint32_t i = 0; i < m->memoryHeapCount; i++)
        if (m->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT &&
            m->memoryHeaps[i].size > info->memory)
            info->memory = m->memoryHeaps[i].size;
    info->software = d->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    info->subgroups = !!(d->features & LTE_VK_SUBGROUPS);
    info->float16 = !!(d->features & LTE_VK_FLOAT16);
    info->storage16 = !!(d->features & LTE_VK_STORAGE16);
    info->cooperative = !!(d->features & LTE_VK_COOPERATIVE);
}

static enum lte_status look_at(struct lte_vk_device *d, unsigned number,
                               struct lte_device_info *info)
{
    VkPhysicalDevice device[MAX_DEVICES];
    uint32_t count;
    LTE_TRY(lte_vk_instance_devices(&d->instance, device, MAX_DEVICES, &count));
    if (number >= count)
        return LTE_ERR_ARGUMENT;
    enum lte_status status = choose(d, number);
    if (status == LTE_OK)
        status = make_device(d);
    if (status == LTE_OK)
        status = load_device(d);
    describe(d, info);
    return status;
}

enum lte_status lte_vk_device_info(const struct lte_context *context, unsigned number,
                                   struct lte_device_info *info)
{
    struct lte_vk_device *d = lte_alloc_zero(context, sizeof *d);
    *info = (struct lte_device_info){.memory = 0};
    if (!d)
        return lte_fail_memory(context, "the device", sizeof *d);
    d->context = context;
    enum lte_status status = LTE_ERR_ARGUMENT; // no loader is no device
    if (lte_vk_instance_open(context, &d->instance) == LTE_OK)
        status = look_at(d, number, info);
    if (d->handle && d->api.DestroyDevice)
        d->api.DestroyDevice(d->handle, NULL);
    lte_vk_instance_close(&d->instance);
    lte_release(context, d, sizeof *d);
    return status;
}

static enum lte_status open_parts(struct lte_vk_device *d, unsigned number)
{
    LTE_TRY(lte_vk_instance_open(d->context, &d->instance));
    LTE_TRY(choose(d, number));
    LTE_TRY(make_device(d));
    LTE_TRY(load_device(d));
    LTE_TRY(lte_vk_pipelines_open(d));
    return lte_vk_staging_open(d);
}

enum lte_status lte_vk_device_open(const struct lte_context *context, unsigned number,
                                   struct lte_vk_device **device)
{
    *device = NULL;
    struct lte_vk_device *d = lte_alloc_zero(context, sizeof *d);
    if (!d)
        return lte_fail_memory(context, "the device", sizeof *d);
    d->context = context;
    pthread_mutex_init(&d->lock, NULL);
    const enum lte_status status = open_parts(d, number);
    if (status != LTE_OK)
        lte_vk_device_close(d);
    else
        *device = d;
    return status;
}

void lte_vk_device_close(struct lte_vk_device *d)
{
    if (!d)
        return;
    if (d->handle && d->api.DestroyDevice) {
        d->api.DeviceWaitIdle(d->handle);
        lte_vk_staging_close(d);
        lte_vk_pipelines_close(d);
        d->api.DestroyDevice(d->handle, NULL);
    }
    lte_vk_instance_close(&d->instance);
    pthread_mutex_destroy(&d->lock);
    lte_release(d->context, d, sizeof *d);
}
