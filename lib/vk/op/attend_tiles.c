// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/vk/op/attend_tiles.h"

enum {
    ROWS = 64, TILE = 32,
    LEAST_ROWS = 4, LEAST_TILE = 8,
    THREADS = 128, ROW_LANES = 16, // as in shaders/attend.glsl
    LIST_BYTES = 2 * THREADS * 3 * sizeof(uint32_t) + 512,
    WORKGROUPS = 512,              // shares of the keys are made until there are so many
    BANDS = 4, BAND = 16,          // of a workgroup, and rows, of attend_cooperative.comp
    COOPERATIVE_DIM = 64,          // of its heads, at most: queries and sums are in registers
    MOST_SPLIT = 256 << 20         // bytes of scratch for its keys
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// Shared memory of a workgroup.
static uint32_t bytes(uint32_t dim, uint32_t rows, uint32_t keys)
{
    const uint32_t stride = (dim + 3) / 4 | 1, block = (rows + ROW_LANES - 1) / ROW_LANES;
    const uint32_t quads = (rows + keys) * stride + keys * ROW_LANES + block * THREADS / 4;
    return quads * 4 * (uint32_t)sizeof(float) + LIST_BYTES;
}

// Rows of a workgroup, at most, and keys of a tile: as many as there is room for, and rows are
// enough. Few sizes: each is a pipeline to compile.
static uint32_t most_rows(const struct lte_vk_device *d, uint32_t dim, uint64_t wanted)
{
    const uint32_t room = d->properties.limits.maxComputeSharedMemorySize;
    uint32_t rows = ROWS;
    while (rows > LEAST_ROWS && bytes(dim, rows, 2 * LEAST_TILE) > room)
        rows /= 2;
    while (rows / 2 >= wanted && rows > ROW_LANES)
        rows /= 2;
    return rows;
}

static uint32_t tile_keys(const struct lte_vk_device *d, uint32_t dim, uint32_t rows)
{
    const uint32_t room = d->properties.limits.maxComputeSharedMemorySize;
    uint32_t keys = TILE;
    while (keys > LEAST_TILE && bytes(dim, rows, keys) > room)
        keys /= 2;
    return keys;
}

// So that a few queries keep the whole device busy; a share is of two tiles at least.
static uint32_t splits(const struct lte_vk_tiling *g, const struct lte_vk_tiles *t,
                       size_t workgroups)
{
    const uint64_t most = g->keys / (2 * t->keys) + 1, wanted = WORKGROUPS / workgroups;
    return (uint32_t)(wanted < 1 ? 1 : wanted < most ? wanted : most);
}

// Results of shares that there may be, rows times splits. splits <= WORKGROUPS / (rows / queries *
// y) makes the second bound.
static uint64_t most_shares(const struct lte_vk_tiling *g, const struct lte_vk_tiles *t)
{
    const uint64_t by_keys = g->rows * (g->keys / (2 * t->keys) + 1);
    const uint64_t by_groups = (uint64_t)WORKGROUPS * t->queries / t->y;
    const uint64_t most = by_keys < by_groups ? by_keys : by_groups;
    return most > g->rows ? most : g->rows;
}

static void lay(const struct lte_vk_tiling *g, struct lte_vk_tiles *t)
{
    t->y = (size_t)g->heads * ((g->group + t->heads - 1) / t->heads);
    const size_t blocks = (g->rows + t->queries - 1) / t->queries;
    t->splits = g->splits ? g->splits : splits(g, t, blocks * t->y * g->segments);
    t->x = blocks * t->splits;
    t->shares_bytes = g->segments * most_shares(g, t) * g->heads * g->group *
                     (g->head_dim + 2) * sizeof(float);
}

struct lte_vk_tiles lte_vk_tiles(const struct lte_vk_device *d, const struct lte_vk_tiling *g)
{
    const uint32_t most = most_rows(d, g->head_dim, (uint64_t)g->rows * g->group);
    struct lte_vk_tiles t = {.heads = least(g->group, most)};
    t.queries = g->queries > 1 ? most / t.heads : 1;
    t.keys = tile_keys(d, g->head_dim, t.queries * t.heads);
    lay(g, &t);
    return t;
}

// As attend_cooperative.comp counts it.
static uint32_t cooperative_bytes(uint32_t dim, uint32_t rows, uint32_t keys, uint32_t threads)
{
    const uint32_t main = keys * (dim / 4 + 1) + rows * (keys / 4 + 1);
    const uint32_t queries = rows * (dim / 8 + 1);
    return 16 * (main > queries ? main : queries) + rows * (uint32_t)sizeof(uint32_t) +
           2 * threads * 5 * (uint32_t)sizeof(uint32_t) + keys * 8 + 64;
}

bool lte_vk_cooperative_tiles(const struct lte_vk_device *d, const struct lte_vk_tiling *g,
                              struct lte_vk_tiles *t)
{
    const VkPhysicalDeviceLimits *l = &d->properties.limits;
    const uint32_t size = d->subgroups.subgroupSize, rows = BANDS * BAND;
    *t = (struct lte_vk_tiles){.heads = g->group, .keys = TILE, .subgroups = BANDS};
    if (!(d->features & LTE_VK_COOPERATIVE) || size < 8 || size > 64 || g->queries == 1 ||
        g->head_dim % 32 || g->head_dim > COOPERATIVE_DIM || g->group > rows ||
        (uint64_t)g->rows * g->group < BAND || BANDS * size > l->maxComputeWorkGroupInvocations ||
        cooperative_bytes(g->head_dim, rows, TILE, BANDS * size) > l->maxComputeSharedMemorySize ||
        g->segments * g->heads * g->keys * g->head_dim * LTE_VK_SPLIT_BYTES > MOST_SPLIT)
        return false;
    t->queries = rows / t->heads;
    t->split_keys = g->segments * g->heads * g->keys;
    lay(g, t);
    return true;
}
