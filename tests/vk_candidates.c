// SPDX-License-Identifier: BSD-2-Clause
// The largest logits, found on Vulkan devices, against those that the CPU finds.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/candidates.h"
#include "lib/vk/ops.h"
#include "tests/check.h"
#include "tests/inside.h"
#include "tests/vk_leaks.h"

enum { ROWS = 8, CALLS = 2 };

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

static void make(struct rig *r, size_t width, size_t bytes)
{
    struct lte_vk_device *d = r->device;
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = d->family};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, ROWS * width * sizeof(float), &r->x));
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, 1 << 20, &r->scratch));
    must(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, bytes, &r->y));
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

static void run(struct rig *r, uint32_t width, uint32_t ids, uint32_t count,
                VkDescriptorPool descriptors)
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
                               .found = whole(&r->y),
                               .scratch = whole(&r->scratch),
                               .segments = whole(&r->scratch), // bound where nothing is
                               .descriptors = descriptors};
    must(LTE_VK(d, AllocateCommandBuffers, d->handle, &info, &e.commands));
    must(LTE_VK(d, BeginCommandBuffer, e.commands, &begin));
    if (count)
        lte_vk_encode_candidates(&e, ids, count);
    else
        lte_vk_encode_greedy(&e, ids);
    must(e.status);
    must(LTE_VK(d, EndCommandBuffer, e.commands));
    must(lte_vk_submit(d, e.commands, r->fence));
}

// To y the candidates of every row; count 0: the ids of the largest.
static void find(struct rig *r, const float *x, uint32_t width, uint32_t ids, uint32_t count,
                 void *y)
{
    const size_t bytes = ROWS * (count ? count * sizeof(struct lte_candidate) : sizeof(uint32_t));
    struct lte_vk_device *d = r->device;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, CALLS * LTE_VK_BINDINGS};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = CALLS,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    VkDescriptorPool descriptors;
    make(r, width, bytes);
    must(LTE_VK(d, CreateDescriptorPool, d->handle, &info, NULL, &descriptors));
    must(lte_vk_upload(d, &r->x, 0, x, ROWS * width * sizeof *x));
    run(r, width, ids, count, descriptors);
    must(lte_vk_download(d, &r->y, 0, y, bytes));
    d->api.DestroyDescriptorPool(d->handle, descriptors, NULL);
    drop(r);
}

// Every row another case: any numbers; few values, so that many are equal; NaN among them; nothing
// but NaN and minus infinity; nothing but NaN; zeros of both signs and denormals; infinities; more
// and more, which is the most that changes hands.
static void fill(float *x, uint32_t width)
{
    static const float small[] = {0, -0.0f, 1e-45f, -1e-45f, 1e-40f};
    for (uint32_t i = 0; i < width; i++) {
        x[i] = check_normal();
        x[width + i] = (float)check_below(3) - 1;
        x[2 * width + i] = check_below(3) ? check_normal() : NAN;
        x[3 * width + i] = check_below(2) ? -INFINITY : NAN;
        x[4 * width + i] = NAN;
        x[5 * width + i] = small[check_below(5)];
        x[6 * width + i] = check_below(50)  ? check_normal() * 1e30f
                           : check_below(2) ? INFINITY
                                            : -INFINITY;
        x[7 * width + i] = (float)i - 100;
    }
}

static bool same(struct lte_candidate a, struct lte_candidate b)
{
    return a.id == b.id && !memcmp(&a.logit, &b.logit, sizeof a.logit);
}

static bool agree(struct rig *r, const float *x, uint32_t width, uint32_t ids, uint32_t count)
{
    struct lte_candidate *y = malloc(ROWS * count * sizeof *y);
    struct lte_candidate *want = malloc(count * sizeof *want);
    bool good = true;
    find(r, x, width, ids, count, y);
    for (size_t row = 0; row < ROWS; row++) {
        lte_candidates_find(x + row * width, ids, count, want);
        for (uint32_t i = 0; i < count; i++)
            good &= same(y[row * count + i], want[i]);
    }
    free(want);
    free(y);
    return good;
}

static bool agree_greedy(struct rig *r, const float *x, uint32_t width, uint32_t ids)
{
    uint32_t y[ROWS];
    struct lte_candidate want;
    bool good = true;
    find(r, x, width, ids, 0, y);
    for (size_t row = 0; row < ROWS; row++) {
        lte_candidates_find(x + row * width, ids, 1, &want);
        good &= y[row] == want.id;
    }
    return good;
}

static void check_device(struct lte_vk_device *device)
{
    static const uint32_t size[] = {1, 2, 255, 257, 1024, 4096, 4097, 16384, 40001},
                          count[] = {1, 2, 40, 300, 1024};
    struct rig r = {.device = device};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        const uint32_t width = size[i];
        float *x = malloc(ROWS * width * sizeof *x);
        fill(x, width);
        check_ok(agree_greedy(&r, x, width, width) && agree_greedy(&r, x, width, (width + 2) / 3),
                 "the largest of %u", (unsigned)width);
        for (size_t n = 0; n < sizeof count / sizeof *count; n++)
            check_ok(agree(&r, x, width, width, count[n]) &&
                         agree(&r, x, width, (width + 2) / 3, count[n]),
                     "the largest of %u: %u", (unsigned)width, (unsigned)count[n]);
        free(x);
    }
}

int main(int argc, char **argv)
{
    struct lte_context *context = inside_context(NULL, 1);
    struct lte_vk_device *device;
    check_begin(argc, argv, "vk_candidates");
    if (lte_vk_device_open(context, 0, &device) == LTE_OK)
        check_device(device);
    else
        check_skip("no Vulkan device", "the largest logits");
    lte_vk_device_close(device);
    lte_close(context);
    return check_end();
}
