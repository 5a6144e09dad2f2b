// SPDX-License-Identifier: BSD-2-Clause
// Files mapped read-only.
#ifndef LTE_LIB_FILE_H
#define LTE_LIB_FILE_H

#include "lib/context.h"

// bytes[0..size) is the whole file. An empty file has size 0 and a non-NULL `bytes`.
struct lte_file {
    const unsigned char *bytes;
    size_t size;
};

// Maps a regular file of at most `limit` bytes. On failure *file is all zero.
// LTE_OK, LTE_ERR_IO (cannot be opened, not a regular file), LTE_ERR_FORMAT (longer than `limit`),
// LTE_ERR_MEMORY (no address space).
enum lte_status lte_file_map(const struct lte_context *context, const char *path, size_t limit,
                             struct lte_file *file);
void lte_file_unmap(struct lte_file *file); // a zeroed one is allowed

// "folder/name" in the context's memory (release: strlen + 1); NULL when there is none.
char *lte_path_join(const struct lte_context *context, const char *folder, const char *name);
// Whether something exists at `path`.
bool lte_path_exists(const char *path);

#endif
