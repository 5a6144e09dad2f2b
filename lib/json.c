// SPDX-License-Identifier: BSD-2-Clause
// JSON behind limits: depth is checked before jansson recurses, the rest by jansson.
#include "config.h"

#include "lib/json.h"

#include <string.h>

#include "lib/file.h"

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {"object", "array", "string",  "integer",
                                        "real",   "true",  "false",   "null"};
    return names[json_typeof(value)];
}

// The first line on which nesting passes the limit, 0 if none does. Strings are skipped; whether
// the rest is JSON at all is the parser's business.
static size_t too_deep(const unsigned char *s, size_t n)
{
    size_t line = 1, depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n')
            line++;
        if (quoted) {
            if (s[i] == '\\')
                i++;
            else
                quoted = s[i] != '"';
        } else if (s[i] == '"') {
            quoted = true;
        } else if (s[i] == '{' || s[i] == '[') {
            if (++depth > LTE_JSON_DEPTH)
                return line;
        } else if ((s[i] == '}' || s[i] == ']') && depth) {
            depth--;
        }
    }
    return 0;
}

enum lte_status lte_json_parse(const struct lte_context *context, const char *name,
                               const void *bytes, size_t size, json_t **object)
{
    *object = NULL;
    const size_t line = too_deep(bytes, size);
    if (line)
        return lte_fail(context, LTE_ERR_FORMAT, "%s:%zu: nested deeper than %d", name, line,
                        LTE_JSON_DEPTH);
    json_error_t error;
    json_t *value = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (!value) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return lte_fail_memory(context, name, size);
        return lte_fail(context, LTE_ERR_FORMAT, "%s:%d:%d: %s", name, error.line, error.column,
                        error.text);
    }
    if (!json_is_object(value)) {
        const char *type = type_name(value);
        json_decref(value);
        return lte_fail(context, LTE_ERR_FORMAT, "%s: an object is expected, this is %s", name,
                        type);
    }
    *object = value;
    return LTE_OK;
}

enum lte_status lte_json_load(const struct lte_context *context, const char *path, size_t limit,
                              json_t **object)
{
    struct lte_file file;
    *object = NULL;
    LTE_TRY(lte_file_map(context, path, limit, &file));
    const enum lte_status status = lte_json_parse(context, path, file.bytes, file.size, object);
    lte_file_unmap(&file);
    return status;
}
