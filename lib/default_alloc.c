// SPDX-License-Identifier: BSD-2-Clause
// The allocator of a context that was given none: the C library's, and large pages where they pay.
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/context.h"

enum { LARGE_PAGE = 2 << 20, LARGE_BLOCK = 2 * LARGE_PAGE };

static void *default_alloc(void *opaque, size_t size, size_t align)
{
    void *p = NULL;
    (void)opaque;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (size >= LARGE_BLOCK) // address space, not memory
        align = LARGE_PAGE;
    return posix_memalign(&p, align, size) ? NULL : p;
}

static void default_free(void *opaque, void *pointer, size_t size)
{
    (void)opaque;
    (void)size;
    free(pointer);
}

struct lte_allocator lte_default_allocator(void)
{
    return (struct lte_allocator){.alloc = default_alloc, .free = default_free};
}

void lte_all_used(const struct lte_context *context, void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    if (context->allocator.alloc != default_alloc || size < LARGE_PAGE)
        return; // the caller's memory: how it is mapped is the caller's business
    const size_t skip = (LARGE_PAGE - (uintptr_t)memory % LARGE_PAGE) % LARGE_PAGE;
    if (size - skip >= LARGE_PAGE)
        madvise((char *)memory + skip, (size - skip) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
#else
    (void)context, (void)memory, (void)size;
#endif
}
