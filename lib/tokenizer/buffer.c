// SPDX-License-Identifier: BSD-2-Clause
// Memory of the tokenizer: a growable byte buffer, and a pool whose blocks are freed together.
#include "config.h"

#include "lib/tokenizer/buffer.h"

#include <stddef.h>
#include <string.h>

enum { FIRST_CAPACITY = 256, BLOCK = 64 * 1024 };

enum lte_status lte_buffer_reserve(struct lte_buffer *b, size_t extra)
{
    if (extra <= b->capacity - b->length)
        return LTE_OK;
    if (extra > SIZE_MAX / 4 || b->length > SIZE_MAX / 4)
        return lte_fail_memory(b->context, "text", SIZE_MAX);
    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
    while (capacity - b->length < extra)
        capacity *= 2;
    unsigned char *bytes = lte_alloc(b->context, capacity);
    if (!bytes)
        return lte_fail_memory(b->context, "text", capacity);
    if (b->length)
        memcpy(bytes, b->bytes, b->length);
    lte_release(b->context, b->bytes, b->capacity);
    b->bytes = bytes;
    b->capacity = capacity;
    return LTE_OK;
}

enum lte_status lte_buffer_append(struct lte_buffer *b, const void *bytes, size_t length)
{
    LTE_TRY(lte_buffer_reserve(b, length));
    if (length)
        memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
    return LTE_OK;
}

enum lte_status lte_buffer_text(struct lte_buffer *b, const char *text)
{
    return lte_buffer_append(b, text, strlen(text));
}

void lte_buffer_free(struct lte_buffer *b)
{
    lte_release(b->context, b->bytes, b->capacity);
    *b = (struct lte_buffer){.context = b->context};
}

struct lte_pool_block {
    struct lte_pool_block *next;
    size_t size, used; // bytes, this header included
};

enum { HEADER = (sizeof(struct lte_pool_block) + 15) / 16 * 16 };

static struct lte_pool_block *add_block(struct lte_pool *pool, size_t need)
{
    const size_t size = need > BLOCK / 4 ? need + HEADER : BLOCK;
    struct lte_pool_block *block = lte_alloc(pool->context, size);
    if (!block) {
        lte_fail_memory(pool->context, "the tokenizer", size);
        return NULL;
    }
    *block = (struct lte_pool_block){.next = pool->blocks, .size = size, .used = HEADER};
    pool->blocks = block;
    return block;
}

void *lte_pool_alloc(struct lte_pool *pool, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX / 2) / size) {
        lte_fail_memory(pool->context, "the tokenizer", SIZE_MAX);
        return NULL;
    }
    const size_t need = (count * size + 15) / 16 * 16;
    struct lte_pool_block *block = pool->blocks;
    if (!block || block->size - block->used < need)
        block = add_block(pool, need);
    if (!block)
        return NULL;
    unsigned char *p = (unsigned char *)block + block->used;
    block->used += need;
    return memset(p, 0, need);
}

void *lte_pool_copy(struct lte_pool *pool, const void *bytes, size_t length)
{
    void *copy = lte_pool_alloc(pool, length + 1, 1);
    return copy && length ? memcpy(copy, bytes, length) : copy;
}

void lte_pool_free(struct lte_pool *pool)
{
    while (pool->blocks) {
        struct lte_pool_block *block = pool->blocks;
        pool->blocks = block->next;
        lte_release(pool->context, block, block->size);
    }
}
