// SPDX-License-Identifier: BSD-2-Clause
// Mapping files, and the few questions asked of paths.
#include "config.h"

#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum lte_status map(const struct lte_context *c, const char *path, int fd, size_t limit,
                           struct lte_file *file)
{
    struct stat st;
    if (fstat(fd, &st))
        return lte_fail(c, LTE_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return lte_fail(c, LTE_ERR_IO, "%s: not a regular file", path);
    if ((uintmax_t)st.st_size > limit)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: %ju bytes, the limit is %zu", path,
                        (uintmax_t)st.st_size, limit);
    if (st.st_size == 0) { // mmap() refuses a length of zero
        *file = (struct lte_file){(const unsigned char *)"", 0};
        return LTE_OK;
    }
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return lte_fail(c, errno == ENOMEM ? LTE_ERR_MEMORY : LTE_ERR_IO, "%s: mmap: %s", path,
                        strerror(errno));
    *file = (struct lte_file){p, (size_t)st.st_size};
    return LTE_OK;
}

enum lte_status lte_file_map(const struct lte_context *context, const char *path, size_t limit,
                             struct lte_file *file)
{
    *file = (struct lte_file){NULL, 0};
    // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return lte_fail(context, LTE_ERR_IO, "%s: %s", path, strerror(errno));
    const enum lte_status status = map(context, path, fd, limit, file);
    close(fd);
    return status;
}

void lte_file_unmap(struct lte_file *file)
{
    if (file->size)
        munmap((void *)(uintptr_t)file->bytes, file->size);
    *file = (struct lte_file){NULL, 0};
}

char *lte_path_join(const struct lte_context *context, const char *folder, const char *name)
{
    const size_t a = strlen(folder), b = strlen(name);
    char *path = lte_alloc(context, a + b + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b + 1);
    return path;
}

bool lte_path_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
