// SPDX-License-Identifier: BSD-2-Clause
// Making a model's folder.
#include "config.h"

#include "lib/new_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/atomic_file.h"
#include "lib/file.h"

static void release(const struct lte_context *c, char *path)
{
    lte_release(c, path, path ? strlen(path) + 1 : 0);
}

static enum lte_status refuse(const struct lte_context *c, const char *path)
{
    return lte_path_exists(path)
               ? lte_fail(c, LTE_ERR_IO, "%s: already there; it is not overwritten", path)
               : LTE_OK;
}

enum lte_status lte_new_folder_begin(const struct lte_context *c, const char *folder,
                                     struct lte_new_folder *f)
{
    *f = (struct lte_new_folder){.context = c, .folder = folder};
    char *index = lte_path_join(c, folder, "model.safetensors.index.json");
    f->weights = lte_path_join(c, folder, "model.safetensors");
    enum lte_status status = LTE_OK;
    if (!f->weights || !index)
        status = lte_fail_memory(c, "a path", strlen(folder) + 32);
    if (status == LTE_OK) {
        f->made_folder = mkdir(folder, 0777) == 0;
        if (!f->made_folder && errno != EEXIST)
            status = lte_fail(c, LTE_ERR_IO, "%s: %s", folder, strerror(errno));
    }
    if (status == LTE_OK)
        status = refuse(c, f->weights);
    if (status == LTE_OK)
        status = refuse(c, index);
    release(c, index);
    return status;
}

static enum lte_status check_same(const struct lte_context *c, const char *path, const void *bytes,
                                  size_t size)
{
    struct lte_file there;
    LTE_TRY(lte_file_map(c, path, SIZE_MAX, &there));
    const bool same = there.size == size && memcmp(there.bytes, bytes, size) == 0;
    lte_file_unmap(&there);
    return same ? LTE_OK
                : lte_fail(c, LTE_ERR_IO, "%s: already there and different; it is not overwritten",
                           path);
}

enum lte_status lte_new_folder_put(struct lte_new_folder *f, const char *name, const void *bytes,
                                   size_t size)
{
    char *path = lte_path_join(f->context, f->folder, name);
    enum lte_status status;
    if (!path)
        return lte_fail_memory(f->context, "a path", strlen(f->folder) + strlen(name));
    if (lte_path_exists(path)) {
        status = check_same(f->context, path, bytes, size);
    } else {
        status = lte_atomic_write(f->context, path, bytes, size);
        if (status == LTE_OK && f->files < LTE_NEW_FILES) {
            f->made[f->files++] = path;
            return LTE_OK;
        }
    }
    release(f->context, path);
    return status;
}

enum lte_status lte_new_folder_end(struct lte_new_folder *f, enum lte_status status)
{
    for (size_t i = 0; i < f->files; i++) {
        if (status != LTE_OK)
            unlink(f->made[i]);
        release(f->context, f->made[i]);
    }
    if (status != LTE_OK && f->made_folder)
        rmdir(f->folder);
    release(f->context, f->weights);
    return status;
}
