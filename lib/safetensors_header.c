// SPDX-License-Identifier: BSD-2-Clause
// The header of one safetensors file: every length, type, shape and offset is checked here.
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/safetensors_parse.h"

enum { LENGTH = 8 };                         // bytes of the header's length
static const uint64_t MAX_HEADER = 100000000; // the format's own limit

static const struct {
    const char *name;
    enum lte_file_type type;
    uint64_t size;
} types[] = {
    {"F32", LTE_FILE_F32, 4}, {"BF16", LTE_FILE_BF16, 2}, {"F16", LTE_FILE_F16, 2},
    {"F64", LTE_FILE_F64, 8}, {"I64", LTE_FILE_I64, 8},   {"I32", LTE_FILE_I32, 4},
    {"I16", LTE_FILE_I16, 2}, {"I8", LTE_FILE_I8, 1},     {"U8", LTE_FILE_U8, 1},
    {"BOOL", LTE_FILE_BOOL, 1},
};
enum { TYPES = sizeof types / sizeof types[0] };

const char *lte_file_type_name(enum lte_file_type type)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].type == type)
            return types[i].name;
    return "?";
}

enum lte_status lte_shard_header(const struct lte_context *context, struct lte_shard *shard,
                                 const unsigned char *bytes, size_t size)
{
    const char *path = shard->path;
    if (size < LENGTH)
        return lte_fail(context, LTE_ERR_FORMAT,
                        "%s: %zu bytes are too few for a safetensors file", path, size);
    uint64_t length = 0;
    for (unsigned i = LENGTH; i-- > 0;)
        length = length << 8 | bytes[i];
    if (length > MAX_HEADER)
        return lte_fail(context, LTE_ERR_FORMAT,
                        "%s: header length %" PRIu64 " is above the limit of %" PRIu64, path,
                        length, MAX_HEADER);
    if (length > size - LENGTH)
        return lte_fail(context, LTE_ERR_FORMAT,
                        "%s: header length %" PRIu64 ", but the file has %zu bytes after it", path,
                        length, size - LENGTH);
    if (length == 0 || bytes[LENGTH] != '{')
        return lte_fail(context, LTE_ERR_FORMAT, "%s: the header does not begin with '{'", path);
    LTE_TRY(lte_json_parse(context, path, bytes + LENGTH, (size_t)length, &shard->header));
    shard->data = bytes + LENGTH + length;
    shard->data_size = size - LENGTH - length;
    return LTE_OK;
}

static bool is_metadata(const char *key)
{
    return strcmp(key, "__metadata__") == 0;
}

void lte_shard_measure(const struct lte_shard *shard, size_t *count, size_t *names)
{
    const char *key;
    json_t *value;
    json_object_foreach (shard->header, key, value) {
        if (!is_metadata(key)) {
            *count += 1;
            *names += strlen(key) + 1;
        }
    }
}

// Where a message is about: "file: tensor".
struct place {
    const struct lte_context *context;
    const char *path, *name;
};

static enum lte_status bad(const struct place *at, enum lte_status status, const char *format, ...)
    LTE_PRINTF(3, 4);

static enum lte_status bad(const struct place *at, enum lte_status status, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return lte_fail(at->context, status, "%s: tensor \"%.200s\": %s", at->path, at->name, what);
}

static enum lte_status read_type(const struct place *at, const json_t *entry,
                                 enum lte_file_type *type, uint64_t *size)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name)
        return bad(at, LTE_ERR_FORMAT, "has no dtype");
    for (size_t i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *type = types[i].type;
            *size = types[i].size;
            return LTE_OK;
        }
    }
    return bad(at, LTE_ERR_UNSUPPORTED, "dtype \"%.50s\" is not known here", name);
}

static enum lte_status read_shape(const struct place *at, const json_t *entry, struct lte_tensor *t)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape))
        return bad(at, LTE_ERR_FORMAT, "has no shape");
    const size_t dims = json_array_size(shape);
    if (dims > LTE_MAX_DIMS)
        return bad(at, LTE_ERR_UNSUPPORTED, "has %zu dimensions, %d are supported", dims,
                   LTE_MAX_DIMS);
    t->dims = (unsigned)dims;
    t->elements = 1;
    for (size_t i = 0; i < dims; i++) {
        const json_t *n = json_array_get(shape, i);
        if (!json_is_integer(n) || json_integer_value(n) < 0)
            return bad(at, LTE_ERR_FORMAT, "shape[%zu] is not a size", i);
        t->shape[i] = (uint64_t)json_integer_value(n);
        if (t->shape[i] && t->elements > UINT64_MAX / t->shape[i])
            return bad(at, LTE_ERR_FORMAT,
                       "the product of its shape overflows at shape[%zu] = %" PRIu64, i,
                       t->shape[i]);
        t->elements *= t->shape[i];
    }
    return LTE_OK;
}

static enum lte_status read_offsets(const struct place *at, const json_t *entry,
                                    const struct lte_shard *shard, uint64_t size,
                                    struct lte_tensor *t)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return bad(at, LTE_ERR_FORMAT, "data_offsets is not a pair of integers");
    const json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin)
        return bad(at, LTE_ERR_FORMAT, "data_offsets [%lld, %lld] are not in order",
                   (long long)begin, (long long)end);
    if ((uint64_t)end > shard->data_size)
        return bad(at, LTE_ERR_FORMAT,
                   "ends at byte %lld, but the file has %" PRIu64 " bytes of data", (long long)end,
                   shard->data_size);
    const uint64_t bytes = (uint64_t)(end - begin);
    if (t->elements > UINT64_MAX / size || t->elements * size != bytes)
        return bad(at, LTE_ERR_FORMAT,
                   "%" PRIu64 " elements of %" PRIu64
                   " bytes do not fill data_offsets [%lld, %lld]",
                   t->elements, size, (long long)begin, (long long)end);
    t->data = shard->data + begin;
    return LTE_OK;
}

static enum lte_status read_entry(const struct place *at, const json_t *entry,
                                  const struct lte_shard *shard, struct lte_tensor *t)
{
    uint64_t size = 0;
    if (!json_is_object(entry))
        return bad(at, LTE_ERR_FORMAT, "its entry is not an object");
    const size_t known = (json_object_get(entry, "dtype") != NULL)
                         + (json_object_get(entry, "shape") != NULL)
                         + (json_object_get(entry, "data_offsets") != NULL);
    if (json_object_size(entry) != known)
        return bad(at, LTE_ERR_FORMAT, "has keys besides dtype, shape and data_offsets");
    LTE_TRY(read_type(at, entry, &t->type, &size));
    LTE_TRY(read_shape(at, entry, t));
    return read_offsets(at, entry, shard, size, t);
}

uint64_t lte_tensor_bytes(const struct lte_tensor *tensor)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].type == tensor->type)
            return tensor->elements * types[i].size;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct lte_tensor *x = a, *y = b;
    if (x->data != y->data)
        return (const unsigned char *)x->data < (const unsigned char *)y->data ? -1 : 1;
    const uint64_t m = lte_tensor_bytes(x), n = lte_tensor_bytes(y);
    return m < n ? -1 : m > n; // empty ones first
}

static enum lte_status check_cover(const struct lte_context *c, const struct lte_shard *shard,
                                   struct lte_tensor *tensors, size_t count)
{
    qsort(tensors, count, sizeof *tensors, by_place);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        const struct place at = {c, shard->path, tensors[i].name};
        const uint64_t begin = (uint64_t)((const unsigned char *)tensors[i].data - shard->data);
        if (begin < end)
            return bad(&at, LTE_ERR_FORMAT,
                       "begins at byte %" PRIu64 ", inside \"%.60s\", which ends at %" PRIu64,
                       begin, tensors[i - 1].name, end);
        if (begin > end)
            return bad(&at, LTE_ERR_FORMAT,
                       "begins at byte %" PRIu64 " after a hole that begins at %" PRIu64, begin,
                       end);
        end = begin + lte_tensor_bytes(&tensors[i]);
    }
    if (end != shard->data_size)
        return lte_fail(c, LTE_ERR_FORMAT,
                        "%s: the tensors end at byte %" PRIu64 " of %" PRIu64 " bytes of data",
                        shard->path, end, shard->data_size);
    return LTE_OK;
}

static enum lte_status check_metadata(const struct lte_context *c, const char *path,
                                      json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return lte_fail(c, LTE_ERR_FORMAT, "%s: __metadata__ is not an object", path);
    json_object_foreach (metadata, key, value)
        if (!json_is_string(value))
            return lte_fail(c, LTE_ERR_FORMAT, "%s: __metadata__ \"%.200s\" is not a string", path,
                            key);
    return LTE_OK;
}

enum lte_status lte_shard_tensors(const struct lte_context *context, const struct lte_shard *shard,
                                  struct lte_tensor *tensors, char **names)
{
    size_t count = 0;
    const char *key;
    json_t *entry;
    json_object_foreach (shard->header, key, entry) {
        const struct place at = {context, shard->path, key};
        if (is_metadata(key)) {
            LTE_TRY(check_metadata(context, shard->path, entry));
            continue;
        }
        const size_t size = strlen(key) + 1;
        struct lte_tensor *t = &tensors[count++];
        t->name = memcpy(*names, key, size);
        t->file = shard->path;
        *names += size;
        LTE_TRY(read_entry(&at, entry, shard, t));
    }
    return check_cover(context, shard, tensors, count);
}
