// SPDX-License-Identifier: BSD-2-Clause
// Writing safetensors.
#include "config.h"

#include "lib/safetensors_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/atomic_file.h"
#include "lib/json.h"

struct lte_writer {
    struct lte_atomic_file file;
    uint64_t size, written; // bytes of data: due, done
};

static json_t *entry(const struct lte_tensor *t, uint64_t begin, uint64_t end)
{
    json_t *shape = json_array();
    for (unsigned i = 0; i < t->dims; i++)
        json_array_append_new(shape, json_integer((json_int_t)t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", lte_file_type_name(t->type), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

// The header's text, malloc()ed by jansson, NULL without memory; *size gets the bytes of data.
static char *header_text(const struct lte_tensor *tensors, size_t count, uint64_t *size)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    bool good = header != NULL;
    *size = 0;
    for (size_t i = 0; i < count && good; i++) {
        struct lte_tensor t = tensors[i];
        t.elements = 1;
        for (unsigned d = 0; d < t.dims; d++)
            t.elements *= t.shape[d];
        const uint64_t begin = *size;
        *size += lte_tensor_bytes(&t);
        good = json_object_set_new(header, t.name, entry(&t, begin, *size)) == 0;
    }
    char *text = good ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

static enum lte_status put_header(struct lte_writer *w, const char *text)
{
    const size_t length = strlen(text), padding = (8 - length % 8) % 8;
    unsigned char first[8];
    for (unsigned i = 0; i < 8; i++)
        first[i] = (unsigned char)((uint64_t)(length + padding) >> 8 * i);
    LTE_TRY(lte_atomic_put(&w->file, first, sizeof first));
    LTE_TRY(lte_atomic_put(&w->file, text, length));
    return lte_atomic_put(&w->file, "        ", padding);
}

static void release(struct lte_writer *w)
{
    lte_release(w->file.context, w, sizeof *w);
}

static enum lte_status begin(struct lte_writer *w, const struct lte_context *context,
                             const char *path, const char *text)
{
    LTE_TRY(lte_atomic_begin(context, path, &w->file));
    const enum lte_status status = put_header(w, text);
    if (status != LTE_OK)
        lte_atomic_abandon(&w->file);
    return status;
}

enum lte_status lte_writer_begin(const struct lte_context *context, const char *path,
                                 const struct lte_tensor *tensors, size_t count,
                                 struct lte_writer **writer)
{
    uint64_t size;
    *writer = NULL;
    char *text = header_text(tensors, count, &size);
    struct lte_writer *w = text ? lte_alloc_zero(context, sizeof *w) : NULL;
    enum lte_status status = LTE_ERR_MEMORY;
    if (w) {
        w->size = size;
        status = begin(w, context, path, text);
    } else {
        lte_fail_memory(context, path, sizeof *w);
    }
    free(text);
    if (status == LTE_OK)
        *writer = w;
    else
        lte_release(context, w, sizeof *w);
    return status;
}

enum lte_status lte_writer_put(struct lte_writer *writer, const void *bytes, size_t size)
{
    writer->written += size;
    return lte_atomic_put(&writer->file, bytes, size);
}

enum lte_status lte_writer_finish(struct lte_writer *writer)
{
    if (writer->written != writer->size) {
        const enum lte_status status =
            lte_fail(writer->file.context, LTE_ERR_ARGUMENT,
                     "%s: %" PRIu64 " bytes of data were written, the tensors take %" PRIu64,
                     writer->file.path, writer->written, writer->size);
        lte_writer_abandon(writer);
        return status;
    }
    const enum lte_status status = lte_atomic_finish(&writer->file);
    release(writer);
    return status;
}

void lte_writer_abandon(struct lte_writer *writer)
{
    if (!writer)
        return;
    lte_atomic_abandon(&writer->file);
    release(writer);
}
