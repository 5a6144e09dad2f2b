// SPDX-License-Identifier: BSD-2-Clause
// Text files to a token file, in memory that does not grow with the text but for a number a
// document.
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/atomic_file.h"
#include "lib/data/inputs.h"
#include "lib/data/tokens.h"
#include "lib/tokenizer/tokenizer.h"

struct writer {
    const struct lte_context *context;
    const struct lte_tokenizer *tokenizer;
    struct lte_atomic_file file;
    struct lte_tokens_info info;
    unsigned width;
    uint64_t before;                // tokens before the current document
    struct lte_buffer ids, packed;  // of the current part
    struct lte_buffer ends;
};

void lte_tokenize_options_init(struct lte_tokenize_options *options)
{
    if (options)
        *options = (struct lte_tokenize_options){0};
}

static enum lte_status put_ids(struct writer *w, const uint32_t *ids, size_t count)
{
    w->packed.length = 0;
    LTE_TRY(lte_buffer_reserve(&w->packed, count * w->width));
    for (size_t i = 0; i < count; i++) {
        const uint16_t narrow = (uint16_t)ids[i];
        if (w->width == 2)
            memcpy(w->packed.bytes + 2 * i, &narrow, 2);
        else
            memcpy(w->packed.bytes + 4 * i, &ids[i], 4);
    }
    w->info.tokens += count;
    return lte_atomic_put(&w->file, w->packed.bytes, count * w->width);
}

// Most texts have fewer tokens than bytes, so that one pass is enough.
static enum lte_status put_text(struct writer *w, const char *text, size_t length)
{
    size_t count = length + 16;
    for (int pass = 0; pass < 2; pass++) {
        w->ids.length = 0;
        LTE_TRY(lte_buffer_reserve(&w->ids, count * sizeof(uint32_t)));
        uint32_t *ids = (uint32_t *)(void *)w->ids.bytes;
        const size_t capacity = w->ids.capacity / sizeof *ids;
        const enum lte_status status =
            lte_tokenizer_encode(w->tokenizer, text, length, 0, ids, capacity, &count);
        if (status == LTE_OK)
            return put_ids(w, ids, count);
        if (status != LTE_ERR_SPACE)
            return status;
    }
    return LTE_ERR_SPACE;
}

static enum lte_status end_document(struct writer *w)
{
    const struct lte_template *around = &w->tokenizer->template_ids;
    LTE_TRY(put_ids(w, around->after, around->after_count));
    if (w->info.end != LTE_IGNORE)
        LTE_TRY(put_ids(w, &w->info.end, 1));
    if (w->info.tokens == w->before) // all of it was normalized away
        return LTE_OK;
    w->before = w->info.tokens;
    w->info.documents++;
    return lte_buffer_append(&w->ends, &w->before, sizeof w->before);
}

static enum lte_status put_part(void *opaque, const struct lte_part *part)
{
    struct writer *w = opaque;
    const struct lte_template *around = &w->tokenizer->template_ids;
    if (part->first)
        LTE_TRY(put_ids(w, around->before, around->before_count));
    LTE_TRY(put_text(w, part->text, part->length));
    return part->last ? end_document(w) : LTE_OK;
}

// The header, which is known at the end.
static enum lte_status put_header(struct writer *w)
{
    unsigned char header[LTE_TOKENS_HEADER] = LTE_TOKENS_MAGIC;
    const uint32_t version = LTE_TOKENS_VERSION, width = w->width;
    memcpy(header + 8, &version, 4);
    memcpy(header + 12, &width, 4);
    memcpy(header + 16, &w->info.tokens, 8);
    memcpy(header + 24, &w->info.documents, 8);
    memcpy(header + 32, &w->info.vocabulary, 4);
    memcpy(header + 36, &w->info.end, 4);
    for (size_t done = 0; done < sizeof header;) {
        const ssize_t n = pwrite(w->file.fd, header + done, sizeof header - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lte_fail(w->context, LTE_ERR_IO, "%s: %s", w->file.temporary, strerror(errno));
        done += (size_t)n;
    }
    return LTE_OK;
}

static enum lte_status write_all(struct writer *w, const char *const *inputs, size_t count,
                                 const char *separator)
{
    static const unsigned char zeros[LTE_TOKENS_HEADER];
    LTE_TRY(lte_atomic_put(&w->file, zeros, sizeof zeros));
    LTE_TRY(lte_documents_read(w->context, inputs, count, separator, put_part, w));
    if (!w->info.documents)
        return lte_fail(w->context, LTE_ERR_FORMAT, "%s: no text to write there", w->file.path);
    const uint64_t bytes = w->info.tokens * w->width;
    LTE_TRY(lte_atomic_put(&w->file, zeros,
                           (size_t)(lte_tokens_padded(w->info.tokens, w->width) - bytes)));
    LTE_TRY(lte_atomic_put(&w->file, w->ends.bytes, w->ends.length));
    return put_header(w);
}

static enum lte_status find_end(struct writer *w, const char *piece)
{
    w->info.end = LTE_IGNORE;
    if (piece && !*piece)
        return LTE_OK;
    const enum lte_status status =
        lte_tokenizer_find(w->tokenizer, piece ? piece : "<|endoftext|>", &w->info.end);
    if (status == LTE_OK || !piece)
        return LTE_OK;
    return lte_fail(w->context, status, "the tokenizer has no piece \"%.100s\"", piece);
}

static enum lte_status write_file(struct writer *w, const char *const *inputs, size_t count,
                                  const char *separator, const char *path)
{
    LTE_TRY(lte_atomic_begin(w->context, path, &w->file));
    const enum lte_status status = write_all(w, inputs, count, separator);
    if (status == LTE_OK)
        return lte_atomic_finish(&w->file);
    lte_atomic_abandon(&w->file);
    return status;
}

enum lte_status lte_data_tokenize(struct lte_context *context,
                                  const struct lte_tokenizer *tokenizer, const char *const *inputs,
                                  size_t count, const struct lte_tokenize_options *options,
                                  const char *path, struct lte_tokens_info *info)
{
    if (!context || !tokenizer || !inputs || !path)
        return LTE_ERR_ARGUMENT;
    const struct lte_buffer empty = {.context = context};
    struct writer w = {.context = context, .tokenizer = tokenizer, .ids = empty, .packed = empty,
                       .ends = empty};
    w.info.vocabulary = lte_tokenizer_size(tokenizer);
    w.width = w.info.vocabulary <= 1u << 16 ? 2 : 4;
    enum lte_status status = find_end(&w, options ? options->end : NULL);
    if (status == LTE_OK)
        status = write_file(&w, inputs, count, options ? options->separator : NULL, path);
    lte_buffer_free(&w.ids);
    lte_buffer_free(&w.packed);
    lte_buffer_free(&w.ends);
    if (status == LTE_OK && info)
        *info = w.info;
    return status;
}
