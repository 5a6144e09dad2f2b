// SPDX-License-Identifier: BSD-2-Clause
// Typed reading of config.json. A key that is read is taken out; what is left at the end is
// unknown.
#ifndef LTE_LIB_MODEL_CONFIG_H
#define LTE_LIB_MODEL_CONFIG_H

#include "lib/json.h"

// One object of the file. Errors stick: the first is logged and kept in *status, and reading on is
// harmless, so that a caller reads everything and looks at the status once.
struct lte_config {
    const struct lte_context *context;
    const char *name;         // of the file
    const char *prefix;       // "", or "attn." for an object inside it
    json_t *keys;             // those not read yet; NULL reads like an empty object
    enum lte_status *status;  // shared by the objects of one file
};

// Begins reading; `keys` and all in it belong to *config until lte_config_end().
void lte_config_open(struct lte_config *config, const struct lte_context *context, const char *name,
                     json_t *keys, enum lte_status *status);
// Ends it: every key must have been read, the first that was not is named (LTE_ERR_UNSUPPORTED).
void lte_config_end(struct lte_config *config);

// Logs "name: prefix+key: message" if nothing went wrong before.
void lte_config_fail(struct lte_config *config, enum lte_status status, const char *key,
                     const char *format, ...) LTE_PRINTF(4, 5);
bool lte_config_ok(const struct lte_config *config);

// A value that must be there and lie in low..high; `low` after a failure.
uint32_t lte_config_u32(struct lte_config *config, const char *key, uint32_t low, uint32_t high);
// The same, `fallback` if the key is absent or null.
uint32_t lte_config_u32_or(struct lte_config *config, const char *key, uint32_t low, uint32_t high,
                           uint32_t fallback);
double lte_config_number(struct lte_config *config, const char *key, double low, double high);
double lte_config_number_or(struct lte_config *config, const char *key, double low, double high,
                            double fallback);
bool lte_config_bool(struct lte_config *config, const char *key);
bool lte_config_bool_or(struct lte_config *config, const char *key, bool fallback);
// The place of the value in `choices` (ended by NULL); another one is LTE_ERR_UNSUPPORTED, with the
// choices in the message. _or: `fallback` if absent or null.
unsigned lte_config_choice(struct lte_config *config, const char *key, const char *const *choices);
unsigned lte_config_choice_or(struct lte_config *config, const char *key,
                              const char *const *choices, unsigned fallback);
// A list of at most `capacity` integers in low..high that must be there; returns how many.
uint32_t lte_config_list(struct lte_config *config, const char *key, uint32_t low, uint32_t high,
                         uint32_t *list, uint32_t capacity);
uint32_t lte_config_numbers(struct lte_config *config, const char *key, double low, double high,
                            double *list, uint32_t capacity);
// A string, or a list of strings brought to one with commas between; `text` is left as it is if the
// key is absent or null. False then, and after a failure.
bool lte_config_text(struct lte_config *config, const char *key, char *text, size_t size);
// Values for the keys that are absent: a JSON object.
void lte_config_defaults(struct lte_config *config, const char *json);
// Reads `old`, if it is there, as `key`; both at once are an error.
void lte_config_rename(struct lte_config *config, const char *old, const char *key);
// Whether the key is there and not null; it stays unread.
bool lte_config_has(const struct lte_config *config, const char *key);
// The object at `key`, empty if absent or null, to be ended like the file. `prefix` is what its
// messages begin keys with.
void lte_config_object(struct lte_config *config, const char *key, const char *prefix,
                       struct lte_config *object);

// Keys that change nothing here, whatever they say, as long as the type is right.
enum lte_config_type { LTE_CONFIG_ANY, LTE_CONFIG_BOOL, LTE_CONFIG_STRING, LTE_CONFIG_INTEGER };
struct lte_config_harmless {
    const char *key; // NULL ends the table
    enum lte_config_type type;
};
void lte_config_ignore(struct lte_config *config, const struct lte_config_harmless *table);

#endif
