// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/vk/op/attend_tiles.h"

enum {
    FLOATS = 7680,     // shared memory of a workgroup,
    ROW_FLOATS = 2560, // and of it for its rows
    ROWS = 16, TILE = 32,
    WORKGROUPS = 256   // shares of the keys are made until there are so many
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// Keys of a tile: as many as leave room for the rows and for the scores.
static uint32_t tile_keys(uint32_t dim, uint32_t rows)
{
    const uint32_t padded = (dim + 3) / 4 * 4, scores = (rows + 3) / 4 * 4;
    uint32_t keys = TILE;
    while (rows * padded + keys * (padded + 1 + scores) > FLOATS)
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

struct lte_vk_tiles lte_vk_tiles(const struct lte_vk_tiling *g)
{
    const uint32_t most = least(ROWS, ROW_FLOATS / g->head_dim);
    struct lte_vk_tiles t = {.heads = least(g->group, most)};
    t.queries = least(least(most / t.heads, g->rows), g->queries);
    t.keys = tile_keys(g->head_dim, t.queries * t.heads);
    t.y = (size_t)g->heads * ((g->group + t.heads - 1) / t.heads);
    const size_t blocks = (g->rows + t.queries - 1) / t.queries;
    t.splits = g->splits ? g->splits : splits(g, &t, blocks * t.y * g->segments);
    t.x = blocks * t.splits;
    t.shares_bytes = g->segments * most_shares(g, &t) * g->heads * g->group *
                     (g->head_dim + 2) * sizeof(float);
    return t;
}
