// SPDX-License-Identifier: BSD-2-Clause
// The typed reader of config.json.
#include "config.h"

#include "lib/model_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void lte_config_open(struct lte_config *config, const struct lte_context *context, const char *name,
                     json_t *keys, enum lte_status *status)
{
    *config = (struct lte_config){context, name, "", keys, status};
    *status = LTE_OK;
}

void lte_config_fail(struct lte_config *config, enum lte_status status, const char *key,
                     const char *format, ...)
{
    char what[512];
    va_list args;
    if (!lte_config_ok(config))
        return;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    *config->status = lte_fail(config->context, status, "%s: %s%.200s: %s", config->name,
                               config->prefix, key, what);
}

bool lte_config_ok(const struct lte_config *config)
{
    return *config->status == LTE_OK;
}

bool lte_config_has(const struct lte_config *config, const char *key)
{
    const json_t *value = json_object_get(config->keys, key);
    return value && !json_is_null(value);
}

// Takes the key out. The caller owns the value; NULL if it is absent or null.
static json_t *take(struct lte_config *config, const char *key)
{
    json_t *value = json_incref(json_object_get(config->keys, key));
    if (value)
        json_object_del(config->keys, key);
    if (json_is_null(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

// Whether the key has a value to be read; a null is taken out.
static bool given(struct lte_config *config, const char *key)
{
    if (lte_config_has(config, key))
        return true;
    json_object_del(config->keys, key);
    return false;
}

static json_t *take_mandatory(struct lte_config *config, const char *key)
{
    json_t *value = take(config, key);
    if (!value)
        lte_config_fail(config, LTE_ERR_FORMAT, key, "is missing");
    return value;
}

// A value as text for a message; it says something for every type.
static const char *show(const json_t *value, char *text, size_t size)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        snprintf(text, size, "\"%.80s\"", json_string_value(value));
        break;
    case JSON_INTEGER:
        snprintf(text, size, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(text, size, "%g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(text, size, "%s", json_is_true(value) ? "true" : "false");
        break;
    default:
        snprintf(text, size, "%s",
                 json_is_array(value)    ? "a list"
                 : json_is_object(value) ? "an object"
                                         : "null");
    }
    return text;
}

static uint32_t as_u32(struct lte_config *config, const char *key, const json_t *value,
                       uint32_t low, uint32_t high)
{
    char text[100];
    const json_int_t n = json_integer_value(value);
    if (json_is_integer(value) && n >= (json_int_t)low && n <= (json_int_t)high)
        return (uint32_t)n;
    lte_config_fail(config, LTE_ERR_FORMAT, key, "is %s, must be an integer from %u to %u",
                    show(value, text, sizeof text), (unsigned)low, (unsigned)high);
    return low;
}

// What the transformers library writes for a number that JSON has no word for.
static bool is_infinity(const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, "__float__"));
    return text && strcmp(text, "Infinity") == 0;
}

static double as_number(struct lte_config *config, const char *key, const json_t *value, double low,
                        double high)
{
    char text[100];
    const double x = is_infinity(value) ? INFINITY : json_number_value(value);
    if ((json_is_number(value) || is_infinity(value)) && x >= low && x <= high)
        return x;
    lte_config_fail(config, LTE_ERR_FORMAT, key, "is %s, must be a number from %g to %g",
                    show(value, text, sizeof text), low, high);
    return low;
}

static bool as_bool(struct lte_config *config, const char *key, const json_t *value)
{
    char text[100];
    if (!json_is_boolean(value))
        lte_config_fail(config, LTE_ERR_FORMAT, key, "is %s, must be true or false",
                        show(value, text, sizeof text));
    return json_is_true(value);
}

static unsigned as_choice(struct lte_config *config, const char *key, const json_t *value,
                          const char *const *choices)
{
    char text[100], list[256] = "";
    for (unsigned i = 0; choices[i]; i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), choices[i]) == 0)
            return i;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s\"%s\"", i ? ", " : "", choices[i]);
    }
    lte_config_fail(config, LTE_ERR_UNSUPPORTED, key, "is %s; known here: %s",
                    show(value, text, sizeof text), list);
    return 0;
}

uint32_t lte_config_u32(struct lte_config *config, const char *key, uint32_t low, uint32_t high)
{
    json_t *value = take_mandatory(config, key);
    const uint32_t n = value ? as_u32(config, key, value, low, high) : low;
    json_decref(value);
    return n;
}

uint32_t lte_config_u32_or(struct lte_config *config, const char *key, uint32_t low, uint32_t high,
                           uint32_t fallback)
{
    return given(config, key) ? lte_config_u32(config, key, low, high) : fallback;
}

double lte_config_number(struct lte_config *config, const char *key, double low, double high)
{
    json_t *value = take_mandatory(config, key);
    const double x = value ? as_number(config, key, value, low, high) : low;
    json_decref(value);
    return x;
}

double lte_config_number_or(struct lte_config *config, const char *key, double low, double high,
                            double fallback)
{
    return given(config, key) ? lte_config_number(config, key, low, high) : fallback;
}

bool lte_config_bool(struct lte_config *config, const char *key)
{
    json_t *value = take_mandatory(config, key);
    const bool set = value && as_bool(config, key, value);
    json_decref(value);
    return set;
}

bool lte_config_bool_or(struct lte_config *config, const char *key, bool fallback)
{
    return given(config, key) ? lte_config_bool(config, key) : fallback;
}

unsigned lte_config_choice(struct lte_config *config, const char *key, const char *const *choices)
{
    json_t *value = take_mandatory(config, key);
    const unsigned i = value ? as_choice(config, key, value, choices) : 0;
    json_decref(value);
    return i;
}

unsigned lte_config_choice_or(struct lte_config *config, const char *key,
                              const char *const *choices, unsigned fallback)
{
    return given(config, key) ? lte_config_choice(config, key, choices) : fallback;
}

// Takes a list and its length, 0 after a failure. The caller owns it.
static json_t *take_list(struct lte_config *config, const char *key, uint32_t capacity,
                         uint32_t *count)
{
    json_t *list = take_mandatory(config, key);
    const size_t size = json_array_size(list);
    *count = size <= capacity ? (uint32_t)size : 0;
    if (list && !json_is_array(list))
        lte_config_fail(config, LTE_ERR_FORMAT, key, "must be a list");
    else if (size > capacity)
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, key,
                        "has %zu entries, at most %u are supported", size, (unsigned)capacity);
    return list;
}

uint32_t lte_config_list(struct lte_config *config, const char *key, uint32_t low, uint32_t high,
                         uint32_t *list, uint32_t capacity)
{
    uint32_t count;
    json_t *value = take_list(config, key, capacity, &count);
    for (uint32_t i = 0; i < count; i++)
        list[i] = as_u32(config, key, json_array_get(value, i), low, high);
    json_decref(value);
    return count;
}

uint32_t lte_config_numbers(struct lte_config *config, const char *key, double low, double high,
                            double *list, uint32_t capacity)
{
    uint32_t count;
    json_t *value = take_list(config, key, capacity, &count);
    for (uint32_t i = 0; i < count; i++)
        list[i] = as_number(config, key, json_array_get(value, i), low, high);
    json_decref(value);
    return count;
}

// Adds a piece to text, after a comma if there is one before; false if it is too long.
static bool append(char *text, size_t size, const char *piece)
{
    const size_t used = strlen(text);
    const int n = snprintf(text + used, size - used, "%s%s", used ? "," : "", piece);
    return n >= 0 && (size_t)n < size - used;
}

bool lte_config_text(struct lte_config *config, const char *key, char *text, size_t size)
{
    json_t *value = take(config, key);
    bool good = json_is_string(value) || json_is_array(value), fits = true;
    if (!value)
        return false;
    text[0] = '\0';
    if (json_is_string(value))
        fits = append(text, size, json_string_value(value));
    for (size_t i = 0; good && i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        good = json_is_string(item);
        fits = fits && good && append(text, size, json_string_value(item));
    }
    if (!good)
        lte_config_fail(config, LTE_ERR_FORMAT, key, "must be a string or a list of strings");
    else if (!fits)
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, key, "is longer than %zu characters", size - 1);
    json_decref(value);
    return good && fits;
}

void lte_config_defaults(struct lte_config *config, const char *json)
{
    if (!lte_config_ok(config))
        return;
    json_t *defaults = json_loads(json, 0, NULL);
    if (!config->keys)
        config->keys = json_object();
    if (!defaults || !config->keys || json_object_update_missing(config->keys, defaults))
        *config->status = lte_fail_memory(config->context, "the config", strlen(json));
    json_decref(defaults);
}

void lte_config_rename(struct lte_config *config, const char *old, const char *key)
{
    json_t *value = json_object_get(config->keys, old);
    if (!value || !lte_config_ok(config))
        return;
    if (json_object_get(config->keys, key))
        lte_config_fail(config, LTE_ERR_FORMAT, old, "is another name of %s, which is there too", key);
    else if (json_object_set(config->keys, key, value))
        *config->status = lte_fail_memory(config->context, "the config", strlen(key));
    json_object_del(config->keys, old);
}

void lte_config_object(struct lte_config *config, const char *key, const char *prefix,
                       struct lte_config *object)
{
    *object = *config;
    object->prefix = prefix;
    object->keys = take(config, key);
    if (object->keys && !json_is_object(object->keys))
        lte_config_fail(config, LTE_ERR_FORMAT, key, "must be an object");
}

static bool has_type(const json_t *value, enum lte_config_type type)
{
    switch (type) {
    case LTE_CONFIG_BOOL:
        return json_is_boolean(value);
    case LTE_CONFIG_STRING:
        return json_is_string(value);
    case LTE_CONFIG_INTEGER:
        return json_is_integer(value);
    default:
        return true;
    }
}

void lte_config_ignore(struct lte_config *config, const struct lte_config_harmless *table)
{
    static const char *const names[] = {"anything", "true or false", "a string", "an integer"};
    char text[100];
    for (; table->key; table++) {
        json_t *value = take(config, table->key);
        if (value && !has_type(value, table->type))
            lte_config_fail(config, LTE_ERR_FORMAT, table->key, "is %s, must be %s",
                            show(value, text, sizeof text), names[table->type]);
        json_decref(value);
    }
}

void lte_config_end(struct lte_config *config)
{
    void *first = json_object_iter(config->keys);
    if (first)
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, json_object_iter_key(first),
                        "is not known here");
    json_decref(config->keys);
    config->keys = NULL;
}
