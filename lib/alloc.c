// SPDX-License-Identifier: BSD-2-Clause
// Allocation through the context's allocator.
#include "config.h"

#include <string.h>

#include "lib/context.h"

enum { ALIGNMENT = 64 };

void *lte_alloc(const struct lte_context *context, size_t size)
{
    const struct lte_allocator *a = &context->allocator;
    return a->alloc(a->opaque, size ? size : 1, ALIGNMENT);
}

void *lte_alloc_zero(const struct lte_context *context, size_t size)
{
    void *p = lte_alloc(context, size);
    if (!p)
        return NULL;
    lte_all_used(context, p, size);
    return memset(p, 0, size);
}

void *lte_alloc_array(const struct lte_context *context, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return lte_alloc_zero(context, count * size);
}

void lte_release(const struct lte_context *context, void *pointer, size_t size)
{
    const struct lte_allocator *a = &context->allocator;
    if (pointer)
        a->free(a->opaque, pointer, size ? size : 1);
}

char *lte_strdup(const struct lte_context *context, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = lte_alloc(context, size);
    return copy ? memcpy(copy, text, size) : NULL;
}
