// SPDX-License-Identifier: BSD-2-Clause
// The floor: what a context holds, allocation and logging through it.
#ifndef LTE_LIB_CONTEXT_H
#define LTE_LIB_CONTEXT_H

#include <stdarg.h>
#include <stdbool.h>

#include "lte/context.h"
#include "simd/table.h"

struct lte_backend_ops;
struct lte_backend_device;

struct lte_context {
    struct lte_allocator allocator;
    lte_log_fn *log;
    void *log_opaque;
    unsigned threads;
    struct lte_par *par; // the team of threads, lib/par.h
    struct lte_kernels kernels;
    const struct lte_backend_ops *backend;
    struct lte_backend_device *device; // NULL: everything runs on the CPU
    bool automatic;      // the device is used for those models that it is faster for
};

// Memory from the context's allocator, aligned to 64 bytes; NULL when there is none. Size 0 is
// treated as 1. lte_alloc_array fails on overflow of count*size. A caller keeps the size for
// lte_release(), which accepts NULL.
void *lte_alloc(const struct lte_context *context, size_t size);
void *lte_alloc_zero(const struct lte_context *context, size_t size);
void *lte_alloc_array(const struct lte_context *context, size_t count, size_t size); // zeroed
void lte_release(const struct lte_context *context, void *pointer, size_t size);
// Says that all of a block's part is going to be used: it may then lie in large pages, of which one
// is resident as a whole as soon as a byte of it is touched. Memory of a caller's allocator stays
// as it is.
void lte_all_used(const struct lte_context *context, void *memory, size_t size);
struct lte_allocator lte_default_allocator(void);
char *lte_strdup(const struct lte_context *context, const char *text); // release: strlen + 1

#if defined(__GNUC__)
#define LTE_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define LTE_PRINTF(fmt, first)
#endif

void lte_log(const struct lte_context *context, enum lte_log_level level, const char *format, ...)
    LTE_PRINTF(3, 4);
// Logs an error and returns `status`: return lte_fail(context, LTE_ERR_FORMAT, "%s: ...", path);
enum lte_status lte_fail(const struct lte_context *context, enum lte_status status,
                         const char *format, ...) LTE_PRINTF(3, 4);
// The message for an allocation that failed; returns LTE_ERR_MEMORY.
enum lte_status lte_fail_memory(const struct lte_context *context, const char *what, size_t size);

// Returns from the calling function unless the expression is LTE_OK; for code with nothing to undo.
#define LTE_TRY(expression)                        \
    do {                                           \
        const enum lte_status status_ = (expression); \
        if (status_ != LTE_OK)                     \
            return status_;                        \
    } while (0)

#endif
