// SPDX-License-Identifier: BSD-2-Clause
// Cooperative matrices: whether a device has those that gemm_cooperative.comp multiplies, and of
// which size.
#include "config.h"

#include "lib/vk/cooperative.h"

#include <string.h>

// From large to small; all devices with cooperative matrices take the last.
static const struct lte_vk_tile tiles[] = {
    {64, 128, 32, 64, 32}, {64, 64, 32, 32, 32}, {32, 32, 16, 16, 64}};
enum { TILES = sizeof tiles / sizeof *tiles, SUMS = 16 };

uint32_t lte_vk_tile_threads(const struct lte_vk_device *d, const struct lte_vk_tile *t)
{
    return t->tokens / t->subgroup_tokens * (t->rows / t->subgroup_rows) *
           d->subgroups.subgroupSize;
}

// Shared memory: as gemm_cooperative.comp counts it. A subgroup has its sums in registers, in SUMS
// matrices at most.
static bool fits_tile(const struct lte_vk_device *d, const struct lte_vk_tile *t)
{
    const VkPhysicalDeviceLimits *l = &d->properties.limits;
    const uint32_t threads = lte_vk_tile_threads(d, t), width = t->depth / 8u;
    const uint32_t subgroups = threads / d->subgroups.subgroupSize;
    const uint32_t in = t->tokens * (2 * width + 1) + t->rows * (width + 1);
    const uint32_t out = subgroups * d->matrix[0] * (d->matrix[1] / 4 + 2u);
    const uint32_t sums = t->subgroup_tokens / d->matrix[0] * (t->subgroup_rows / d->matrix[1]);
    return threads <= l->maxComputeWorkGroupInvocations &&
           threads <= l->maxComputeWorkGroupSize[0] &&
           16 * (in > out ? in : out) <= l->maxComputeSharedMemorySize && sums <= SUMS;
}

const struct lte_vk_tile *lte_vk_cooperative_tile(const struct lte_vk_device *d, size_t tokens,
                                                  size_t rows)
{
    size_t i;
    for (i = 0; i + 1 < TILES; i++) {
        const size_t x = (rows + tiles[i].rows - 1) / tiles[i].rows;
        const size_t y = (tokens + tiles[i].tokens - 1) / tiles[i].tokens;
        if (x * y >= LTE_VK_BUSY && fits_tile(d, &tiles[i]))
            break;
    }
    return &tiles[i];
}

#ifdef HAVE_COOPERATIVE_MATRICES

enum { MOST = 64 };

// What the shader's tiles are made of: pieces of 16 x 16, and 32 columns that begin at multiples
// of 16 bytes.
static bool fits(const VkCooperativeMatrixPropertiesKHR *p)
{
    return p->AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           p->CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           p->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR && p->scope == VK_SCOPE_SUBGROUP_KHR &&
           p->MSize && p->NSize && p->KSize && 16 % p->MSize == 0 && 16 % p->NSize == 0 &&
           32 % p->KSize == 0 && p->KSize % 8 == 0 && p->NSize % 4 == 0;
}

// The largest that fits.
static bool choose(struct lte_vk_device *d)
{
    VkCooperativeMatrixPropertiesKHR p[MOST];
    uint32_t count = MOST, largest = 0;
    const PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR list =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)d->instance.api.GetInstanceProcAddr(
            d->instance.handle, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    for (uint32_t i = 0; i < MOST; i++)
        p[i] = (VkCooperativeMatrixPropertiesKHR){
            .sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    const VkResult result = list ? list(d->physical, &count, p) : VK_ERROR_EXTENSION_NOT_PRESENT;
    for (uint32_t i = 0; i < count && (result == VK_SUCCESS || result == VK_INCOMPLETE); i++) {
        const uint32_t size = p[i].MSize * p[i].NSize * p[i].KSize;
        if (fits(&p[i]) && size > largest) {
            largest = size;
            d->matrix[0] = p[i].MSize;
            d->matrix[1] = p[i].NSize;
            d->matrix[2] = p[i].KSize;
        }
    }
    return largest > 0;
}

static bool has_extension(const struct lte_vk_device *d, const char *name)
{
    VkExtensionProperties *list;
    uint32_t count = 0;
    bool found = false;
    if (d->instance.api.EnumerateDeviceExtensionProperties(d->physical, NULL, &count, NULL) != VK_SUCCESS)
        return false;
    const uint32_t room = count;
    list = lte_alloc_array(d->context, room, sizeof *list);
    if (list &&
        d->instance.api.EnumerateDeviceExtensionProperties(d->physical, NULL, &count, list) >= 0)
        for (uint32_t i = 0; i < count && !found; i++)
            found = !strcmp(list[i].extensionName, name);
    lte_release(d->context, list, room * sizeof *list);
    return found;
}

static bool has_features(const struct lte_vk_device *d)
{
    struct lte_vk_cooperative c;
    lte_vk_cooperative_link(&c, NULL);
    c.matrix.cooperativeMatrix = c.sizes.subgroupSizeControl = c.sizes.computeFullSubgroups = VK_FALSE;
    c.model.vulkanMemoryModel = c.model.vulkanMemoryModelDeviceScope = VK_FALSE;
    VkPhysicalDeviceFeatures2 have = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                      .pNext = &c.matrix};
    d->instance.api.GetPhysicalDeviceFeatures2(d->physical, &have);
    return c.matrix.cooperativeMatrix && c.model.vulkanMemoryModel &&
           c.model.vulkanMemoryModelDeviceScope && c.sizes.subgroupSizeControl &&
           c.sizes.computeFullSubgroups;
}

// Whether a shader may insist on the size that its subgroups have.
static bool sizes_subgroups(const struct lte_vk_device *d)
{
    VkPhysicalDeviceSubgroupSizeControlProperties sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
    VkPhysicalDeviceProperties2 p = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                     .pNext = &sizes};
    d->instance.api.GetPhysicalDeviceProperties2(d->physical, &p);
    return sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT;
}

bool lte_vk_cooperative_find(struct lte_vk_device *d)
{
    return d->properties.apiVersion >= VK_API_VERSION_1_3 && (d->features & LTE_VK_FLOAT16) &&
           (d->features & LTE_VK_SUBGROUPS) &&
           has_extension(d, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME) && has_features(d) &&
           sizes_subgroups(d) && choose(d) && fits_tile(d, &tiles[TILES - 1]);
}

const char *const lte_vk_cooperative_extension = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;

// Cooperative matrices come with the memory model, and that with the scope of other shaders'
// barriers.
void *lte_vk_cooperative_link(struct lte_vk_cooperative *c, void *next)
{
    c->sizes = (VkPhysicalDeviceSubgroupSizeControlFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
        .pNext = next,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE};
    c->model = (VkPhysicalDeviceVulkanMemoryModelFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
        .pNext = &c->sizes,
        .vulkanMemoryModel = VK_TRUE,
        .vulkanMemoryModelDeviceScope = VK_TRUE};
    c->matrix = (VkPhysicalDeviceCooperativeMatrixFeaturesKHR){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = &c->model,
        .cooperativeMatrix = VK_TRUE};
    return &c->matrix;
}

void lte_vk_cooperative_subgroups(const struct lte_vk_device *d, VkPipelineShaderStageCreateInfo *stage,
                                  struct lte_vk_cooperative_stage *extra)
{
    extra->size = (VkPipelineShaderStageRequiredSubgroupSizeCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = d->subgroups.subgroupSize};
    stage->flags |= VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    stage->pNext = &extra->size;
}

#else

void lte_vk_cooperative_subgroups(const struct lte_vk_device *d, VkPipelineShaderStageCreateInfo *stage,
                                  struct lte_vk_cooperative_stage *extra)
{
    (void)d, (void)stage, (void)extra;
}

const char *const lte_vk_cooperative_extension = "";

bool lte_vk_cooperative_find(struct lte_vk_device *d)
{
    (void)d;
    return false;
}

void *lte_vk_cooperative_link(struct lte_vk_cooperative *c, void *next)
{
    (void)c;
    return next;
}

#endif
