// SPDX-License-Identifier: BSD-2-Clause
// How shaders/attend.glsl is laid over queries and keys: rows of a workgroup, keys of a tile,
// shares of the keys. And where in an op's state its parts lie.
#ifndef LTE_LIB_VK_OP_ATTEND_TILES_H
#define LTE_LIB_VK_OP_ATTEND_TILES_H

#include "lib/vk/encode.h"

enum {
    LTE_VK_HEAD_DIM = 512,   // numbers of a head at most
    LTE_VK_SPLIT_BYTES = 8   // of a number of a key and its value, for attend_cooperative.comp
};

struct lte_vk_tiling {
    uint32_t heads, group, head_dim; // key heads, and query heads of each
    uint32_t rows;                   // of a segment
    uint32_t queries;                // 1: a workgroup may not take several together
    size_t segments;
    uint64_t keys;                   // that a query may see, at most
    uint32_t splits;                 // not 0: to be that
};

struct lte_vk_tiles {
    uint32_t heads, queries, keys;   // of a workgroup; of a tile
    uint32_t splits;                 // shares of the keys
    size_t x, y;                     // workgroups
    uint64_t shares_bytes;           // grows with the rows, as scratch has to, while splits fall
    uint32_t subgroups;              // attend_cooperative.comp alone: of a workgroup; and
    uint64_t split_keys;             // keys as it has them, of all segments and heads
};

struct lte_vk_tiles lte_vk_tiles(const struct lte_vk_device *device,
                                 const struct lte_vk_tiling *tiling);
// For attend_cooperative.comp, if it is for that device and these rows.
bool lte_vk_cooperative_tiles(const struct lte_vk_device *device,
                              const struct lte_vk_tiling *tiling, struct lte_vk_tiles *tiles);

// An address to carve a state at, and the word of the state where a part lies that was carved
// there.
static inline void *lte_vk_nowhere(void)
{
    return (void *)(uintptr_t)LTE_VK_ALIGN;
}

static inline uint32_t lte_vk_words(const void *part)
{
    return part ? (uint32_t)(((uintptr_t)part - LTE_VK_ALIGN) / sizeof(uint32_t)) : 0;
}

#endif
