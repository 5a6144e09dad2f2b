// SPDX-License-Identifier: BSD-2-Clause
// Text from the command line, a file or standard input, and its tokens.
#include "config.h"

#include "tools/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/message.h"

static int out_of_memory(const struct text *text)
{
    message_error("%s: out of memory", text->name);
    return STATUS_FAILED;
}

static int read_all(struct text *text, FILE *file)
{
    enum { FIRST = 1 << 16 };
    size_t capacity = 0;
    do {
        if (text->length == capacity) {
            capacity = capacity ? capacity * 2 : FIRST;
            char *grown = realloc(text->bytes, capacity);
            if (!grown)
                return out_of_memory(text);
            text->bytes = grown;
        }
        errno = 0;
        text->length += fread(text->bytes + text->length, 1, capacity - text->length, file);
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) {
        message_error("%s: %s", text->name, strerror(errno ? errno : EIO));
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

static int read_file(struct text *text, const char *path)
{
    const bool standard = !strcmp(path, "-");
    text->name = standard ? "standard input" : path;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file) {
        message_error("%s: %s", text->name, strerror(errno));
        return STATUS_FAILED;
    }
    const int status = read_all(text, file);
    if (!standard)
        fclose(file);
    return status;
}

static int copy_words(struct text *text, const char *words)
{
    text->name = "prompt";
    text->length = strlen(words);
    text->bytes = malloc(text->length + 1);
    if (!text->bytes)
        return out_of_memory(text);
    memcpy(text->bytes, words, text->length + 1);
    return STATUS_OK;
}

int text_read(struct text *text, const char *words, const char *path)
{
    *text = (struct text){0};
    if (words && path) {
        message_error("-p and -f exclude each other");
        return STATUS_USAGE;
    }
    const int status = path ? read_file(text, path) : copy_words(text, words ? words : "");
    const char *nul = text->length ? memchr(text->bytes, 0, text->length) : NULL;
    if (status != STATUS_OK || !nul)
        return status;
    message_error("%s: NUL byte at offset %zu: this is not a text file", text->name,
                  (size_t)(nul - text->bytes));
    return STATUS_FAILED;
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

static int cannot_encode(const struct text *text, enum lte_status status)
{
    message_failed(text->name, status);
    if (status == LTE_ERR_UTF8)
        message_error("%s: convert it to UTF-8 first", text->name);
    return STATUS_FAILED;
}

int text_encode(const struct text *text, const struct lte_tokenizer *tokenizer, bool special,
                struct tokens *tokens)
{
    const unsigned flags = LTE_ENCODE_TEMPLATE | (special ? LTE_ENCODE_SPECIAL : 0);
    *tokens = (struct tokens){0};
    // Seldom more tokens than bytes: one pass is nearly always enough.
    size_t capacity = text->length + 16;
    for (;;) {
        tokens->ids = malloc(capacity * sizeof *tokens->ids);
        if (!tokens->ids)
            return out_of_memory(text);
        const enum lte_status status =
            lte_tokenizer_encode(tokenizer, text->bytes, text->length, flags, tokens->ids,
                                 capacity, &tokens->count);
        if (status == LTE_OK)
            return STATUS_OK;
        free(tokens->ids);
        tokens->ids = NULL;
        if (status != LTE_ERR_SPACE || tokens->count <= capacity)
            return cannot_encode(text, status);
        capacity = tokens->count;
    }
}

void tokens_free(struct tokens *tokens)
{
    free(tokens->ids);
    *tokens = (struct tokens){0};
}
