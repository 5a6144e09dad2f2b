// SPDX-License-Identifier: BSD-2-Clause
// Reading the objects of a JSON configuration: every key is known or a mistake, every value has its
// range, and what is wrong is said with the key's full name. The first mistake sticks: later reads
// give the defaults.
#ifndef LTE_TOOLS_TRAIN_READER_H
#define LTE_TOOLS_TRAIN_READER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct reader_file {
    const char *path;   // of the configuration, for messages
    const char *folder; // what relative paths in it start from
    bool failed;
};

enum { READER_KEYS = 48, READER_NAME = 160 };

struct reader {
    struct reader_file *file;
    const json_t *object;      // NULL: not there
    char name[READER_NAME];    // "data.sources[1]"
    const char *known[READER_KEYS];
    unsigned count;
};

// The object `value`, called `name`; a value that is no object is a mistake, NULL is not.
void reader_open(struct reader *reader, struct reader_file *file, const json_t *value,
                 const char *name);
// Says which keys were not read. Keys that begin with '#' are comments.
void reader_end(struct reader *reader);

bool reader_has(struct reader *reader, const char *key);
uint64_t reader_integer(struct reader *reader, const char *key, uint64_t fallback, uint64_t low,
                        uint64_t high);
double reader_real(struct reader *reader, const char *key, double fallback, double low, double high);
bool reader_bool(struct reader *reader, const char *key, bool fallback);
// The text of a key, or NULL if it is not there.
const char *reader_text(struct reader *reader, const char *key);
// The same for a path: relative ones start from the configuration's folder. To be freed.
char *reader_path(struct reader *reader, const char *key);
// The index in a list ended by NULL; `fallback` if the key is not there.
unsigned reader_choice(struct reader *reader, const char *key, const char *const *choices,
                       unsigned fallback);
// A value of any type, or NULL; and the elements of a list.
const json_t *reader_value(struct reader *reader, const char *key);
size_t reader_list(struct reader *reader, const char *key, const json_t **list);

void reader_fail(struct reader *reader, const char *key, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#endif
