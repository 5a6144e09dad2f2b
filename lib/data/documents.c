// SPDX-License-Identifier: BSD-2-Clause
// The documents of text files, part by part.
#include "config.h"

#include <string.h>

#include "lib/data/inputs.h"
#include "lib/file.h"
#include "lib/tokenizer/utf8.h"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Splitters look at all of a run of white space and at what follows it: to cut after a lone end of
// line makes the same words as not to cut.
static bool lone_line_end(const char *text, size_t at)
{
    return text[at] == '\n' && !is_blank(text[at + 1]) && at && !is_blank(text[at - 1]);
}

size_t lte_part_length(const char *text, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    for (size_t n = limit; n; n--)
        if (lone_line_end(text, n - 1))
            return n;
    for (size_t n = limit; n; n--)
        if (text[n - 1] == '\n')
            return n;
    size_t n = limit;
    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static enum lte_status read_document(const char *text, size_t length, lte_part_fn *part,
                                     void *opaque)
{
    for (size_t at = 0; at < length;) {
        const size_t n = lte_part_length(text + at, length - at, LTE_PART_BYTES);
        const struct lte_part p = {text + at, n, at == 0, at + n == length};
        LTE_TRY(part(opaque, &p));
        at += n;
    }
    return LTE_OK;
}

// Where `word` begins in the text; `length` if it does not occur.
static size_t find(const char *text, size_t length, const char *word, size_t word_length)
{
    for (size_t at = 0; word_length <= length - at;) {
        const char *p = memchr(text + at, word[0], length - at - word_length + 1);
        if (!p)
            break;
        if (!memcmp(p, word, word_length))
            return (size_t)(p - text);
        at = (size_t)(p - text) + 1;
    }
    return length;
}

static enum lte_status read_file(const struct lte_context *context, const char *path,
                                 const struct lte_file *file, const char *separator,
                                 lte_part_fn *part, void *opaque)
{
    const char *text = (const char *)file->bytes;
    const size_t gap = separator ? strlen(separator) : 0, length = file->size;
    const size_t valid = lte_utf8_valid(file->bytes, length);
    if (valid < length)
        return lte_fail(context, LTE_ERR_UTF8, "%s: not UTF-8 at byte %zu (0x%02x)", path, valid,
                        file->bytes[valid]);
    for (size_t at = 0; at < length;) {
        const size_t n = gap ? find(text + at, length - at, separator, gap) : length - at;
        LTE_TRY(read_document(text + at, n, part, opaque));
        at += n;
        if (at < length)
            at += gap;
    }
    return LTE_OK;
}

enum lte_status lte_documents_read(const struct lte_context *context, const char *const *inputs,
                                   size_t count, const char *separator, lte_part_fn *part,
                                   void *opaque)
{
    struct lte_inputs found;
    enum lte_status status = lte_inputs_find(context, inputs, count, &found);
    if (status != LTE_OK)
        return status;
    for (size_t i = 0; i < lte_inputs_count(&found) && status == LTE_OK; i++) {
        const char *path = lte_inputs_path(&found, i);
        struct lte_file file;
        status = lte_file_map(context, path, SIZE_MAX, &file);
        if (status == LTE_OK)
            status = read_file(context, path, &file, separator, part, opaque);
        lte_file_unmap(&file);
    }
    lte_inputs_free(&found);
    return status;
}
