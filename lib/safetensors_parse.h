// SPDX-License-Identifier: BSD-2-Clause
// What the parts of the safetensors reader share.
#ifndef LTE_LIB_SAFETENSORS_PARSE_H
#define LTE_LIB_SAFETENSORS_PARSE_H

#include "lib/file.h"
#include "lib/json.h"
#include "lib/safetensors.h"

// One file of a checkpoint.
struct lte_shard {
    char *path;
    struct lte_file map;          // zero when the bytes belong to the caller
    const unsigned char *data;    // after the header
    uint64_t data_size;
    json_t *header;               // until the tensors have been taken from it
};

struct lte_tensors {
    const struct lte_context *context;
    struct lte_shard *shards;
    size_t shard_count;
    struct lte_tensor *tensors;   // by name
    size_t count;
    char *names;                  // the tensors' names, one after another
    size_t names_size;
    json_t *metadata;             // of the first shard, or NULL
};

// Reads a shard's length and header from `bytes`: sets data, data_size and header.
enum lte_status lte_shard_header(const struct lte_context *context, struct lte_shard *shard,
                                 const unsigned char *bytes, size_t size);

// Tensors in a header, and the bytes that their names take.
void lte_shard_measure(const struct lte_shard *shard, size_t *count, size_t *names);

// Fills tensors[0..count) from the header, validating each, and checks that together they cover the
// data without overlap or hole. *names advances past the names copied there.
enum lte_status lte_shard_tensors(const struct lte_context *context, const struct lte_shard *shard,
                                  struct lte_tensor *tensors, char **names);

// Maps the shards that `path` (model.safetensors.index.json in `folder`) names into
// tensors->shards; *map becomes its weight_map, owned by the caller.
enum lte_status lte_index_open(struct lte_tensors *tensors, const char *folder, const char *path,
                               json_t **map);
// Each tensor must lie in the shard that the index says, and all that the index says must be there.
enum lte_status lte_index_check(const struct lte_tensors *tensors, const char *path,
                                const json_t *map);

// Maps a file and reads its header.
enum lte_status lte_shard_open(const struct lte_context *context, const char *path,
                               struct lte_shard *shard);

#endif
