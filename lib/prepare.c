// SPDX-License-Identifier: BSD-2-Clause
// The forms of prepared weights, there and back.
#include "config.h"

#include "lib/prepare.h"

#include <math.h>
#include <string.h>

#include "lib/builder.h"

static size_t header_size(void)
{
    return lte_align(sizeof(struct lte_prepared));
}

static struct lte_prepared *new_block(struct lte_builder *b, size_t count, size_t size)
{
    if (b->status != LTE_OK)
        return NULL;
    if (size && count > (SIZE_MAX - header_size()) / size) {
        b->status = lte_fail_memory(b->context, "a prepared weight", SIZE_MAX);
        return NULL;
    }
    const size_t bytes = header_size() + count * size;
    struct lte_prepared *block = lte_alloc_zero(b->context, bytes);
    if (!block) {
        b->status = lte_fail_memory(b->context, "a prepared weight", bytes);
        return NULL;
    }
    block->size = bytes;
    block->data = (float *)(void *)((unsigned char *)block + header_size());
    block->next = b->graph->prepared;
    b->graph->prepared = block;
    b->graph->prepared_bytes += bytes;
    return block;
}

void *lte_prepare_bytes(struct lte_builder *b, size_t count, size_t size)
{
    struct lte_prepared *block = new_block(b, count, size);
    return block ? block->data : NULL;
}

void lte_prepared_free(const struct lte_context *context, struct lte_prepared *prepared)
{
    while (prepared) {
        struct lte_prepared *next = prepared->next;
        lte_release(context, prepared, prepared->size);
        prepared = next;
    }
}

// Widens the tensors, which were checked to be F32, BF16 or F16 when they were bound, and fills
// `block`.
static enum lte_status widen_and_fill(const struct lte_context *c, struct lte_prepared *block)
{
    size_t floats = 0;
    for (size_t i = 0; i < block->tensors; i++)
        floats += (size_t)block->tensor[i]->elements;
    float *wide = lte_alloc_array(c, floats, sizeof *wide), *next = wide;
    const float *raw[LTE_PREPARED_TENSORS] = {NULL};
    if (!wide)
        return lte_fail_memory(c, "a prepared weight", floats * sizeof *wide);
    for (size_t i = 0; i < block->tensors; i++) {
        const struct lte_tensor *t = block->tensor[i];
        c->kernels.widen[t->type](next, t->data, (size_t)t->elements);
        raw[i] = next;
        next += t->elements;
    }
    block->form->fill(block, raw);
    lte_release(c, wide, floats * sizeof *wide);
    return LTE_OK;
}

// Layers that share weights, and loops over one layer, share what was prepared of them.
static float *find(const struct lte_builder *b, const struct lte_prepared_form *form,
                   const struct lte_tensor *const *tensor, size_t tensors, size_t groups)
{
    for (const struct lte_prepared *p = b->graph->prepared; p; p = p->next)
        if (p->form == form && p->tensors == tensors && p->groups == groups &&
            !memcmp(p->tensor, tensor, tensors * sizeof *tensor))
            return p->data;
    return NULL;
}

static float *prepare(struct lte_builder *b, const struct lte_prepared_form *form,
                      const struct lte_tensor *const *tensor, size_t tensors, size_t groups)
{
    size_t floats = 0;
    for (size_t i = 0; i < tensors; i++)
        floats += (size_t)tensor[i]->elements * (form->repeats ? groups : 1);
    float *there = find(b, form, tensor, tensors, groups);
    if (there)
        return there;
    struct lte_prepared *block = new_block(b, floats, sizeof(float));
    if (!block)
        return NULL;
    block->form = form;
    memcpy(block->tensor, tensor, tensors * sizeof *tensor);
    block->tensors = tensors;
    block->groups = groups;
    block->floats = floats;
    b->status = widen_and_fill(b->context, block);
    return b->status == LTE_OK ? block->data : NULL;
}

void lte_prepared_refresh(const struct lte_prepared *prepared)
{
    const float *raw[LTE_PREPARED_TENSORS] = {NULL};
    if (!prepared->form)
        return;
    for (size_t i = 0; i < prepared->tensors; i++)
        raw[i] = prepared->tensor[i]->data;
    prepared->form->fill(prepared, raw);
}

static void fill_vector(const struct lte_prepared *p, const float *const *raw)
{
    memcpy(p->data, raw[0], p->floats * sizeof *p->data);
}

static void pull_vector(const struct lte_prepared *p, const float *gradient, float *const *to)
{
    for (size_t i = 0; to[0] && i < p->floats; i++)
        to[0][i] += gradient[i];
}

float *lte_prepare_vector(struct lte_builder *b, const struct lte_tensor *tensor)
{
    static const struct lte_prepared_form form = {fill_vector, pull_vector, false};
    return prepare(b, &form, &tensor, 1, 1);
}

static void fill_neg_exp(const struct lte_prepared *p, const float *const *raw)
{
    for (size_t i = 0; i < p->floats; i++)
        p->data[i] = -expf(raw[0][i]);
}

// d(-exp x)/dx is the prepared value itself.
static void pull_neg_exp(const struct lte_prepared *p, const float *gradient, float *const *to)
{
    for (size_t i = 0; to[0] && i < p->floats; i++)
        to[0][i] += gradient[i] * p->data[i];
}

float *lte_prepare_neg_exp(struct lte_builder *b, const struct lte_tensor *tensor)
{
    static const struct lte_prepared_form form = {fill_neg_exp, pull_neg_exp, false};
    return prepare(b, &form, &tensor, 1, 1);
}

// Softmax of one channel over the layers.
static void softmax_layers(const float *raw, size_t layers, size_t channels, double *share)
{
    double most = raw[0], sum = 0;
    for (size_t l = 1; l < layers; l++)
        most = fmax(most, raw[l * channels]);
    for (size_t l = 0; l < layers; l++)
        sum += share[l] = exp(raw[l * channels] - most);
    for (size_t l = 0; l < layers; l++)
        share[l] /= sum;
}

enum { MAX_LAYERS = 1024 }; // no family has more

static void fill_lower_bounds(const struct lte_prepared *p, const float *const *raw)
{
    const size_t layers = (size_t)p->tensor[0]->shape[0], channels = p->floats / layers;
    double share[MAX_LAYERS];
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        softmax_layers(raw[0] + c, layers, channels, share);
        for (size_t l = 0; l < layers; l++)
            p->data[l * channels + c] = (float)(sum += l ? share[l] : 0);
    }
}

// With bound l the sum of share 1..l: its slope by number j is share j times (1 <= j <= l) - bound
// l.
static void pull_lower_bounds(const struct lte_prepared *p, const float *gradient, float *const *to)
{
    const size_t layers = (size_t)p->tensor[0]->shape[0], channels = p->floats / layers;
    double share[MAX_LAYERS];
    for (size_t c = 0; to[0] && c < channels; c++) {
        double all = 0, after = 0;
        softmax_layers((const float *)p->tensor[0]->data + c, layers, channels, share);
        for (size_t l = 0; l < layers; l++)
            all += (double)gradient[l * channels + c] * p->data[l * channels + c];
        for (size_t j = layers; j-- > 0;) {
            after += gradient[j * channels + c];
            to[0][j * channels + c] += (float)(share[j] * ((j ? after : 0) - all));
        }
    }
}

float *lte_prepare_lower_bounds(struct lte_builder *b, const struct lte_tensor *tensor)
{
    static const struct lte_prepared_form form = {fill_lower_bounds, pull_lower_bounds, false};
    return prepare(b, &form, &tensor, 1, 1);
}

static void fill_repeated(const struct lte_prepared *p, const float *const *raw)
{
    for (size_t i = 0; i < p->floats; i++)
        p->data[i] = raw[0][i / p->groups];
}

static void pull_repeated(const struct lte_prepared *p, const float *gradient, float *const *to)
{
    for (size_t i = 0; to[0] && i < p->floats; i++)
        to[0][i / p->groups] += gradient[i];
}

float *lte_prepare_repeated(struct lte_builder *b, const struct lte_tensor *tensor, size_t times)
{
    static const struct lte_prepared_form form = {fill_repeated, pull_repeated, true};
    return prepare(b, &form, &tensor, 1, times);
}

static void fill_short_conv(const struct lte_prepared *p, const float *const *raw)
{
    const size_t taps = (size_t)p->tensor[0]->shape[2], channels = p->floats / taps;
    for (size_t i = 0, first = 0; i < p->tensors; first += (size_t)p->tensor[i++]->shape[0])
        for (size_t c = 0; c < p->tensor[i]->shape[0]; c++)
            for (size_t j = 0; j < taps; j++)
                p->data[j * channels + first + c] = raw[i][c * taps + j];
}

static void pull_short_conv(const struct lte_prepared *p, const float *gradient, float *const *to)
{
    const size_t taps = (size_t)p->tensor[0]->shape[2], channels = p->floats / taps;
    for (size_t i = 0, first = 0; i < p->tensors; first += (size_t)p->tensor[i++]->shape[0])
        for (size_t c = 0; to[i] && c < p->tensor[i]->shape[0]; c++)
            for (size_t j = 0; j < taps; j++)
                to[i][c * taps + j] += gradient[j * channels + first + c];
}

float *lte_prepare_short_conv(struct lte_builder *b, const struct lte_tensor *const *tensor,
                              size_t tensors)
{
    static const struct lte_prepared_form form = {fill_short_conv, pull_short_conv, false};
    return prepare(b, &form, tensor, tensors, 1);
}

// Where the element at `from`, of [groups*out][in][taps], lies in [groups][taps][in][out].
static size_t router_place(const struct lte_prepared *p, size_t from)
{
    const size_t in = (size_t)p->tensor[0]->shape[1], taps = (size_t)p->tensor[0]->shape[3];
    const size_t out = (size_t)p->tensor[0]->shape[0] / p->groups;
    const size_t j = from % taps, c = from / taps % in, row = from / taps / in;
    return ((row / out * taps + j) * in + c) * out + row % out;
}

static void fill_router_conv(const struct lte_prepared *p, const float *const *raw)
{
    for (size_t i = 0; i < p->floats; i++)
        p->data[router_place(p, i)] = raw[0][i];
}

static void pull_router_conv(const struct lte_prepared *p, const float *gradient, float *const *to)
{
    for (size_t i = 0; to[0] && i < p->floats; i++)
        to[0][i] += gradient[router_place(p, i)];
}

float *lte_prepare_router_conv(struct lte_builder *b, const struct lte_tensor *tensor, size_t groups)
{
    static const struct lte_prepared_form form = {fill_router_conv, pull_router_conv, false};
    return prepare(b, &form, &tensor, 1, groups);
}
