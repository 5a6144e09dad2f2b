// SPDX-License-Identifier: BSD-2-Clause
// The largest logit, found on Vulkan devices: first of equals, never a NaN.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vk/ops.h"
#include "tests/check.h"
#include "tests/inside.h"
#include "tests/vk_leaks.h"

enum { ROWS = 5, CALLS = 2 };

struct rig {
    struct lte_vk_device *device;
    struct lte_vk_buffer x, scratch, y;
    VkCommandPool pool;
    VkFence fence;
};

static void must(enum lte_status status)
{
    if (status != LTE_OK)
        exit(99);
}

static void make(struct rig *r, size_t width)
{
    struct lte_vk_device *d = r->device;
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = d->family};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, ROWS * width * sizeof(float), &r->x));
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, 1 << 16, &r->scratch));
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, ROWS * sizeof(uint32_t), &r->y));
    must(LTE_VK(d, CreateCommandPool, d->handle, &pool, NULL, &r->pool));
    must(LTE_VK(d, CreateFence, d->handle, &fence, NULL, &r->fence));
}

static void drop(struct rig *r)
{
    struct lte_vk_device *d = r->device;
    d->api.DestroyFence(d->handle, r->fence, NULL);
    d->api.DestroyCommandPool(d->handle, r->pool, NULL);
    lte_vk_buffer_free(d, &r->x);
    lte_vk_buffer_free(d, &r->scratch);
    lte_vk_buffer_free(d, &r->y);
}

static struct lte_vk_range whole(const struct lte_vk_buffer *b)
{
    return (struct lte_vk_range){b->handle, 0, b->bytes};
}

static void run(struct rig *r, uint32_t width, uint32_t ids, VkDescriptorPool descriptors)
{
    const struct lte_graph graph = {.vocabulary = width};
    struct lte_vk_device *d = r->device;
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = r->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1};
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    struct lte_vk_encoder e = {.device = d,
                               .graph = &graph,
                               .rows = ROWS,
                               .logits = whole(&r->x),
                               .best = whole(&r->y),
                               .scratch = whole(&r->scratch),
                               .descriptors = descriptors};
    must(LTE_VK(d, AllocateCommandBuffers, d->handle, &info, &e.commands));
    must(LTE_VK(d, BeginCommandBuffer, e.commands, &begin));
    lte_vk_encode_greedy(&e, ids);
    must(e.status);
    must(LTE_VK(d, EndCommandBuffer, e.commands));
    must(lte_vk_submit(d, e.commands, r->fence));
}

static void pick(struct rig *r, const float *x, uint32_t width, uint32_t ids, uint32_t *y)
{
    struct lte_vk_device *d = r->device;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, CALLS * LTE_VK_BINDINGS};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = CALLS,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    VkDescriptorPool descriptors;
    make(r, width);
    must(LTE_VK(d, CreateDescriptorPool, d->handle, &info, NULL, &descriptors));
    must(lte_vk_upload(d, &r->x, 0, x, ROWS * width * sizeof *x));
    run(r, width, ids, descriptors);
    must(lte_vk_download(d, &r->y, 0, y, ROWS * sizeof *y));
    d->api.DestroyDescriptorPool(d->handle, descriptors, NULL);
    drop(r);
}

static uint32_t largest(const float *x, uint32_t n)
{
    uint32_t best = LTE_NO_TOKEN;
    for (uint32_t i = 0; i < n; i++)
        if (x[i] > (best == LTE_NO_TOKEN ? -INFINITY : x[best]))
            best = i;
    return best;
}

// Every row another case: any numbers; few values, so that many are equal; NaN among them; nothing
// but NaN and minus infinity; nothing but NaN.
static void fill(float *x, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        x[i] = check_normal();
        x[width + i] = (float)check_below(3) - 1;
        x[2 * width + i] = check_below(3) ? check_normal() : NAN;
        x[3 * width + i] = check_below(2) ? -INFINITY : NAN;
        x[4 * width + i] = NAN;
    }
}

static void check_device(struct lte_vk_device *device)
{
    static const uint32_t size[] = {1, 2, 255, 256, 257, 5000, 16384, 40001};
    struct rig r = {.device = device};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        const uint32_t width = size[i];
        float *x = malloc(ROWS * width * sizeof *x);
        uint32_t y[ROWS];
        fill(x, width);
        for (uint32_t cut = 0; cut < 2; cut++) {
            const uint32_t ids = cut ? (width + 2) / 3 : width;
            bool good = true;
            pick(&r, x, width, ids, y);
            for (size_t row = 0; row < ROWS; row++)
                good &= y[row] == largest(x + row * width, ids);
            check_ok(good, "the largest of %u from %u", (unsigned)ids, (unsigned)width);
        }
        free(x);
    }
}

int main(int argc, char **argv)
{
    struct lte_context *context = inside_context(NULL, 1);
    struct lte_vk_device *device;
    check_begin(argc, argv, "vk_pick");
    if (lte_vk_device_open(context, 0, &device) == LTE_OK)
        check_device(device);
    else
        check_skip("no Vulkan device", "the largest logit");
    lte_vk_device_close(device);
    lte_close(context);
    return check_end();
}
