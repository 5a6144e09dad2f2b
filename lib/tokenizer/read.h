// SPDX-License-Identifier: BSD-2-Clause
// Reading tokenizer.json: the parts, and the typed access to JSON that they share. `where` names
// the value in messages: the file and the path of keys.
#ifndef LTE_LIB_TOKENIZER_READ_H
#define LTE_LIB_TOKENIZER_READ_H

#include "lib/tokenizer/tokenizer.h"

enum { LTE_WHERE = 256 };

struct lte_where {
    char text[LTE_WHERE];
};
struct lte_where lte_where_key(const char *where, const char *key);
struct lte_where lte_where_index(const char *where, const char *key, size_t index);

// The members of a JSON object, by type. A bool that is absent or null is `fallback`; a text is
// required, not empty unless `may_be_empty`, and copied into the tokenizer's pool.
enum lte_status lte_read_bool(const struct lte_tokenizer *t, const json_t *object, const char *where,
                              const char *key, bool fallback, bool *value);
enum lte_status lte_read_text(struct lte_tokenizer *t, const json_t *object, const char *where,
                              const char *key, bool may_be_empty, struct lte_span *value);
enum lte_status lte_read_count(const struct lte_tokenizer *t, const json_t *object,
                               const char *where, const char *key, size_t *value);
enum lte_status lte_read_array(const struct lte_tokenizer *t, const json_t *object,
                               const char *where, const char *key, const json_t **value);
// The "type" of a component.
enum lte_status lte_read_type(const struct lte_tokenizer *t, const json_t *object, const char *where,
                              const char **type);
// "pattern": {"String": ...} or {"Regex": ...}; the text of a String also in *literal if not NULL.
enum lte_status lte_read_pattern(struct lte_tokenizer *t, const json_t *object, const char *where,
                                 const struct lte_regex **regex);
enum lte_status lte_read_unsupported(const struct lte_tokenizer *t, const char *where,
                                     const char *type);
// Copies a JSON string into the pool.
enum lte_status lte_read_copy(struct lte_tokenizer *t, const json_t *string, struct lte_span *value);

// The parts. Each fills its fields of the tokenizer.
enum lte_status lte_read_model(struct lte_tokenizer *t, const char *name, const json_t *root);
enum lte_status lte_read_added(struct lte_tokenizer *t, const char *where, const json_t *array);
enum lte_status lte_read_normalizer(struct lte_tokenizer *t, const char *where, const json_t *value);
enum lte_status lte_read_pretokenizer(struct lte_tokenizer *t, const char *where,
                                      const json_t *value);
enum lte_status lte_read_template(struct lte_tokenizer *t, const char *where, const json_t *value);
enum lte_status lte_read_decoder(struct lte_tokenizer *t, const char *where, const json_t *value);

#endif
