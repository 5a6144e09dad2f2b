// SPDX-License-Identifier: BSD-2-Clause
// The tokenizer.json reader on any bytes: what it accepts must encode and decode without fault.
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct lte_tokenizer *t)
{
    static const char text[] = " a1 ab\r\n  <s>\xc3\xa9 e\xcc\x81 \xe2\x96\x81the\xe0\xb8\x81\xf0\x9f\x98\x80'S 2024";
    enum { IDS = 4096, TEXT = 1 << 16 };
    static uint32_t ids[IDS];
    static char out[TEXT];
    size_t count, length;
    if (lte_tokenizer_encode(t, text, sizeof text - 1, LTE_ENCODE_SPECIAL | LTE_ENCODE_TEMPLATE, ids,
                             IDS, &count) != LTE_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= lte_tokenizer_size(t))
            abort();
    if (lte_tokenizer_decode(t, ids, count, LTE_DECODE_SPECIAL, out, TEXT, &length) == LTE_ERR_ARGUMENT)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lte_context *context;
    json_t *root;
    struct lte_tokenizer *t;
    if (!context && lte_open(NULL, &context) != LTE_OK)
        abort();
    if (lte_json_parse(context, "input", data, size, &root) != LTE_OK)
        return 0;
    if (lte_tokenizer_read(context, "input", root, &t) == LTE_OK)
        use(t);
    else if (t)
        abort();
    else
        t = NULL;
    json_decref(root);
    lte_tokenizer_free(t);
    return 0;
}
