// SPDX-License-Identifier: BSD-2-Clause
// The Vulkan calls that are used, as pointers got from a loader opened at run time: nothing links
// it.
#ifndef LTE_LIB_VK_API_H
#define LTE_LIB_VK_API_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#define LTE_VK_GLOBAL_CALLS(X) \
    X(CreateInstance) X(EnumerateInstanceLayerProperties) X(EnumerateInstanceExtensionProperties) \
    X(EnumerateInstanceVersion)

#define LTE_VK_INSTANCE_CALLS(X) \
    X(DestroyInstance) X(EnumeratePhysicalDevices) X(GetPhysicalDeviceProperties2) \
    X(GetPhysicalDeviceFeatures2) X(GetPhysicalDeviceMemoryProperties) \
    X(GetPhysicalDeviceQueueFamilyProperties) X(EnumerateDeviceExtensionProperties) X(CreateDevice) \
    X(GetDeviceProcAddr)

#define LTE_VK_DEVICE_CALLS(X) \
    X(DestroyDevice) X(GetDeviceQueue) X(DeviceWaitIdle) X(QueueSubmit) \
    X(CreateBuffer) X(DestroyBuffer) X(GetBufferMemoryRequirements) X(BindBufferMemory) \
    X(AllocateMemory) X(FreeMemory) X(MapMemory) \
    X(CreateFence) X(DestroyFence) X(ResetFences) X(WaitForFences) \
    X(CreateDescriptorSetLayout) X(DestroyDescriptorSetLayout) X(CreatePipelineLayout) \
    X(DestroyPipelineLayout) X(CreateDescriptorPool) X(DestroyDescriptorPool) \
    X(AllocateDescriptorSets) X(UpdateDescriptorSets) \
    X(CreateShaderModule) X(DestroyShaderModule) X(CreateComputePipelines) X(DestroyPipeline) \
    X(CreatePipelineCache) X(DestroyPipelineCache) X(GetPipelineCacheData) \
    X(CreateCommandPool) X(DestroyCommandPool) X(AllocateCommandBuffers) X(FreeCommandBuffers) \
    X(BeginCommandBuffer) X(EndCommandBuffer) X(CmdBindPipeline) X(CmdBindDescriptorSets) \
    X(CmdPushConstants) X(CmdDispatch) X(CmdPipelineBarrier) X(CmdCopyBuffer) X(CmdFillBuffer) \
    X(CreateQueryPool) X(DestroyQueryPool) X(CmdResetQueryPool) X(CmdWriteTimestamp) \
    X(GetQueryPoolResults)

#define LTE_VK_MEMBER(name) PFN_vk##name name;
struct lte_vk_api {
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
    LTE_VK_GLOBAL_CALLS(LTE_VK_MEMBER)
    LTE_VK_INSTANCE_CALLS(LTE_VK_MEMBER)
    LTE_VK_DEVICE_CALLS(LTE_VK_MEMBER)
};
#undef LTE_VK_MEMBER

#endif
