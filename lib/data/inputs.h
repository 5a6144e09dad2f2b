// SPDX-License-Identifier: BSD-2-Clause
// Text that users name by files and folders: the list of files, and their documents in parts that
// bound the memory of whoever reads them.
#ifndef LTE_LIB_DATA_INPUTS_H
#define LTE_LIB_DATA_INPUTS_H

#include "lib/tokenizer/buffer.h"

// Files in the order of reading.
struct lte_inputs {
    struct lte_pool pool;
    struct lte_buffer list; // of const char *
};

// Every input that is no folder, and every file below one that is, in the order of its path; names
// that begin with a dot are left out, and links to folders are not followed.
enum lte_status lte_inputs_find(const struct lte_context *context, const char *const *inputs,
                                size_t count, struct lte_inputs *found);
size_t lte_inputs_count(const struct lte_inputs *inputs);
const char *lte_inputs_path(const struct lte_inputs *inputs, size_t index);
void lte_inputs_free(struct lte_inputs *inputs); // a zeroed one is allowed

// A part of a document, never empty.
struct lte_part {
    const char *text;
    size_t length;
    bool first, last; // of its document
};
typedef enum lte_status lte_part_fn(void *opaque, const struct lte_part *part);

// Calls `part` for the documents of all inputs, in order. A file is cut into documents at
// `separator` unless that is NULL; empty ones are left out. LTE_ERR_UTF8 names the file and the
// offset.
enum lte_status lte_documents_read(const struct lte_context *context, const char *const *inputs,
                                   size_t count, const char *separator, lte_part_fn *part,
                                   void *opaque);

enum { LTE_PART_BYTES = 4 << 20 };
// Bytes of the first part of a text of `length` bytes when parts have at most `limit` >= 4: all of
// it, or up to the last end of a line, if possible one without other white space around it, or
// else of a character.
size_t lte_part_length(const char *text, size_t length, size_t limit);

#endif
