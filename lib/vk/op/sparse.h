// SPDX-License-Identifier: BSD-2-Clause
// What ops over a cache of every token share on the device: storing, selection, attention.
#ifndef LTE_LIB_VK_OP_SPARSE_H
#define LTE_LIB_VK_OP_SPARSE_H

#include "lib/sparse/select.h"
#include "lib/vk/op/attend_tiles.h"

// `heads` adjacent vectors of every row of `value`, from `column` on, to the cache at word `place`.
struct lte_vk_store {
    lte_value value;
    size_t column, heads, dim;
    uint64_t tokens;
    uint32_t place;
    enum lte_dtype type;
    bool beside; // of the store before it
};
void lte_vk_cache_store(struct lte_vk_encoder *encoder, const struct lte_vk_group *group,
                        struct lte_vk_range state, const struct lte_vk_store *store);

// in[1] and in[2] of the op, keys and values of `heads` heads, to where `k` and `v` were carved.
struct lte_vk_entries {
    size_t heads, dim;
    uint64_t tokens;
    const void *k, *v;
    enum lte_dtype type;
};
void lte_vk_store_entries(struct lte_vk_encoder *encoder, const struct lte_vk_group *group,
                          struct lte_vk_range state, const struct lte_op *op,
                          const struct lte_vk_entries *entries);

// Lists of units for every row and each of `heads`, which are scored so many rows at a time that
// their scores take little room.
struct lte_vk_selection {
    struct lte_selector selector; // top: units that there can be, at most
    uint32_t heads;
    uint64_t units;
    struct lte_vk_range score, chosen;
    uint32_t stride, at_once;     // of a list of scores; rows
};
struct lte_vk_selection lte_vk_selection(struct lte_vk_encoder *encoder,
                                         const struct lte_vk_group *group,
                                         const struct lte_selector *selector, uint32_t heads,
                                         uint64_t tokens);
// Selects for all rows of the group. `score` writes the scores of rows first .. first + count - 1
// to selection->score; it is not asked where all units are selected.
typedef void lte_vk_score_fn(const void *arg, uint32_t first, uint32_t count);
void lte_vk_select(struct lte_vk_encoder *encoder, const struct lte_vk_group *group,
                   const struct lte_vk_selection *selection, lte_vk_score_fn *score,
                   const void *arg);

// One attention over the cache; `range` is one of LTE_SPARSE_*.
struct lte_vk_sparse {
    const struct lte_op *op;
    struct lte_vk_range state, chosen, to;
    enum lte_dtype type;
    uint32_t range;
    bool apart, beside;
};
void lte_vk_sparse_attend(struct lte_vk_encoder *encoder, const struct lte_vk_group *group,
                          const struct lte_vk_sparse *sparse, const struct lte_vk_tiles *tiles,
                          const struct lte_sparse_attend_params *params);

// Refuses what no such op runs.
void lte_vk_sparse_fits(struct lte_vk_encoder *encoder, size_t head_dim, size_t other_dim,
                        enum lte_dtype type);

#endif
