// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as text and as ids: encoding refuses what is not UTF-8 and otherwise loses nothing, and
// a stream gives out what decoding gives. The first byte picks the tokenizer.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QWEN "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{L}\\\\p{M}]+|\\\\p{N}|" \
             " ?[^\\\\s\\\\p{L}\\\\p{M}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define ADDED "\"added_tokens\":[{\"id\":400,\"content\":\"<s>\",\"special\":true,\"normalized\":false}," \
              "{\"id\":401,\"content\":\"ab\",\"special\":false,\"normalized\":true,\"lstrip\":true," \
              "\"single_word\":true}],"

// What follows the vocabulary; `exact` means that decoding gives the text back.
static const struct {
    bool bytes, exact;
    const char *rest;
} kinds[] = {
    {true, true, "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":"
                 "{\"Regex\":\"" QWEN "\"},\"behavior\":\"Isolated\"}," BYTES "]},\"decoder\":" BYTES "}"},
    {true, false, ADDED "\"normalizer\":{\"type\":\"NFKC\"},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},"
                  "\"decoder\":" BYTES "}"},
    {true, false, ADDED "\"normalizer\":{\"type\":\"NFD\"},\"pre_tokenizer\":" BYTES ",\"decoder\":" BYTES "}"},
    {false, true, "\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\" \"},\"decoder\":{\"type\":\"Sequence\","
                  "\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\","
                  "\"content\":\" \",\"start\":1,\"stop\":0}]}}"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct lte_tokenizer *make(const struct lte_context *context, size_t k)
{
    char json[32768];
    size_t n = (size_t)sprintf(json, "{\"model\":{\"byte_fallback\":true,\"vocab\":{");
    for (unsigned c = 0; c < 256; c++) {
        unsigned char piece[8] = {0};
        if (kinds[k].bytes)
            lte_utf8_put(piece, lte_byte_to_point((unsigned char)c));
        else
            sprintf((char *)piece, "<0x%02X>", c);
        n += (size_t)sprintf(json + n, "\"%s%s\":%u,", c == '"' || c == '\\' ? kinds[k].bytes ? "\\" : "" : "",
                             (char *)piece, c);
    }
    n += (size_t)sprintf(json + n, "%s\"zz\":300,\"zzz\":301},\"merges\":[%s]},%s",
                         kinds[k].bytes ? "" : "\"z\":299,", "\"z z\",\"zz z\"", kinds[k].rest);
    json_t *root;
    struct lte_tokenizer *t;
    if (lte_json_parse(context, "text", json, n, &root) != LTE_OK ||
        lte_tokenizer_read(context, "text", root, &t) != LTE_OK)
        abort();
    json_decref(root);
    return t;
}

static void check_stream(const struct lte_tokenizer *t, const uint32_t *ids, size_t count,
                         const char *text, size_t length)
{
    struct lte_stream s;
    char piece[256];
    size_t at = 0, n;
    if (lte_stream_capacity(t) > sizeof piece)
        abort();
    lte_stream_init(&s, t, LTE_DECODE_SPECIAL);
    for (size_t i = 0; i <= count; i++) {
        if ((i < count ? lte_stream_put(&s, ids[i], piece, lte_stream_capacity(t), &n)
                       : lte_stream_end(&s, piece, lte_stream_capacity(t), &n)) != LTE_OK)
            abort();
        if (n > length - at || memcmp(piece, text + at, n) ||
            lte_utf8_valid((const unsigned char *)piece, n) != n)
            abort();
        at += n;
    }
    if (at != length)
        abort();
}

static char *decode(const struct lte_tokenizer *t, const uint32_t *ids, size_t count, size_t *length)
{
    if (lte_tokenizer_decode(t, ids, count, LTE_DECODE_SPECIAL, NULL, 0, length) != LTE_OK)
        abort();
    char *text = malloc(*length + 1);
    if (!text ||
        lte_tokenizer_decode(t, ids, count, LTE_DECODE_SPECIAL, text, *length, length) != LTE_OK)
        abort();
    check_stream(t, ids, count, text, *length);
    return text;
}

static void as_text(const struct lte_tokenizer *t, bool exact, const char *bytes, size_t size)
{
    size_t count, again, length;
    const bool valid = lte_utf8_valid((const unsigned char *)bytes, size) == size;
    const enum lte_status status = lte_tokenizer_encode(t, bytes, size, LTE_ENCODE_SPECIAL, NULL, 0, &count);
    if (status != (valid ? LTE_OK : LTE_ERR_UTF8))
        abort();
    if (!valid)
        return;
    uint32_t *ids = malloc((count + 1) * sizeof *ids);
    if (!ids || lte_tokenizer_encode(t, bytes, size, LTE_ENCODE_SPECIAL, ids, count, &again) != LTE_OK ||
        again != count)
        abort();
    char *text = decode(t, ids, count, &length);
    if (exact && (length != size || memcmp(text, bytes, size)))
        abort();
    free(text);
    free(ids);
}

static void as_ids(const struct lte_tokenizer *t, const uint8_t *data, size_t size)
{
    uint32_t *ids = malloc((size + 1) * sizeof *ids);
    size_t length;
    if (!ids)
        abort();
    for (size_t i = 0; i < size; i++)
        ids[i] = data[i];
    free(decode(t, ids, size, &length));
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lte_context *context;
    static struct lte_tokenizer *tokenizers[KINDS];
    if (!context && lte_open(NULL, &context) != LTE_OK)
        abort();
    for (size_t k = 0; k < KINDS; k++)
        if (!tokenizers[k])
            tokenizers[k] = make(context, k);
    if (!size)
        return 0;
    const size_t k = data[0] % KINDS;
    as_text(tokenizers[k], kinds[k].exact, (const char *)data + 1, size - 1);
    as_ids(tokenizers[k], data + 1, size - 1);
    return 0;
}
