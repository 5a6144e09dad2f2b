// SPDX-License-Identifier: BSD-2-Clause
// Strict reading of a JSON configuration.
#include "config.h"

#include "tools/train/reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/message.h"

void reader_fail(struct reader *r, const char *key, const char *format, ...)
{
    char text[256];
    va_list args;
    if (r->file->failed)
        return;
    r->file->failed = true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    message_error("%s: %s%s%s%s%s", r->file->path, r->name, r->name[0] && key[0] ? "." : "",
                  key, text[0] == '.' ? "" : " ", text);
}

void reader_open(struct reader *r, struct reader_file *file, const json_t *value, const char *name)
{
    *r = (struct reader){.file = file, .object = value};
    snprintf(r->name, sizeof r->name, "%s", name);
    if (value && !json_is_object(value)) {
        reader_fail(r, "", "must be an object: {...}");
        r->object = NULL;
    }
}

const json_t *reader_value(struct reader *r, const char *key)
{
    if (r->count < READER_KEYS)
        r->known[r->count++] = key;
    return r->object && !r->file->failed ? json_object_get(r->object, key) : NULL;
}

bool reader_has(struct reader *r, const char *key)
{
    return r->object && json_object_get(r->object, key);
}

static bool is_known(const struct reader *r, const char *key)
{
    for (unsigned i = 0; i < r->count; i++)
        if (!strcmp(r->known[i], key))
            return true;
    return key[0] == '#';
}

void reader_end(struct reader *r)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)r->object, key, value)
        if (!is_known(r, key))
            reader_fail(r, key, "is no key known here: lte-train(5) has them all");
}

uint64_t reader_integer(struct reader *r, const char *key, uint64_t fallback, uint64_t low,
                        uint64_t high)
{
    const json_t *v = reader_value(r, key);
    if (!v)
        return fallback;
    const json_int_t n = json_integer_value(v);
    if (json_is_integer(v) && n >= 0 && (uint64_t)n >= low && (uint64_t)n <= high)
        return (uint64_t)n;
    reader_fail(r, key, "must be a whole number in %" PRIu64 "..%" PRIu64, low, high);
    return fallback;
}

double reader_real(struct reader *r, const char *key, double fallback, double low, double high)
{
    const json_t *v = reader_value(r, key);
    if (!v)
        return fallback;
    const double x = json_number_value(v);
    if (json_is_number(v) && x >= low && x <= high)
        return x;
    reader_fail(r, key, "must be a number in %g..%g", low, high);
    return fallback;
}

bool reader_bool(struct reader *r, const char *key, bool fallback)
{
    const json_t *v = reader_value(r, key);
    if (v && !json_is_boolean(v))
        reader_fail(r, key, "must be true or false");
    return v && json_is_boolean(v) ? json_is_true(v) : fallback;
}

const char *reader_text(struct reader *r, const char *key)
{
    const json_t *v = reader_value(r, key);
    if (v && !json_is_string(v))
        reader_fail(r, key, "must be text: \"...\"");
    return json_string_value(v);
}

char *reader_path(struct reader *r, const char *key)
{
    const char *text = reader_text(r, key);
    if (!text)
        return NULL;
    const char *folder = text[0] == '/' ? "" : r->file->folder;
    const size_t size = strlen(folder) + strlen(text) + 1;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s", folder, text);
    else
        reader_fail(r, key, "does not fit into memory");
    return path;
}

unsigned reader_choice(struct reader *r, const char *key, const char *const *choices,
                       unsigned fallback)
{
    const char *text = reader_text(r, key);
    char list[128] = "";
    if (!text)
        return fallback;
    for (unsigned i = 0; choices[i]; i++) {
        if (!strcmp(choices[i], text))
            return i;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", choices[i]);
    }
    reader_fail(r, key, "is \"%.60s\"; it may be %s", text, list);
    return fallback;
}

size_t reader_list(struct reader *r, const char *key, const json_t **list)
{
    *list = reader_value(r, key);
    if (*list && !json_is_array(*list))
        reader_fail(r, key, "must be a list: [...]");
    return *list && json_is_array(*list) ? json_array_size(*list) : 0;
}
