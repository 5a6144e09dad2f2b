// SPDX-License-Identifier: BSD-2-Clause
// Status codes, element types, the allocator and the log callback: what every other header needs.
#ifndef LTE_BASE_H
#define LTE_BASE_H

#include <stddef.h>
#include <stdint.h>

#include "version.h"

#if defined(__GNUC__)
#define LTE_API __attribute__((visibility("default")))
#else
#define LTE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Every call that can fail returns one of these. The library never prints, exits or aborts: the
// sentence that names the file, the tensor and the value goes to the log callback.
enum lte_status {
    // The call did what it says.
    LTE_OK = 0,
    // An argument is outside what the call documents (a null pointer, a size of zero, a token id
    // outside the vocabulary). Nothing was changed; correct the call and try again.
    LTE_ERR_ARGUMENT = 1,
    // The allocator returned NULL. Whatever the call had allocated has been freed; objects that
    // existed before the call are unchanged and usable.
    LTE_ERR_MEMORY = 2,
    // A file could not be opened, read, mapped or written; the log names it and the system's
    // reason.
    LTE_ERR_IO = 3,
    // A file was read but its contents are damaged or contradict themselves (truncated, lying
    // lengths, overlapping tensors, broken JSON).
    LTE_ERR_FORMAT = 4,
    // A well-formed file asks for something this library does not do (a model type, a config key, a
    // tensor type). The log names it.
    LTE_ERR_UNSUPPORTED = 5,
    // A session whose layers grow with the context has reached the limit fixed when it was made.
    // The session is unchanged: it can be read, reset or freed.
    LTE_ERR_CONTEXT_FULL = 6,
    // Text is not valid UTF-8. The log gives the byte offset.
    LTE_ERR_UTF8 = 7,
    // The output buffer is too small; the size that would do has been stored. Nothing else changed.
    LTE_ERR_SPACE = 8,
    // A device failed or was lost. The process and every other object are unharmed.
    LTE_ERR_DEVICE = 9,
    // The caller's progress callback asked to stop. The object stays usable, in the state that the
    // call's own description gives.
    LTE_ERR_CANCELLED = 10
};

// The name of a status, such as "LTE_ERR_FORMAT", and one sentence about it. Both are constant
// strings, never NULL, also for values outside the enumeration. Thread-safety: Safe.
LTE_API const char *lte_status_name(enum lte_status status);
LTE_API const char *lte_status_text(enum lte_status status);

// "0.1.0", the version of the library that is running. Thread-safety: Safe.
LTE_API const char *lte_version(void);

// Element types. F16 is IEEE binary16; BF16 the upper half of binary32.
enum lte_dtype { LTE_DTYPE_F32 = 0, LTE_DTYPE_BF16 = 1, LTE_DTYPE_F16 = 2 };

// Bytes of one element, 0 for a value outside the enumeration. Thread-safety: Safe.
LTE_API size_t lte_dtype_size(enum lte_dtype dtype);
// "f32", "bf16" or "f16"; "?" otherwise. Thread-safety: Safe.
LTE_API const char *lte_dtype_name(enum lte_dtype dtype);

// Where all memory comes from. `alloc` returns `size` bytes (never 0) at a multiple of `align` (a
// power of two, at most 4096), or NULL; it is not asked for zeroed memory. `free` takes what
// `alloc` returned, never NULL, and the size that was asked for. Both may be called from any thread
// that calls the library, never from the worker threads it starts. `opaque` is handed back
// untouched.
struct lte_allocator {
    void *(*alloc)(void *opaque, size_t size, size_t align);
    void (*free)(void *opaque, void *pointer, size_t size);
    void *opaque;
};

enum lte_log_level { LTE_LOG_ERROR = 0, LTE_LOG_WARNING = 1, LTE_LOG_INFO = 2 };

// Receives one line without a newline. `message` lives until the callback returns. Called on the
// thread that called the library; two threads may be in it at once if two threads use the library.
typedef void lte_log_fn(void *opaque, enum lte_log_level level, const char *message);

#ifdef __cplusplus
}
#endif
#endif
