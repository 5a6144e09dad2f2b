// SPDX-License-Identifier: BSD-2-Clause
// A context whose allocations are counted and can be made to fail, whose log is kept, and a folder
// of its own for files: what tests of the library's edges need.
#ifndef LTE_TESTS_FIXTURE_H
#define LTE_TESTS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "lte/context.h"

struct fixture {
    struct lte_context *context;
    size_t live, live_bytes;  // allocations not yet freed; the context's own are among them
    size_t calls;             // allocations asked for
    size_t fail_at;           // the allocation with this number, from 1, fails; 0: none does
    bool mismatched;          // a size was freed that is not the size allocated
    char log[4096];           // all messages since fixture_clear(), each ended by a newline
    char folder[64];          // made on demand by fixture_path()
};

void fixture_open(struct fixture *f);
// Frees the context, removes the folder. True if every allocation was freed with its own size.
bool fixture_close(struct fixture *f);
// Forgets the log, restarts the count of calls.
void fixture_clear(struct fixture *f);
// Whether the log has every one of the texts (ended by NULL); prints the log if not.
bool fixture_said(const struct fixture *f, ...);

// Something that needs memory. It frees what it made, and returns what the library said.
typedef enum lte_status fixture_call(struct fixture *f, void *opaque);
// Makes the call with its first allocation failing, then its second, and so on until none fails.
// True if there were at least `least` of them, every failure was reported as LTE_ERR_MEMORY and
// left nothing allocated, and the call succeeded in the end.
bool fixture_starve(struct fixture *f, fixture_call *call, void *opaque, size_t least);
// For a call that can do without some of its memory, as PCRE2 without its JIT: a success in spite
// of the failure counts as LTE_ERR_MEMORY.
enum lte_status fixture_spared(const struct fixture *f, enum lte_status status);

// "<folder>/<name>"; four results are kept at a time.
const char *fixture_path(struct fixture *f, const char *name);
void fixture_write(struct fixture *f, const char *name, const void *bytes, size_t size);
// A file of the source tree ($top_srcdir, or the current folder): its path, kept like
// fixture_path().
const char *fixture_source(const char *name);
// A whole file in malloc()ed memory; NULL if it cannot be read.
void *fixture_read(const char *path, size_t *size);

#endif
