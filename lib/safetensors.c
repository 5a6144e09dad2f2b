// SPDX-License-Identifier: BSD-2-Clause
// Opening a checkpoint's tensors and finding them by name.
#include "config.h"

#include "lib/safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/safetensors_parse.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lte_tensor *)a)->name, ((const struct lte_tensor *)b)->name);
}

// Takes the tensors out of the shards' headers.
static enum lte_status collect(struct lte_tensors *t)
{
    const struct lte_context *c = t->context;
    for (size_t i = 0; i < t->shard_count; i++)
        lte_shard_measure(&t->shards[i], &t->count, &t->names_size);
    t->tensors = lte_alloc_array(c, t->count, sizeof *t->tensors);
    t->names = lte_alloc(c, t->names_size);
    if (!t->tensors || !t->names)
        return lte_fail_memory(c, "the tensor table",
                               t->count * sizeof *t->tensors + t->names_size);
    char *names = t->names;
    size_t done = 0;
    for (size_t i = 0; i < t->shard_count; i++) {
        struct lte_shard *shard = &t->shards[i];
        size_t count = 0, size = 0;
        lte_shard_measure(shard, &count, &size);
        LTE_TRY(lte_shard_tensors(c, shard, t->tensors + done, &names));
        done += count;
        if (i == 0)
            t->metadata = json_incref(json_object_get(shard->header, "__metadata__"));
        json_decref(shard->header);
        shard->header = NULL;
    }
    qsort(t->tensors, t->count, sizeof *t->tensors, by_name);
    for (size_t i = 1; i < t->count; i++)
        if (by_name(&t->tensors[i - 1], &t->tensors[i]) == 0)
            return lte_fail(c, LTE_ERR_FORMAT, "%s: tensor \"%.200s\" is also in %s",
                            t->tensors[i].file, t->tensors[i].name, t->tensors[i - 1].file);
    return LTE_OK;
}

enum lte_status lte_shard_open(const struct lte_context *context, const char *path,
                               struct lte_shard *shard)
{
    shard->path = lte_strdup(context, path);
    if (!shard->path)
        return lte_fail_memory(context, "a path", strlen(path) + 1);
    LTE_TRY(lte_file_map(context, path, SIZE_MAX, &shard->map));
    return lte_shard_header(context, shard, shard->map.bytes, shard->map.size);
}

static enum lte_status one_shard(struct lte_tensors *t)
{
    t->shards = lte_alloc_zero(t->context, sizeof *t->shards);
    if (!t->shards)
        return lte_fail_memory(t->context, "the shard table", sizeof *t->shards);
    t->shard_count = 1;
    return LTE_OK;
}

static enum lte_status open_file(struct lte_tensors *t, const char *path)
{
    LTE_TRY(one_shard(t));
    LTE_TRY(lte_shard_open(t->context, path, &t->shards[0]));
    return collect(t);
}

static enum lte_status open_index(struct lte_tensors *t, const char *folder, const char *path)
{
    json_t *map;
    LTE_TRY(lte_index_open(t, folder, path, &map));
    enum lte_status status = collect(t);
    if (status == LTE_OK)
        status = lte_index_check(t, path, map);
    json_decref(map);
    return status;
}

static enum lte_status open_folder(struct lte_tensors *t, const char *folder)
{
    const struct lte_context *c = t->context;
    char *single = lte_path_join(c, folder, "model.safetensors");
    char *index = lte_path_join(c, folder, "model.safetensors.index.json");
    enum lte_status status;
    if (!single || !index)
        status = lte_fail_memory(c, "a path", strlen(folder) + 32);
    else if (!lte_path_exists(single) && lte_path_exists(index))
        status = open_index(t, folder, index);
    else
        status = open_file(t, single);
    lte_release(c, single, single ? strlen(single) + 1 : 0);
    lte_release(c, index, index ? strlen(index) + 1 : 0);
    return status;
}

static struct lte_tensors *new_tensors(const struct lte_context *c)
{
    struct lte_tensors *t = lte_alloc_zero(c, sizeof *t);
    if (t)
        t->context = c;
    else
        lte_fail_memory(c, "the tensor table", sizeof *t);
    return t;
}

static enum lte_status hand_over(struct lte_tensors *t, enum lte_status status,
                                 struct lte_tensors **out)
{
    if (status == LTE_OK)
        *out = t;
    else
        lte_tensors_close(t);
    return status;
}

enum lte_status lte_tensors_open(const struct lte_context *context, const char *path,
                                 struct lte_tensors **tensors)
{
    *tensors = NULL;
    struct lte_tensors *t = new_tensors(context);
    if (!t)
        return LTE_ERR_MEMORY;
    struct stat st;
    const bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return hand_over(t, folder ? open_folder(t, path) : open_file(t, path), tensors);
}

static enum lte_status open_memory(struct lte_tensors *t, const void *bytes, size_t size,
                                   const char *name)
{
    LTE_TRY(one_shard(t));
    t->shards[0].path = lte_strdup(t->context, name);
    if (!t->shards[0].path)
        return lte_fail_memory(t->context, "a path", strlen(name) + 1);
    LTE_TRY(lte_shard_header(t->context, &t->shards[0], bytes, size));
    return collect(t);
}

enum lte_status lte_tensors_from_memory(const struct lte_context *context, const void *bytes,
                                        size_t size, const char *name,
                                        struct lte_tensors **tensors)
{
    *tensors = NULL;
    struct lte_tensors *t = new_tensors(context);
    if (!t)
        return LTE_ERR_MEMORY;
    return hand_over(t, open_memory(t, bytes, size, name), tensors);
}

void lte_tensors_close(struct lte_tensors *tensors)
{
    if (!tensors)
        return;
    const struct lte_context *c = tensors->context;
    for (size_t i = 0; i < tensors->shard_count; i++) {
        struct lte_shard *shard = &tensors->shards[i];
        json_decref(shard->header);
        lte_file_unmap(&shard->map);
        lte_release(c, shard->path, shard->path ? strlen(shard->path) + 1 : 0);
    }
    json_decref(tensors->metadata);
    lte_release(c, tensors->shards, tensors->shard_count * sizeof *tensors->shards);
    lte_release(c, tensors->tensors, tensors->count * sizeof *tensors->tensors);
    lte_release(c, tensors->names, tensors->names_size);
    lte_release(c, tensors, sizeof *tensors);
}

size_t lte_tensors_count(const struct lte_tensors *tensors)
{
    return tensors->count;
}

const struct lte_tensor *lte_tensors_at(const struct lte_tensors *tensors, size_t index)
{
    return &tensors->tensors[index];
}

const struct lte_tensor *lte_tensors_find(const struct lte_tensors *tensors, const char *name)
{
    const struct lte_tensor key = {.name = name};
    return bsearch(&key, tensors->tensors, tensors->count, sizeof key, by_name);
}

const char *lte_tensors_metadata(const struct lte_tensors *tensors, const char *key)
{
    return json_string_value(json_object_get(tensors->metadata, key));
}
