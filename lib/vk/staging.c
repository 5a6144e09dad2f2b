// SPDX-License-Identifier: BSD-2-Clause
// Copies between the host and device memory, through one mapped buffer in pieces.
#include "config.h"

#include <string.h>

#include "lib/vk/memory.h"

enum { PIECE = 4 << 20 };

struct lte_vk_staging {
    struct lte_vk_buffer buffer;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    pthread_mutex_t lock;
};

static enum lte_status open_commands(struct lte_vk_device *d, struct lte_vk_staging *s)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                          .queueFamilyIndex = d->family};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    LTE_TRY(LTE_VK(d, CreateCommandPool, d->handle, &pool, NULL, &s->pool));
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = s->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1};
    LTE_TRY(LTE_VK(d, AllocateCommandBuffers, d->handle, &info, &s->commands));
    return LTE_VK(d, CreateFence, d->handle, &fence, NULL, &s->fence);
}

enum lte_status lte_vk_staging_open(struct lte_vk_device *d)
{
    struct lte_vk_staging *s = d->staging = lte_alloc_zero(d->context, sizeof *s);
    if (!s)
        return lte_fail_memory(d->context, "the staging buffer", sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    LTE_TRY(lte_vk_buffer_new(d, LTE_VK_READ_MEMORY, PIECE, &s->buffer));
    return open_commands(d, s);
}

void lte_vk_staging_close(struct lte_vk_device *d)
{
    struct lte_vk_staging *s = d->staging;
    if (!s)
        return;
    if (s->fence)
        d->api.DestroyFence(d->handle, s->fence, NULL);
    if (s->pool)
        d->api.DestroyCommandPool(d->handle, s->pool, NULL);
    lte_vk_buffer_free(d, &s->buffer);
    pthread_mutex_destroy(&s->lock);
    lte_release(d->context, s, sizeof *s);
    d->staging = NULL;
}

static void barrier(const struct lte_vk_device *d, VkCommandBuffer commands, VkPipelineStageFlags after,
                    VkAccessFlags written, VkPipelineStageFlags before, VkAccessFlags read)
{
    const VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = written,
                               .dstAccessMask = read};
    d->api.CmdPipelineBarrier(commands, after, before, 0, 1, &b, 0, NULL, 0, NULL);
}

struct job {
    const struct lte_vk_buffer *buffer;
    uint64_t offset, bytes;
    enum { COPY_IN, COPY_OUT, CLEAR } what;
};

// All that came before is done (submissions are waited for) but must be made visible.
static void record(const struct lte_vk_device *d, const struct lte_vk_staging *s, const struct job *j)
{
    const VkBuffer device = j->buffer->handle, host = s->buffer.handle;
    const bool in = j->what == COPY_IN;
    const VkBufferCopy copy = {.srcOffset = in ? 0 : j->offset,
                               .dstOffset = in ? j->offset : 0,
                               .size = j->bytes};
    barrier(d, s->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
            VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            VK_PIPELINE_STAGE_TRANSFER_BIT,
            VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
    if (j->what == CLEAR)
        d->api.CmdFillBuffer(s->commands, device, j->offset, j->bytes, 0);
    else
        d->api.CmdCopyBuffer(s->commands, in ? host : device, in ? device : host, 1, &copy);
    if (j->what == COPY_OUT)
        barrier(d, s->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
                VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
    else
        barrier(d, s->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
}

static enum lte_status run(struct lte_vk_device *d, const struct job *j)
{
    struct lte_vk_staging *s = d->staging;
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    LTE_TRY(LTE_VK(d, BeginCommandBuffer, s->commands, &begin));
    record(d, s, j);
    LTE_TRY(LTE_VK(d, EndCommandBuffer, s->commands));
    return lte_vk_submit(d, s->commands, s->fence);
}

enum lte_status lte_vk_upload(struct lte_vk_device *d, const struct lte_vk_buffer *buffer,
                              uint64_t offset, const void *data, uint64_t bytes)
{
    struct lte_vk_staging *s = d->staging;
    enum lte_status status = LTE_OK;
    pthread_mutex_lock(&s->lock);
    for (uint64_t at = 0; status == LTE_OK && at < bytes;) {
        const uint64_t n = bytes - at < PIECE ? bytes - at : PIECE;
        memcpy(s->buffer.mapped, (const unsigned char *)data + at, (size_t)n);
        status = run(d, &(struct job){buffer, offset + at, n, COPY_IN});
        at += n;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

enum lte_status lte_vk_download(struct lte_vk_device *d, const struct lte_vk_buffer *buffer,
                                uint64_t offset, void *data, uint64_t bytes)
{
    struct lte_vk_staging *s = d->staging;
    enum lte_status status = LTE_OK;
    pthread_mutex_lock(&s->lock);
    for (uint64_t at = 0; status == LTE_OK && at < bytes;) {
        const uint64_t n = bytes - at < PIECE ? bytes - at : PIECE;
        status = run(d, &(struct job){buffer, offset + at, n, COPY_OUT});
        if (status == LTE_OK)
            memcpy((unsigned char *)data + at, s->buffer.mapped, (size_t)n);
        at += n;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

enum lte_status lte_vk_clear(struct lte_vk_device *d, const struct lte_vk_buffer *buffer,
                             uint64_t offset, uint64_t bytes)
{
    struct lte_vk_staging *s = d->staging;
    if (!bytes) // which no copy may have; the others below run none
        return LTE_OK;
    pthread_mutex_lock(&s->lock);
    const enum lte_status status = run(d, &(struct job){buffer, offset, bytes, CLEAR});
    pthread_mutex_unlock(&s->lock);
    return status;
}
