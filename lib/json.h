// SPDX-License-Identifier: BSD-2-Clause
// JSON from files that nobody vouches for: jansson behind limits.
#ifndef LTE_LIB_JSON_H
#define LTE_LIB_JSON_H

#include <jansson.h>

#include "lib/context.h"

enum { LTE_JSON_DEPTH = 32 }; // nesting of arrays and objects

// Parses `size` bytes, which must be one JSON object: UTF-8, no name twice in one object, nesting
// of at most LTE_JSON_DEPTH. `name` begins the message, followed by line and column. jansson's own
// memory comes from malloc(), not from the context. On success the caller owns *object
// (json_decref()); on failure it is NULL. LTE_OK, LTE_ERR_FORMAT, LTE_ERR_MEMORY.
enum lte_status lte_json_parse(const struct lte_context *context, const char *name,
                               const void *bytes, size_t size, json_t **object);

// The same for a file of at most `limit` bytes; also LTE_ERR_IO.
enum lte_status lte_json_load(const struct lte_context *context, const char *path, size_t limit,
                              json_t **object);

#endif
