// SPDX-License-Identifier: BSD-2-Clause
// One descriptor layout and one pipeline layout for all shaders; pipelines in a list.
#include "config.h"

#include "lib/vk/pipeline.h"

#include <string.h>

#include "lib/vk/cooperative.h"

struct lte_vk_pipeline {
    struct lte_vk_pipeline *next;
    enum lte_vk_kernel kernel;
    uint32_t constant[LTE_VK_CONSTANTS];
    VkPipeline handle;
};

enum lte_status lte_vk_pipelines_open(struct lte_vk_device *d)
{
    VkDescriptorSetLayoutBinding binding[LTE_VK_BINDINGS];
    for (uint32_t i = 0; i < LTE_VK_BINDINGS; i++)
        binding[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = LTE_VK_BINDINGS,
        .pBindings = binding};
    LTE_TRY(LTE_VK(d, CreateDescriptorSetLayout, d->handle, &set, NULL, &d->set_layout));
    const VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, LTE_VK_PUSH_BYTES};
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &d->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push};
    LTE_TRY(LTE_VK(d, CreatePipelineLayout, d->handle, &layout, NULL, &d->layout));
    lte_vk_cache_open(d);
    return LTE_OK;
}

void lte_vk_pipelines_close(struct lte_vk_device *d)
{
    for (struct lte_vk_pipeline *p = d->pipeline, *next; p; p = next) {
        next = p->next;
        d->api.DestroyPipeline(d->handle, p->handle, NULL);
        lte_release(d->context, p, sizeof *p);
    }
    d->pipeline = NULL;
    lte_vk_cache_close(d);
    if (d->layout)
        d->api.DestroyPipelineLayout(d->handle, d->layout, NULL);
    if (d->set_layout)
        d->api.DestroyDescriptorSetLayout(d->handle, d->set_layout, NULL);
}

bool lte_vk_runs(const struct lte_vk_device *d, enum lte_vk_kernel kernel)
{
    return !(lte_vk_kernels[kernel].needs & ~d->features);
}

static enum lte_status make(struct lte_vk_device *d, struct lte_vk_pipeline *p)
{
    const struct lte_vk_kernel_row *row = &lte_vk_kernels[p->kernel];
    VkSpecializationMapEntry entry[LTE_VK_CONSTANTS];
    for (uint32_t i = 0; i < LTE_VK_CONSTANTS; i++)
        entry[i] = (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t), sizeof(uint32_t)};
    const VkSpecializationInfo constants = {LTE_VK_CONSTANTS, entry, sizeof p->constant, p->constant};
    const VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = row->bytes,
                                             .pCode = row->code};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main",
                  .pSpecializationInfo = &constants},
        .layout = d->layout};
    struct lte_vk_cooperative_stage extra;
    if (row->needs & LTE_VK_COOPERATIVE)
        lte_vk_cooperative_subgroups(d, &info.stage, &extra);
    LTE_TRY(LTE_VK(d, CreateShaderModule, d->handle, &module, NULL, &info.stage.module));
    const enum lte_status status =
        LTE_VK(d, CreateComputePipelines, d->handle, d->cache, 1, &info, NULL, &p->handle);
    d->api.DestroyShaderModule(d->handle, info.stage.module, NULL);
    return status;
}

static enum lte_status get(struct lte_vk_device *d, enum lte_vk_kernel kernel,
                           const uint32_t *constant, VkPipeline *pipeline)
{
    struct lte_vk_pipeline *p;
    for (p = d->pipeline; p; p = p->next)
        if (p->kernel == kernel && !memcmp(p->constant, constant, sizeof p->constant)) {
            *pipeline = p->handle;
            return LTE_OK;
        }
    p = lte_alloc_zero(d->context, sizeof *p);
    if (!p)
        return lte_fail_memory(d->context, "a pipeline", sizeof *p);
    p->kernel = kernel;
    memcpy(p->constant, constant, sizeof p->constant);
    const enum lte_status status = make(d, p);
    if (status != LTE_OK) {
        lte_release(d->context, p, sizeof *p);
        return status;
    }
    p->next = d->pipeline;
    d->pipeline = p;
    *pipeline = p->handle;
    return LTE_OK;
}

enum lte_status lte_vk_pipeline_get(struct lte_vk_device *d, enum lte_vk_kernel kernel,
                                    const uint32_t *constant, VkPipeline *pipeline)
{
    pthread_mutex_lock(&d->lock);
    const enum lte_status status = get(d, kernel, constant, pipeline);
    pthread_mutex_unlock(&d->lock);
    return status;
}
