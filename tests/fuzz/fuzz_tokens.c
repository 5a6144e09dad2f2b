// SPDX-License-Identifier: BSD-2-Clause
// The reader of token files on any bytes: documents that it accepts hold all tokens, in order.
#include "config.h"

#include <stdlib.h>

#include "lib/context.h"
#include "lib/data/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lte_context *context;
    struct lte_tokens t = {.file = {data, size}};
    uint64_t before = 0;
    uint32_t sum = 0;
    if (!context && lte_open(NULL, &context) != LTE_OK)
        abort();
    if (lte_tokens_check(context, "input", &t) != LTE_OK)
        return 0;
    for (uint64_t i = 0; i < t.info.documents; i++) {
        const uint64_t end = lte_tokens_document_end(&t, i);
        if (end <= before || lte_tokens_document_of(&t, before) != i ||
            lte_tokens_document_of(&t, end - 1) != i)
            abort();
        sum += lte_tokens_get(&t, before) + lte_tokens_get(&t, end - 1); // must be readable
        before = end;
    }
    if (before != t.info.tokens || (t.width == 2 && sum > 2 * 0xffff * t.info.documents))
        abort();
    return 0;
}
