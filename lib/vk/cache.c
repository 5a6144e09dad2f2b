// SPDX-License-Identifier: BSD-2-Clause
// Compiled pipelines kept from run to run, for this driver and these shaders.
#include "config.h"

#include <string.h>

#include "lib/cache.h"
#include "lib/vk/pipeline.h"

static const char name[] = "pipelines";

uint64_t lte_vk_identity(const struct lte_vk_device *d)
{
    const VkPhysicalDeviceProperties *p = &d->properties;
    uint64_t hash = lte_hash(LTE_HASH, p->pipelineCacheUUID, sizeof p->pipelineCacheUUID);
    hash = lte_hash(hash, p->deviceName, strnlen(p->deviceName, sizeof p->deviceName));
    hash = lte_hash(hash, &p->vendorID, sizeof p->vendorID);
    hash = lte_hash(hash, &p->deviceID, sizeof p->deviceID);
    hash = lte_hash(hash, &p->driverVersion, sizeof p->driverVersion);
    hash = lte_hash(hash, &p->apiVersion, sizeof p->apiVersion);
    for (size_t i = 0; i < LTE_VK_KERNEL_COUNT; i++)
        hash = lte_hash(hash, lte_vk_kernels[i].code, lte_vk_kernels[i].bytes);
    return hash;
}

// Without a cache pipelines are made anew: a failure is not one of the device's.
void lte_vk_cache_open(struct lte_vk_device *d)
{
    size_t size = 0;
    d->identity = lte_vk_identity(d);
    void *data = lte_cache_get(d->context, name, d->identity, &size);
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                      .initialDataSize = data ? size : 0,
                                      .pInitialData = data};
    if (d->api.CreatePipelineCache(d->handle, &info, NULL, &d->cache) != VK_SUCCESS)
        d->cache = VK_NULL_HANDLE;
    d->cached = data ? size : 0;
    lte_release(d->context, data, size);
}

static void save(struct lte_vk_device *d)
{
    size_t size = 0;
    if (d->api.GetPipelineCacheData(d->handle, d->cache, &size, NULL) != VK_SUCCESS ||
        size == d->cached)
        return;
    const size_t room = size;
    void *data = lte_alloc(d->context, room);
    if (data && d->api.GetPipelineCacheData(d->handle, d->cache, &size, data) == VK_SUCCESS)
        lte_cache_put(d->context, name, d->identity, data, size);
    lte_release(d->context, data, room);
}

void lte_vk_cache_close(struct lte_vk_device *d)
{
    if (!d->cache)
        return;
    if (!atomic_load(&d->lost))
        save(d);
    d->api.DestroyPipelineCache(d->handle, d->cache, NULL);
    d->cache = VK_NULL_HANDLE;
}
