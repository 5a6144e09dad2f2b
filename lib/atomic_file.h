// SPDX-License-Identifier: BSD-2-Clause
// A file that appears complete or not at all: written under another name, synced, then renamed.
#ifndef LTE_LIB_ATOMIC_FILE_H
#define LTE_LIB_ATOMIC_FILE_H

#include "lib/context.h"

struct lte_atomic_file {
    const struct lte_context *context;
    char *path, *temporary;   // in one allocation
    size_t names_size;
    int fd;
};

// LTE_OK, LTE_ERR_MEMORY, LTE_ERR_IO. After a failure there is nothing to end.
enum lte_status lte_atomic_begin(const struct lte_context *context, const char *path,
                                 struct lte_atomic_file *file);
enum lte_status lte_atomic_put(struct lte_atomic_file *file, const void *bytes, size_t size);
// Gives it its name, replacing what had it. After a failure nothing is left behind.
enum lte_status lte_atomic_finish(struct lte_atomic_file *file);
void lte_atomic_abandon(struct lte_atomic_file *file);

// A whole small file at once.
enum lte_status lte_atomic_write(const struct lte_context *context, const char *path,
                                 const void *bytes, size_t size);

#endif
