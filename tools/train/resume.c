// SPDX-License-Identifier: BSD-2-Clause
// Whether a run that goes on is still the one that its configuration describes.
#include "config.h"

#include "tools/train/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/message.h"
#include "tools/train/folder.h"

// A place where two files differ: the key's full name, and the values, NULL where there is none.
struct difference {
    char name[READER_NAME];
    const json_t *given, *kept;
};

static bool is_comment(const char *key)
{
    return key[0] == '#';
}

static bool same_value(const char *name, const json_t *given, const json_t *kept,
                       struct difference *d);

// Whether every key of `a` is the same in `b`; `swapped`: a is what the run keeps.
static bool same_keys(const char *name, const json_t *a, const json_t *b, bool swapped,
                      struct difference *d)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)a, key, value) {
        char full[READER_NAME];
        const json_t *other = json_object_get(b, key);
        snprintf(full, sizeof full, "%s%s%s", name, *name ? "." : "", key);
        if (!is_comment(key) && !same_value(full, swapped ? other : value, swapped ? value : other, d))
            return false;
    }
    return true;
}

static bool same_value(const char *name, const json_t *given, const json_t *kept,
                       struct difference *d)
{
    if (json_is_object(given) && json_is_object(kept))
        return same_keys(name, given, kept, false, d) && same_keys(name, kept, given, true, d);
    if (given && kept && json_equal(given, kept))
        return true;
    if (json_is_number(given) && json_is_number(kept) &&
        json_number_value(given) == json_number_value(kept))
        return true;
    snprintf(d->name, sizeof d->name, "%s", name);
    d->given = given;
    d->kept = kept;
    return false;
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        message_error("%s: line %d, column %d: %s", path, error.line, error.column, error.text);
    return document;
}

static void say_difference(const struct plan *p, const struct difference *d, const char *kept_path)
{
    char *given = d->given ? json_dumps(d->given, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *kept = d->kept ? json_dumps(d->kept, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    message_error("%s: %s is %s, but %s in %s, with which the run began; a changed model is another "
                  "run, which model.start can begin from this one",
                  p->config, d->name, given ? given : "not there", kept ? kept : "not there",
                  kept_path);
    free(given);
    free(kept);
}

static bool same_config(const struct plan *p)
{
    struct difference d;
    char *path = folder_path(p->output, "config.json");
    json_t *given = path ? load(p->config) : NULL, *kept = given ? load(path) : NULL;
    bool same = kept != NULL;
    if (same && !same_value("", given, kept, &d)) {
        say_difference(p, &d, path);
        same = false;
    }
    json_decref(given);
    json_decref(kept);
    free(path);
    return same;
}

static bool same_bytes(FILE *a, FILE *b)
{
    char x[4096], y[4096];
    size_t n;
    do {
        n = fread(x, 1, sizeof x, a);
        if (fread(y, 1, sizeof y, b) != n || memcmp(x, y, n) != 0)
            return false;
    } while (n == sizeof x);
    return !ferror(a) && !ferror(b);
}

static bool same_tokenizer(const struct plan *p)
{
    char *path = folder_path(p->output, "tokenizer.json");
    FILE *given = path ? fopen(p->tokenizer, "rb") : NULL, *kept = path ? fopen(path, "rb") : NULL;
    const bool same = given && kept && same_bytes(given, kept);
    if (path && !same)
        message_error("%s: is not the tokenizer with which the run began, %s", p->tokenizer, path);
    if (given)
        fclose(given);
    if (kept)
        fclose(kept);
    free(path);
    return same;
}

bool resume_same_model(const struct plan *p)
{
    return (!p->config || same_config(p)) && (!p->tokenizer || same_tokenizer(p));
}
