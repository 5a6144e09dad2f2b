// SPDX-License-Identifier: BSD-2-Clause
// Small files in the user's cache folder: what takes long to find out and may be lost at any time.
// A failure is never more than a miss, and says nothing.
#ifndef LTE_LIB_CACHE_H
#define LTE_LIB_CACHE_H

#include "lib/context.h"

// FNV-1a over bytes; begin with LTE_HASH.
#define LTE_HASH UINT64_C(0xCBF29CE484222325)
uint64_t lte_hash(uint64_t hash, const void *bytes, size_t size);

// The contents of the file NAME-KEY, allocated; NULL: a miss. The caller releases `*size` bytes.
void *lte_cache_get(const struct lte_context *context, const char *name, uint64_t key, size_t *size);
void lte_cache_put(const struct lte_context *context, const char *name, uint64_t key,
                   const void *bytes, size_t size);

#endif
