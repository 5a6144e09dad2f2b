// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/vk/op/attend_tiles.h"

enum {
    ROWS = 64, TILE = 32,
    LEAST_ROWS = 4, LEAST_TILE = 8,
    THREADS = 128, ROW_LANES = 16, // as in shaders/attend.glsl
    LIST_BYTES = 2 * THREADS * 3 * sizeof(uint32_t) + 512,
    WORKGROUPS = 512               // shares of the keys are made until there are so many
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

struct lte_vk_tiles lte_vk_tiles(const struct lte_vk_device *d, const struct lte_vk_tiling *g)
{
    const uint32_t most = most_rows(d, g->head_dim, (uint64_t)g->rows * g->group);
    struct lte_vk_tiles t = {.heads = least(g->group, most)};
    t.queries = g->queries > 1 ? most / t.heads : 1;
    t.keys = tile_keys(d, g->head_dim, t.queries * t.heads);
    t.y = (size_t)g->heads * ((g->group + t.heads - 1) / t.heads);
    const size_t blocks = (g->rows + t.queries - 1) / t.queries;
    t.splits = g->splits ? g->splits : splits(g, &t, blocks * t.y * g->segments);
    t.x = blocks * t.splits;
    t.shares_bytes = g->segments * most_shares(g, &t) * g->heads * g->group *
                     (g->head_dim + 2) * sizeof(float);
    return t;
}
