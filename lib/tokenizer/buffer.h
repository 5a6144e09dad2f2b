// SPDX-License-Identifier: BSD-2-Clause
// Memory of the tokenizer: a growable byte buffer, and a pool whose blocks are freed together.
#ifndef LTE_LIB_TOKENIZER_BUFFER_H
#define LTE_LIB_TOKENIZER_BUFFER_H

#include "lib/context.h"

struct lte_buffer {
    const struct lte_context *context;
    unsigned char *bytes;
    size_t length, capacity;
};

// Makes room for `extra` bytes after the length.
enum lte_status lte_buffer_reserve(struct lte_buffer *buffer, size_t extra);
enum lte_status lte_buffer_append(struct lte_buffer *buffer, const void *bytes, size_t length);
enum lte_status lte_buffer_text(struct lte_buffer *buffer, const char *text);
void lte_buffer_free(struct lte_buffer *buffer);

// What a loaded tokenizer owns comes from one pool, so a load that fails halfway has one thing to
// undo.
struct lte_pool {
    const struct lte_context *context;
    struct lte_pool_block *blocks;
};

void *lte_pool_alloc(struct lte_pool *pool, size_t count, size_t size); // zeroed; NULL: logged
void *lte_pool_copy(struct lte_pool *pool, const void *bytes, size_t length);
void lte_pool_free(struct lte_pool *pool);

#endif
