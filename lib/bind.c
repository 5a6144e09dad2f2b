// SPDX-License-Identifier: BSD-2-Clause
// Binding a model's weights to the tensors of a checkpoint, one by one and with nothing left over.
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/weights.h"

struct binder {
    const struct lte_context *context;
    struct lte_model *model;
    const struct lte_tensors *tensors;
    const char *name;  // of the checkpoint
    bool *used;        // by tensor
};

static const char *show_shape(char *text, size_t size, unsigned dims, const uint64_t *shape)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (unsigned i = 0; i < dims && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, i ? ", " : "", shape[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

enum lte_status lte_weight_check(const struct lte_context *context, const struct lte_weight *w,
                                 const struct lte_tensor *t)
{
    char want[128], got[256];
    if (t->dims != w->dims || memcmp(t->shape, w->shape, w->dims * sizeof *w->shape))
        return lte_fail(context, LTE_ERR_FORMAT,
                        "%s: tensor \"%s\" has shape %s, the config asks for %s", t->file, t->name,
                        show_shape(got, sizeof got, t->dims, t->shape),
                        show_shape(want, sizeof want, w->dims, w->shape));
    if (t->type != LTE_FILE_F32 && t->type != LTE_FILE_BF16 && t->type != LTE_FILE_F16)
        return lte_fail(context, LTE_ERR_UNSUPPORTED,
                        "%s: tensor \"%s\" is %s; weights may be F32, BF16 or F16", t->file,
                        t->name, lte_file_type_name(t->type));
    return LTE_OK;
}

static enum lte_status bind_one(void *arg, const struct lte_weight *w)
{
    struct binder *b = arg;
    struct lte_model *m = b->model;
    const struct lte_tensor *t = lte_tensors_find(b->tensors, w->name);
    if (t) {
        LTE_TRY(lte_weight_check(b->context, w, t));
        b->used[t - lte_tensors_at(b->tensors, 0)] = true;
    }
    if (!w->slot) { // a saved buffer
        m->buffer_count += t != NULL;
        return LTE_OK;
    }
    if (!t && !w->twin)
        return lte_fail(b->context, LTE_ERR_FORMAT, "%s: tensor \"%s\" is missing", b->name,
                        w->name);
    *w->slot = t ? t : *w->twin;
    m->tensor_count += t != NULL;
    if (!w->twin)
        m->weight_bytes += lte_tensor_bytes(t);
    return LTE_OK;
}

static enum lte_status none_left(const struct binder *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct lte_tensor *t = lte_tensors_at(b->tensors, i);
        if (!b->used[i])
            return lte_fail(b->context, LTE_ERR_FORMAT,
                            "%s: tensor \"%.200s\" belongs to no part of this %s model", t->file,
                            t->name, b->model->family);
    }
    return LTE_OK;
}

enum lte_status lte_model_bind(struct lte_model *model, const struct lte_tensors *tensors,
                               const char *name)
{
    const size_t count = lte_tensors_count(tensors);
    struct binder b = {model->context, model, tensors, name, NULL};
    b.used = lte_alloc_array(b.context, count, sizeof *b.used);
    if (!b.used)
        return lte_fail_memory(b.context, "the tensor marks", count * sizeof *b.used);
    model->tensor_count = model->buffer_count = 0;
    model->weight_bytes = 0;
    enum lte_status status = lte_model_walk(model, bind_one, &b);
    if (status == LTE_OK)
        status = none_left(&b, count);
    model->tied = model->head == model->embeddings;
    lte_release(b.context, b.used, count * sizeof *b.used);
    return status;
}
