// SPDX-License-Identifier: BSD-2-Clause
// The safetensors reader on any bytes: what it accepts must lie inside them.
#include "config.h"

#include <stdlib.h>

#include "lib/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lte_context *context;
    struct lte_tensors *tensors;
    if (!context && lte_open(NULL, &context) != LTE_OK)
        abort();
    if (lte_tensors_from_memory(context, data, size, "input", &tensors) != LTE_OK)
        return 0;
    uint64_t total = 0;
    for (size_t i = 0; i < lte_tensors_count(tensors); i++) {
        const struct lte_tensor *t = lte_tensors_at(tensors, i);
        const uint8_t *begin = t->data;
        const uint64_t bytes = lte_tensor_bytes(t);
        total += bytes;
        if (begin < data || begin > data + size || bytes > (uint64_t)(data + size - begin))
            abort();
        if (lte_tensors_find(tensors, t->name) != t)
            abort();
    }
    if (total > size)
        abort();
    lte_tensors_close(tensors);
    return 0;
}
