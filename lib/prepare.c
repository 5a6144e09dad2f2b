// SPDX-License-Identifier: BSD-2-Clause
// Small weights brought to aligned fp32 in the order that kernels read. Matrices stay as they lie in
// the mapped file.
#include "config.h"

#include <string.h>

#include "lib/builder.h"

struct lte_prepared {
    struct lte_prepared *next;
    size_t size; // of the whole block
};

void *lte_prepare_bytes(struct lte_builder *b, size_t count, size_t size)
{
    if (b->status != LTE_OK)
        return NULL;
    const size_t header = lte_align(sizeof(struct lte_prepared));
    if (size && count > (SIZE_MAX - header) / size) {
        b->status = lte_fail_memory(b->context, "a prepared weight", SIZE_MAX);
        return NULL;
    }
    const size_t bytes = header + count * size;
    struct lte_prepared *block = lte_alloc_zero(b->context, bytes);
    if (!block) {
        b->status = lte_fail_memory(b->context, "a prepared weight", bytes);
        return NULL;
    }
    block->size = bytes;
    block->next = b->graph->prepared;
    b->graph->prepared = block;
    b->graph->prepared_bytes += bytes;
    return (unsigned char *)block + header;
}

void lte_prepared_free(const struct lte_context *context, struct lte_prepared *prepared)
{
    while (prepared) {
        struct lte_prepared *next = prepared->next;
        lte_release(context, prepared, prepared->size);
        prepared = next;
    }
}

// Tensors were checked to be F32, BF16 or F16 when they were bound.
static void widen(const struct lte_builder *b, float *to, const struct lte_tensor *t)
{
    b->context->kernels.widen[t->type](to, t->data, (size_t)t->elements);
}

float *lte_prepare_vector(struct lte_builder *b, const struct lte_tensor *tensor)
{
    float *v = lte_prepare_bytes(b, (size_t)tensor->elements, sizeof *v);
    if (v)
        widen(b, v, tensor);
    return v;
}

float *lte_prepare_short_conv(struct lte_builder *b, const struct lte_tensor *const *tensor,
                              size_t tensors)
{
    const size_t taps = (size_t)tensor[0]->shape[2];
    size_t channels = 0, largest = 0;
    for (size_t i = 0; i < tensors; i++) {
        const size_t elements = (size_t)tensor[i]->elements;
        channels += (size_t)tensor[i]->shape[0];
        largest = elements > largest ? elements : largest;
    }
    float *out = lte_prepare_bytes(b, channels * taps, sizeof *out);
    float *raw = out ? lte_alloc_array(b->context, largest, sizeof *raw) : NULL;
    if (!raw) {
        if (b->status == LTE_OK)
            b->status = lte_fail_memory(b->context, "a short convolution", largest * sizeof *raw);
        return NULL;
    }
    size_t first = 0;
    for (size_t i = 0; i < tensors; i++) {
        const size_t n = (size_t)tensor[i]->shape[0];
        widen(b, raw, tensor[i]);
        for (size_t c = 0; c < n; c++)
            for (size_t j = 0; j < taps; j++)
                out[j * channels + first + c] = raw[c * taps + j];
        first += n;
    }
    lte_release(b->context, raw, largest * sizeof *raw);
    return out;
}

float *lte_prepare_router_conv(struct lte_builder *b, const struct lte_tensor *tensor, size_t groups)
{
    const size_t in = (size_t)tensor->shape[1], taps = (size_t)tensor->shape[3];
    const size_t out = (size_t)tensor->shape[0] / groups, elements = (size_t)tensor->elements;
    float *to = lte_prepare_bytes(b, elements, sizeof *to);
    float *raw = to ? lte_alloc_array(b->context, elements, sizeof *raw) : NULL;
    if (!raw) {
        if (b->status == LTE_OK)
            b->status = lte_fail_memory(b->context, "a router convolution", elements * sizeof *raw);
        return NULL;
    }
    widen(b, raw, tensor);
    for (size_t g = 0; g < groups; g++)
        for (size_t o = 0; o < out; o++)
            for (size_t c = 0; c < in; c++)
                for (size_t j = 0; j < taps; j++)
                    to[((g * taps + j) * in + c) * out + o] = raw[((g * out + o) * in + c) * taps + j];
    lte_release(b->context, raw, elements * sizeof *raw);
    return to;
}
