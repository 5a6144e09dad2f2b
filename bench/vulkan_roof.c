// SPDX-License-Identifier: BSD-2-Clause
// The fastest of several copies, and of several runs of multiply-adds.
#include "config.h"

#include "bench/vulkan_roof.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/fma.spv.h"
#include "lib/vk/memory.h"

enum { GROUPS = 4096, THREADS = 256, FLOPS_A_ROUND = 2 * 32, RUNS = 7 };

struct rig {
    struct lte_vk_device *device;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    VkQueryPool times;
};

static void must(enum lte_status status)
{
    if (status == LTE_OK)
        return;
    fprintf(stderr, "bench_vulkan: %s\n", lte_status_text(status));
    exit(1);
}

VkQueryPool vulkan_times(struct lte_vk_device *d, uint32_t count)
{
    VkQueryPool pool;
    const VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                        .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                        .queryCount = count};
    if (!d->properties.limits.timestampComputeAndGraphics) {
        fprintf(stderr, "bench_vulkan: the device keeps no time\n");
        exit(1);
    }
    must(LTE_VK(d, CreateQueryPool, d->handle, &info, NULL, &pool));
    return pool;
}

double vulkan_tick(const struct lte_vk_device *d)
{
    return d->properties.limits.timestampPeriod * 1e-9;
}

static struct rig open_rig(struct lte_vk_device *d)
{
    struct rig r = {.device = d, .times = vulkan_times(d, 2)};
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                          .queueFamilyIndex = d->family};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    must(LTE_VK(d, CreateCommandPool, d->handle, &pool, NULL, &r.pool));
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = r.pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1};
    must(LTE_VK(d, AllocateCommandBuffers, d->handle, &info, &r.commands));
    must(LTE_VK(d, CreateFence, d->handle, &fence, NULL, &r.fence));
    return r;
}

static void close_rig(struct rig *r)
{
    struct lte_vk_device *d = r->device;
    d->api.DestroyFence(d->handle, r->fence, NULL);
    d->api.DestroyCommandPool(d->handle, r->pool, NULL);
    d->api.DestroyQueryPool(d->handle, r->times, NULL);
}

// Seconds of the fastest run of what fn() records.
static double fastest(struct rig *r, void (*fn)(struct rig *, const void *), const void *arg)
{
    struct lte_vk_device *d = r->device;
    const VkPipelineStageFlagBits end = VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT;
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    double best = 0;
    for (int i = 0; i < RUNS; i++) {
        uint64_t time[2];
        must(LTE_VK(d, BeginCommandBuffer, r->commands, &begin));
        d->api.CmdResetQueryPool(r->commands, r->times, 0, 2);
        d->api.CmdWriteTimestamp(r->commands, end, r->times, 0);
        fn(r, arg);
        d->api.CmdWriteTimestamp(r->commands, end, r->times, 1);
        must(LTE_VK(d, EndCommandBuffer, r->commands));
        must(lte_vk_submit(d, r->commands, r->fence));
        must(LTE_VK(d, GetQueryPoolResults, d->handle, r->times, 0, 2, sizeof time, time,
                    sizeof *time, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
        const double seconds = (double)(time[1] - time[0]) * vulkan_tick(d);
        best = !i || seconds < best ? seconds : best;
    }
    return best;
}

static void copy(struct rig *r, const void *arg)
{
    const struct lte_vk_buffer *b = arg;
    const VkBufferCopy whole = {.size = b[0].bytes};
    r->device->api.CmdCopyBuffer(r->commands, b[0].handle, b[1].handle, 1, &whole);
}

static double copy_gbs(struct rig *r, uint64_t bytes)
{
    struct lte_vk_device *d = r->device;
    struct lte_vk_buffer b[2];
    for (int i = 0; i < 2; i++) {
        must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, bytes, &b[i]));
        must(lte_vk_clear(d, &b[i], 0, bytes));
    }
    const double seconds = fastest(r, copy, b);
    for (int i = 0; i < 2; i++)
        lte_vk_buffer_free(d, &b[i]);
    return 2 * (double)bytes / seconds * 1e-9;
}

struct fma_run {
    VkPipeline pipeline;
    VkDescriptorSet set;
    uint32_t rounds;
};

static void fma_record(struct rig *r, const void *arg)
{
    const struct fma_run *f = arg;
    const struct lte_vk_api *a = &r->device->api;
    a->CmdBindPipeline(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, f->pipeline);
    a->CmdBindDescriptorSets(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, r->device->layout, 0, 1,
                             &f->set, 0, NULL);
    a->CmdPushConstants(r->commands, r->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        sizeof f->rounds, &f->rounds);
    a->CmdDispatch(r->commands, GROUPS, 1, 1);
}

static VkPipeline fma_pipeline(struct lte_vk_device *d)
{
    VkPipeline pipeline;
    const VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = sizeof lte_spv_fma,
                                             .pCode = lte_spv_fma};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main"},
        .layout = d->layout};
    must(LTE_VK(d, CreateShaderModule, d->handle, &module, NULL, &info.stage.module));
    must(LTE_VK(d, CreateComputePipelines, d->handle, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    d->api.DestroyShaderModule(d->handle, info.stage.module, NULL);
    return pipeline;
}

static VkDescriptorSet fma_set(struct lte_vk_device *d, VkDescriptorPool pool, VkBuffer buffer)
{
    VkDescriptorSet set;
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &d->set_layout};
    const VkDescriptorBufferInfo whole = {buffer, 0, VK_WHOLE_SIZE};
    must(LTE_VK(d, AllocateDescriptorSets, d->handle, &info, &set));
    d->api.UpdateDescriptorSets(
        d->handle, 1,
        &(VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                .dstSet = set,
                                .descriptorCount = 1,
                                .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                .pBufferInfo = &whole},
        0, NULL);
    return set;
}

static double fma_gflops(struct rig *r, uint32_t rounds)
{
    struct lte_vk_device *d = r->device;
    struct lte_vk_buffer y;
    VkDescriptorPool pool;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, LTE_VK_BINDINGS};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 1,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, GROUPS * THREADS * sizeof(float), &y));
    must(LTE_VK(d, CreateDescriptorPool, d->handle, &info, NULL, &pool));
    const struct fma_run f = {fma_pipeline(d), fma_set(d, pool, y.handle), rounds};
    const double seconds = fastest(r, fma_record, &f);
    d->api.DestroyPipeline(d->handle, f.pipeline, NULL);
    d->api.DestroyDescriptorPool(d->handle, pool, NULL);
    lte_vk_buffer_free(d, &y);
    return (double)GROUPS * THREADS * FLOPS_A_ROUND * rounds / seconds * 1e-9;
}

struct vulkan_roof vulkan_roof(struct lte_vk_device *d, bool quick)
{
    struct rig r = open_rig(d);
    const struct vulkan_roof roof = {.gbs = copy_gbs(&r, (uint64_t)(quick ? 8 : 512) << 20),
                                     .gflops = fma_gflops(&r, quick ? 4 : 4096)};
    close_rig(&r);
    return roof;
}
