// SPDX-License-Identifier: BSD-2-Clause
// Sharded checkpoints: model.safetensors.index.json says which tensor lies in which file.
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/safetensors_parse.h"

enum { MAX_INDEX = 100000000, MAX_SHARDS = 4096 };

// A shard lies beside its index: an index must not make the library read another place.
static bool plain_name(const char *name)
{
    return *name && !strchr(name, '/') && !strchr(name, '\\') && !strstr(name, "..");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum lte_status check_entry(const struct lte_context *c, const char *path,
                                   const char *tensor, const json_t *value)
{
    const char *name = json_string_value(value);
    if (!name)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: weight_map \"%.200s\" is not a string", path,
                        tensor);
    if (!plain_name(name))
        return lte_fail(c, LTE_ERR_FORMAT,
                        "%s: weight_map \"%.200s\": \"%.200s\" is not a file name in this folder",
                        path, tensor, name);
    return LTE_OK;
}

// The different file names of the map, sorted, in list[0..*count).
static void distinct(const json_t *map, const char **list, size_t *count)
{
    const char *key;
    json_t *value;
    size_t n = 0, kept = 0;
    json_object_foreach ((json_t *)(uintptr_t)map, key, value)
        list[n++] = json_string_value(value);
    qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(list[i], list[kept - 1]))
            list[kept++] = list[i];
    *count = kept;
}

static enum lte_status open_shards(struct lte_tensors *t, const char *folder, const char *path,
                                   const char **list, size_t count)
{
    const struct lte_context *c = t->context;
    if (count == 0 || count > MAX_SHARDS)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: weight_map names %zu files", path, count);
    t->shards = lte_alloc_array(c, count, sizeof *t->shards);
    if (!t->shards)
        return lte_fail_memory(c, "the shard table", count * sizeof *t->shards);
    t->shard_count = count;
    for (size_t i = 0; i < count; i++) {
        char *file = lte_path_join(c, folder, list[i]);
        if (!file)
            return lte_fail_memory(c, "a path", strlen(folder) + strlen(list[i]) + 2);
        const enum lte_status status = lte_shard_open(c, file, &t->shards[i]);
        lte_release(c, file, strlen(file) + 1);
        LTE_TRY(status);
    }
    return LTE_OK;
}

static enum lte_status open_map(struct lte_tensors *t, const char *folder, const char *path,
                                json_t *map)
{
    const struct lte_context *c = t->context;
    const char *key;
    json_t *value;
    json_object_foreach (map, key, value)
        LTE_TRY(check_entry(c, path, key, value));
    const size_t entries = json_object_size(map);
    const char **list = lte_alloc_array(c, entries, sizeof *list);
    if (!list)
        return lte_fail_memory(c, "the shard names", entries * sizeof *list);
    size_t count;
    distinct(map, list, &count);
    const enum lte_status status = open_shards(t, folder, path, list, count);
    lte_release(c, list, entries * sizeof *list);
    return status;
}

enum lte_status lte_index_open(struct lte_tensors *tensors, const char *folder, const char *path,
                               json_t **map)
{
    json_t *index;
    *map = NULL;
    LTE_TRY(lte_json_load(tensors->context, path, MAX_INDEX, &index));
    json_t *weight_map = json_object_get(index, "weight_map");
    enum lte_status status = LTE_ERR_FORMAT;
    if (json_is_object(weight_map))
        status = open_map(tensors, folder, path, weight_map);
    else
        lte_log(tensors->context, LTE_LOG_ERROR, "%s: weight_map is not an object", path);
    if (status == LTE_OK)
        *map = json_incref(weight_map);
    json_decref(index);
    return status;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

enum lte_status lte_index_check(const struct lte_tensors *tensors, const char *path,
                                const json_t *map)
{
    const struct lte_context *c = tensors->context;
    for (size_t i = 0; i < tensors->count; i++) {
        const struct lte_tensor *t = &tensors->tensors[i];
        const char *said = json_string_value(json_object_get(map, t->name));
        if (!said)
            return lte_fail(c, LTE_ERR_FORMAT, "%s: tensor \"%.200s\" of %s is not in weight_map",
                            path, t->name, t->file);
        if (strcmp(said, base_name(t->file)))
            return lte_fail(c, LTE_ERR_FORMAT, "%s: tensor \"%.200s\" lies in %s, not in %s", path,
                            t->name, t->file, said);
    }
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)map, key, value)
        if (!lte_tensors_find(tensors, key))
            return lte_fail(c, LTE_ERR_FORMAT, "%s: tensor \"%.200s\" is not in %s", path, key,
                            json_string_value(value));
    return LTE_OK;
}
