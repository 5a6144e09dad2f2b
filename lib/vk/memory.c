// SPDX-License-Identifier: BSD-2-Clause
// Buffers, each with an allocation of its own: there are a few a model and a few a session.
#include "config.h"

#include "lib/vk/memory.h"

// Properties by falling preference for each kind, ended by 0.
static const VkMemoryPropertyFlags preferences[][4] = {
    [LTE_VK_DEVICE_MEMORY] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT},
    [LTE_VK_STEP_MEMORY] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                VK_MEMORY_PROPERTY_HOST_COHERENT_BIT},
    [LTE_VK_READ_MEMORY] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                VK_MEMORY_PROPERTY_HOST_COHERENT_BIT},
};

static bool find_type(const struct lte_vk_device *d, uint32_t allowed, VkMemoryPropertyFlags wanted,
                      uint32_t *type)
{
    for (uint32_t i = 0; i < d->memory.memoryTypeCount; i++)
        if (allowed >> i & 1 && (d->memory.memoryTypes[i].propertyFlags & wanted) == wanted) {
            *type = i;
            return true;
        }
    return false;
}

static enum lte_status allocate(struct lte_vk_device *d, const VkMemoryRequirements *need,
                                uint32_t type, VkDeviceMemory *memory)
{
    const VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                       .allocationSize = need->size,
                                       .memoryTypeIndex = type};
    if (d->faults.allocate && !--d->faults.allocate)
        return lte_vk_result(d, VK_ERROR_OUT_OF_DEVICE_MEMORY, "vkAllocateMemory (injected)");
    return LTE_VK(d, AllocateMemory, d->handle, &info, NULL, memory);
}

// The first preference that has room; a heap too small for one may still leave another.
static enum lte_status allocate_kind(struct lte_vk_device *d, enum lte_vk_memory kind,
                                     struct lte_vk_buffer *b)
{
    VkMemoryRequirements need;
    uint32_t type;
    enum lte_status status = LTE_ERR_DEVICE;
    d->api.GetBufferMemoryRequirements(d->handle, b->handle, &need);
    for (const VkMemoryPropertyFlags *p = preferences[kind]; *p && !b->memory; p++)
        if (find_type(d, need.memoryTypeBits, *p, &type))
            status = allocate(d, &need, type, &b->memory);
    if (status == LTE_ERR_DEVICE && !b->memory)
        return lte_fail(d->context, LTE_ERR_DEVICE, "%s: no memory of a fitting type",
                        lte_vk_device_name(d));
    return status;
}

static enum lte_status make(struct lte_vk_device *d, enum lte_vk_memory kind,
                            struct lte_vk_buffer *b)
{
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = b->bytes,
                                     .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                              VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                              VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                     .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    LTE_TRY(lte_vk_alive(d));
    LTE_TRY(LTE_VK(d, CreateBuffer, d->handle, &info, NULL, &b->handle));
    LTE_TRY(allocate_kind(d, kind, b));
    LTE_TRY(LTE_VK(d, BindBufferMemory, d->handle, b->handle, b->memory, 0));
    if (kind == LTE_VK_DEVICE_MEMORY)
        return LTE_OK;
    return LTE_VK(d, MapMemory, d->handle, b->memory, 0, VK_WHOLE_SIZE, 0, &b->mapped);
}

enum lte_status lte_vk_buffer_new(struct lte_vk_device *d, enum lte_vk_memory kind, uint64_t bytes,
                                  struct lte_vk_buffer *buffer)
{
    *buffer = (struct lte_vk_buffer){.bytes = bytes ? (bytes + 3) / 4 * 4 : 4};
    const enum lte_status status = make(d, kind, buffer);
    if (status != LTE_OK)
        lte_vk_buffer_free(d, buffer);
    return status;
}

void lte_vk_buffer_free(struct lte_vk_device *d, struct lte_vk_buffer *b)
{
    if (b->handle)
        d->api.DestroyBuffer(d->handle, b->handle, NULL);
    if (b->memory) // a mapping ends with its memory
        d->api.FreeMemory(d->handle, b->memory, NULL);
    *b = (struct lte_vk_buffer){0};
}
