// SPDX-License-Identifier: BSD-2-Clause
// Files that appear complete or not at all.
#include "config.h"

#include "lib/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum lte_status fail(const struct lte_atomic_file *f, const char *name)
{
    return lte_fail(f->context, LTE_ERR_IO, "%s: %s", name, strerror(errno));
}

static void release(struct lte_atomic_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    lte_release(f->context, f->path, f->names_size);
    f->path = f->temporary = NULL;
}

// Opens "path.tmp-<process>-<n>" for the first n that nobody has.
static int open_temporary(struct lte_atomic_file *f, size_t size)
{
    enum { ATTEMPTS = 1000 };
    for (unsigned n = 0; n < ATTEMPTS; n++) {
        snprintf(f->temporary, size, "%s.tmp-%ld-%u", f->path, (long)getpid(), n);
        const int fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

enum lte_status lte_atomic_begin(const struct lte_context *context, const char *path,
                                 struct lte_atomic_file *file)
{
    enum { SUFFIX = 48 };
    const size_t size = strlen(path) + 1;
    *file = (struct lte_atomic_file){.context = context, .fd = -1};
    file->names_size = 2 * size + SUFFIX;
    file->path = lte_alloc(context, file->names_size);
    if (!file->path)
        return lte_fail_memory(context, "a path", file->names_size);
    memcpy(file->path, path, size);
    file->temporary = file->path + size;
    file->fd = open_temporary(file, size + SUFFIX);
    if (file->fd >= 0)
        return LTE_OK;
    const enum lte_status status = fail(file, file->temporary);
    release(file);
    return status;
}

enum lte_status lte_atomic_put(struct lte_atomic_file *file, const void *bytes, size_t size)
{
    for (const char *p = bytes; size > 0;) {
        const ssize_t n = write(file->fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(file, file->temporary);
        p += n;
        size -= (size_t)n;
    }
    return LTE_OK;
}

// The rename itself is on the disk only when the folder is; some file systems cannot sync a folder,
// and then there is nothing more to be done.
static void sync_folder(const struct lte_atomic_file *f)
{
    char *slash = strrchr(f->temporary, '/');
    if (slash == f->temporary)
        slash++;
    if (slash)
        *slash = '\0';
    const int fd = open(slash ? f->temporary : ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

enum lte_status lte_atomic_finish(struct lte_atomic_file *file)
{
    enum lte_status status = LTE_OK;
    if (fsync(file->fd))
        status = fail(file, file->temporary);
    if (close(file->fd) && status == LTE_OK)
        status = fail(file, file->temporary);
    file->fd = -1;
    if (status == LTE_OK && rename(file->temporary, file->path))
        status = fail(file, file->path);
    if (status == LTE_OK)
        sync_folder(file);
    else
        unlink(file->temporary);
    release(file);
    return status;
}

void lte_atomic_abandon(struct lte_atomic_file *file)
{
    unlink(file->temporary);
    release(file);
}

enum lte_status lte_atomic_write(const struct lte_context *context, const char *path,
                                 const void *bytes, size_t size)
{
    struct lte_atomic_file file;
    LTE_TRY(lte_atomic_begin(context, path, &file));
    const enum lte_status status = lte_atomic_put(&file, bytes, size);
    if (status == LTE_OK)
        return lte_atomic_finish(&file);
    lte_atomic_abandon(&file);
    return status;
}
