// SPDX-License-Identifier: BSD-2-Clause
// The folder of a new model: made if need be, never written over, taken back when something fails.
#ifndef LTE_LIB_NEW_FOLDER_H
#define LTE_LIB_NEW_FOLDER_H

#include "lib/context.h"

enum { LTE_NEW_FILES = 4 };

struct lte_new_folder {
    const struct lte_context *context;
    const char *folder;
    char *weights;                   // path of its model.safetensors, to be written last
    char *made[LTE_NEW_FILES];       // paths of the files that are new
    size_t files;
    bool made_folder;
};

// Makes the folder, unless it is there and holds no model. `folder` must outlive *f, which is ended
// by lte_new_folder_end() also after a failure.
enum lte_status lte_new_folder_begin(const struct lte_context *context, const char *folder,
                                     struct lte_new_folder *f);
// Writes a small file, atomically. One that says the same to the byte may be there already.
enum lte_status lte_new_folder_put(struct lte_new_folder *f, const char *name, const void *bytes,
                                   size_t size);
// `status` other than LTE_OK: what was made is taken back. Returns it.
enum lte_status lte_new_folder_end(struct lte_new_folder *f, enum lte_status status);

#endif
