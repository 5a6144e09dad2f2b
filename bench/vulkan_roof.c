// SPDX-License-Identifier: BSD-2-Clause
// The fastest of several runs of shaders that read, that copy, and that multiply and add.
#include "config.h"

#include "bench/vulkan_roof.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/fma.spv.h"
#include "bench/stream.spv.h"
#include "lib/vk/memory.h"

enum { GROUPS = 4096, THREADS = 256, FLOPS_A_ROUND = 2 * 32, RUNS = 7, BUFFERS = 2 };
static const double WARM_SECONDS = 0.5;

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

struct run {
    VkPipeline pipeline;
    VkDescriptorSet set;
    uint32_t push[2];
};

static void dispatch(struct rig *r, const void *arg)
{
    const struct run *f = arg;
    const struct lte_vk_api *a = &r->device->api;
    a->CmdBindPipeline(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, f->pipeline);
    a->CmdBindDescriptorSets(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, r->device->layout, 0, 1,
                             &f->set, 0, NULL);
    a->CmdPushConstants(r->commands, r->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        sizeof f->push, f->push);
    a->CmdDispatch(r->commands, GROUPS, 1, 1);
}

static VkPipeline make_pipeline(struct lte_vk_device *d, const uint32_t *code, size_t bytes)
{
    VkPipeline pipeline;
    const VkShaderModuleCreateInfo module = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = code};
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

static VkDescriptorSet make_set(struct lte_vk_device *d, VkDescriptorPool pool,
                                const struct lte_vk_buffer *buffer)
{
    VkDescriptorSet set;
    VkDescriptorBufferInfo whole[BUFFERS];
    VkWriteDescriptorSet write[BUFFERS];
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &d->set_layout};
    must(LTE_VK(d, AllocateDescriptorSets, d->handle, &info, &set));
    for (uint32_t i = 0; i < BUFFERS; i++) {
        whole[i] = (VkDescriptorBufferInfo){buffer[i].handle, 0, VK_WHOLE_SIZE};
        write[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                          .dstSet = set,
                                          .dstBinding = i,
                                          .descriptorCount = 1,
                                          .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                          .pBufferInfo = &whole[i]};
    }
    d->api.UpdateDescriptorSets(d->handle, BUFFERS, write, 0, NULL);
    return set;
}

// Seconds of a shader on GROUPS workgroups.
static double time_shader(struct rig *r, const uint32_t *code, size_t bytes, VkDescriptorSet set,
                          uint32_t first, uint32_t second)
{
    const struct run f = {make_pipeline(r->device, code, bytes), set, {first, second}};
    const double seconds = fastest(r, dispatch, &f);
    r->device->api.DestroyPipeline(r->device->handle, f.pipeline, NULL);
    return seconds;
}

struct vulkan_roof vulkan_roof(struct lte_vk_device *d, bool quick)
{
    const uint32_t each = quick ? 4 : 64, rounds = quick ? 4 : 4096;
    const double bytes = 16.0 * GROUPS * THREADS * each;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, LTE_VK_BINDINGS};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = 1,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    struct rig r = open_rig(d);
    struct lte_vk_buffer b[BUFFERS];
    VkDescriptorPool pool;
    for (int i = 0; i < BUFFERS; i++) {
        must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, (uint64_t)bytes, &b[i]));
        must(lte_vk_clear(d, &b[i], 0, (uint64_t)bytes));
    }
    must(LTE_VK(d, CreateDescriptorPool, d->handle, &info, NULL, &pool));
    const VkDescriptorSet set = make_set(d, pool, b);
    for (double from = bench_now(); !quick && bench_now() - from < WARM_SECONDS;) // clocks rise
        time_shader(&r, lte_spv_fma, sizeof lte_spv_fma, set, rounds, 0);
    const struct vulkan_roof roof = {
        .read = bytes * 1e-9 / time_shader(&r, lte_spv_stream, sizeof lte_spv_stream, set, each, 0),
        .copy = 2 * bytes * 1e-9 / time_shader(&r, lte_spv_stream, sizeof lte_spv_stream, set, each, 1),
        .gflops = 1e-9 * GROUPS * THREADS * FLOPS_A_ROUND * rounds /
                  time_shader(&r, lte_spv_fma, sizeof lte_spv_fma, set, rounds, 0)};
    d->api.DestroyDescriptorPool(d->handle, pool, NULL);
    for (int i = 0; i < BUFFERS; i++)
        lte_vk_buffer_free(d, &b[i]);
    close_rig(&r);
    return roof;
}
