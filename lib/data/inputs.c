// SPDX-License-Identifier: BSD-2-Clause
// The files that a list of files and folders stands for.
#include "config.h"

#include "lib/data/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum lte_status add(struct lte_inputs *found, const char *path)
{
    const char *copy = lte_pool_copy(&found->pool, path, strlen(path));
    return copy ? lte_buffer_append(&found->list, &copy, sizeof copy) : LTE_ERR_MEMORY;
}

static enum lte_status add_folder(struct lte_inputs *found, const char *path);

// An entry of a folder. Neither a file nor a folder: passed over.
static enum lte_status add_entry(struct lte_inputs *found, const char *folder, const char *name)
{
    char *path = lte_pool_alloc(&found->pool, strlen(folder) + strlen(name) + 2, 1);
    struct stat st;
    if (!path)
        return LTE_ERR_MEMORY;
    strcpy(path, folder);
    if (path[0] && path[strlen(path) - 1] != '/')
        strcat(path, "/");
    strcat(path, name);
    if (lstat(path, &st))
        return lte_fail(found->pool.context, LTE_ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return add_folder(found, path);
    if (S_ISLNK(st.st_mode) && (stat(path, &st) || !S_ISREG(st.st_mode)))
        return LTE_OK;
    return S_ISREG(st.st_mode) ? add(found, path) : LTE_OK;
}

static enum lte_status add_folder(struct lte_inputs *found, const char *path)
{
    enum lte_status status = LTE_OK;
    DIR *dir = opendir(path);
    if (!dir)
        return lte_fail(found->pool.context, LTE_ERR_IO, "%s: %s", path, strerror(errno));
    while (status == LTE_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry && errno)
            status = lte_fail(found->pool.context, LTE_ERR_IO, "%s: %s", path, strerror(errno));
        if (!entry)
            break;
        if (entry->d_name[0] != '.')
            status = add_entry(found, path, entry->d_name);
    }
    closedir(dir);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum lte_status add_input(struct lte_inputs *found, const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return lte_fail(found->pool.context, LTE_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return add(found, path);
    const size_t before = lte_inputs_count(found);
    LTE_TRY(add_folder(found, path));
    const size_t added = lte_inputs_count(found) - before;
    if (added)
        qsort(found->list.bytes + before * sizeof(char *), added, sizeof(char *), by_path);
    return LTE_OK;
}

enum lte_status lte_inputs_find(const struct lte_context *context, const char *const *inputs,
                                size_t count, struct lte_inputs *found)
{
    enum lte_status status = LTE_OK;
    *found = (struct lte_inputs){.pool = {.context = context}, .list = {.context = context}};
    for (size_t i = 0; i < count && status == LTE_OK; i++)
        status = inputs[i] ? add_input(found, inputs[i]) : LTE_ERR_ARGUMENT;
    if (status != LTE_OK)
        lte_inputs_free(found);
    return status;
}

size_t lte_inputs_count(const struct lte_inputs *inputs)
{
    return inputs->list.length / sizeof(char *);
}

const char *lte_inputs_path(const struct lte_inputs *inputs, size_t index)
{
    const char *path;
    memcpy(&path, inputs->list.bytes + index * sizeof path, sizeof path);
    return path;
}

void lte_inputs_free(struct lte_inputs *inputs)
{
    if (!inputs->pool.context)
        return;
    lte_buffer_free(&inputs->list);
    lte_pool_free(&inputs->pool);
}
