// SPDX-License-Identifier: BSD-2-Clause
// config.json of any bytes: what is accepted must be consistent enough to walk, describe and count.
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum lte_status look(void *arg, const struct lte_weight *weight)
{
    uint64_t *elements = arg, product = 1;
    if (weight->dims > LTE_WEIGHT_DIMS || !memchr(weight->name, 0, sizeof weight->name))
        abort();
    for (unsigned i = 0; i < weight->dims; i++)
        product *= weight->shape[i];
    if (product == 0 || product != weight->elements)
        abort();
    if (weight->slot && !weight->twin)
        *elements += product;
    return LTE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lte_context *context;
    struct lte_model *model;
    struct lte_model_info info;
    uint64_t elements = 0;
    if (!context && lte_open(NULL, &context) != LTE_OK)
        abort();
    if (lte_model_configure(context, "config.json", data, size, &model) != LTE_OK)
        return 0;
    lte_model_describe(model, &info);
    if (lte_model_walk(model, look, &elements) != LTE_OK || elements != info.parameters)
        abort();
    for (uint32_t n = 0; n < info.layers; n++) {
        struct lte_layer_info layer;
        if (lte_model_layer(model, n, &layer) != LTE_OK || layer.key_dim == 0
            || layer.query_heads % layer.key_heads || layer.buffer < layer.sinks)
            abort();
    }
    lte_model_free(model);
    return 0;
}
