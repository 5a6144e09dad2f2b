// SPDX-License-Identifier: BSD-2-Clause
// Collecting a model's weights into flat arrays, and binding the model to them.
#include "config.h"

#include "lib/train/parameters.h"

#include <string.h>

#include "lib/par.h"
#include "lib/random.h"

enum { ALIGN = 16, BLOCK = 4096 };

struct collector {
    struct lte_parameters *p;
    struct lte_model *model;
    bool decay_all, halve; // halve: matrices are read as bf16
    size_t filled;
};

static enum lte_status count_one(void *arg, const struct lte_weight *w)
{
    struct collector *c = arg;
    if (w->slot && !w->twin) {
        c->p->count++;
        c->p->elements += (w->elements + ALIGN - 1) / ALIGN * ALIGN;
    }
    return LTE_OK;
}

static enum lte_status take_one(void *arg, const struct lte_weight *w)
{
    struct collector *c = arg;
    if (!w->slot || w->twin)
        return LTE_OK;
    struct lte_parameter *q = &c->p->parameter[c->filled];
    q->weight = *w;
    q->first = c->filled ? q[-1].first + (q[-1].weight.elements + ALIGN - 1) / ALIGN * ALIGN : 0;
    q->decays = c->decay_all || !w->scale;
    q->router = w->router;
    q->indexer = w->indexer;
    const bool half = c->halve && w->dims == 2 && !w->scale;
    q->tensor = (struct lte_tensor){
        .name = q->weight.name,
        .type = half ? LTE_FILE_BF16 : LTE_FILE_F32,
        .dims = w->dims,
        .elements = w->elements,
        .data = half ? (void *)(c->p->copy + q->first) : (void *)(c->p->master + q->first),
        .file = "the trainer"};
    memcpy(q->tensor.shape, w->shape, sizeof w->shape);
    c->filled++;
    return LTE_OK;
}

static enum lte_status bind_one(void *arg, const struct lte_weight *w)
{
    struct collector *c = arg;
    if (!w->slot)
        return LTE_OK;
    if (w->twin) {
        *w->slot = *w->twin;
        return LTE_OK;
    }
    *w->slot = &c->p->parameter[c->filled].tensor;
    c->model->weight_bytes += lte_tensor_bytes(*w->slot);
    c->model->tensor_count++;
    c->filled++;
    return LTE_OK;
}

static enum lte_status allocate(struct lte_parameters *p, bool halve)
{
    const struct lte_context *c = p->context;
    p->parameter = lte_alloc_array(c, p->count, sizeof *p->parameter);
    float **const array[] = {&p->master, &p->gradient, &p->moment1, &p->moment2};
    bool good = p->parameter != NULL;
    for (size_t i = 0; i < sizeof array / sizeof array[0]; i++)
        good = (*array[i] = lte_alloc_array(c, p->elements, sizeof(float))) && good;
    if (halve)
        good = (p->copy = lte_alloc_array(c, p->elements, sizeof *p->copy)) && good;
    return good ? LTE_OK : lte_fail_memory(c, "the weights in training", 4 * p->elements * sizeof(float));
}

enum lte_status lte_parameters_init(struct lte_parameters *p, struct lte_model *model,
                                    enum lte_dtype weights, bool decay_all)
{
    *p = (struct lte_parameters){.context = model->context};
    struct collector c = {p, model, decay_all, weights == LTE_DTYPE_BF16, 0};
    enum lte_status status = lte_model_walk(model, count_one, &c);
    if (status == LTE_OK)
        status = allocate(p, c.halve);
    if (status == LTE_OK) {
        lte_model_walk(model, take_one, &c);
        c.filled = 0;
        model->weight_bytes = model->tensor_count = 0;
        lte_model_walk(model, bind_one, &c);
        model->tied = model->head == model->embeddings;
    } else {
        lte_parameters_end(p);
    }
    return status;
}

void lte_parameters_end(struct lte_parameters *p)
{
    const struct lte_context *c = p->context;
    float *const array[] = {p->master, p->gradient, p->moment1, p->moment2};
    if (!c)
        return;
    for (size_t i = 0; i < sizeof array / sizeof array[0]; i++)
        lte_release(c, array[i], p->elements * sizeof(float));
    lte_release(c, p->copy, p->elements * sizeof *p->copy);
    lte_release(c, p->parameter, p->count * sizeof *p->parameter);
    lte_release(c, p->prepared_gradient, p->prepared_floats * sizeof(float));
    lte_release(c, p->range, p->ranges * sizeof *p->range);
    *p = (struct lte_parameters){.context = NULL};
}

struct drawing {
    const struct lte_parameter *parameter;
    float *to;
    uint64_t key;
};

static void draw_block(void *arg, size_t item, unsigned thread)
{
    const struct drawing *d = arg;
    const uint64_t begin = (uint64_t)item * BLOCK, elements = d->parameter->weight.elements;
    const uint64_t end = elements - begin < BLOCK ? elements : begin + BLOCK;
    (void)thread;
    for (uint64_t i = begin; i < end; i++)
        d->to[i] = (float)lte_init_draw(&d->parameter->weight.init, d->key, i);
}

struct draw_all {
    struct lte_parameters *p;
    uint64_t seed;
};

static void draw_all(struct lte_par *par, void *arg)
{
    const struct draw_all *a = arg;
    for (size_t i = 0; i < a->p->count; i++) {
        const struct lte_parameter *q = &a->p->parameter[i];
        struct drawing d = {q, a->p->master + q->first, lte_random_key(a->seed, q->weight.name)};
        lte_par_for(par, (size_t)((q->weight.elements + BLOCK - 1) / BLOCK), draw_block, &d);
    }
}

void lte_parameters_draw(struct lte_parameters *p, uint64_t seed)
{
    struct draw_all a = {p, seed};
    lte_par_run(p->context->par, draw_all, &a);
}

static enum lte_status load_one(struct lte_parameters *p, struct lte_parameter *q,
                                const struct lte_tensors *tensors, const char *name)
{
    const struct lte_tensor *t = lte_tensors_find(tensors, q->weight.name);
    if (!t && (q->router || q->indexer))
        return LTE_OK;
    if (!t)
        return lte_fail(p->context, LTE_ERR_FORMAT, "%s: tensor \"%s\" is missing", name,
                        q->weight.name);
    LTE_TRY(lte_weight_check(p->context, &q->weight, t));
    p->context->kernels.widen[t->type](p->master + q->first, t->data, (size_t)t->elements);
    return LTE_OK;
}

// A head of its own in the checkpoint of a model whose config ties it must say the same as its
// twin.
struct twins {
    const struct lte_context *context;
    const struct lte_tensors *tensors;
};

static enum lte_status check_twin(void *arg, const struct lte_weight *w)
{
    const struct twins *c = arg;
    const struct lte_tensor *t = lte_tensors_find(c->tensors, w->name);
    if (!w->slot || !w->twin || !t)
        return LTE_OK;
    const struct lte_tensor *twin = lte_tensors_find(c->tensors, (*w->twin)->name);
    if (twin && lte_tensor_bytes(twin) == lte_tensor_bytes(t) &&
        memcmp(twin->data, t->data, (size_t)lte_tensor_bytes(t)) == 0)
        return LTE_OK;
    return lte_fail(c->context, LTE_ERR_UNSUPPORTED,
                    "%s: tensor \"%s\" differs from \"%s\", to which the config ties it: training "
                    "would have to give up one of them", t->file, w->name, (*w->twin)->name);
}

enum lte_status lte_parameters_load(struct lte_parameters *p, const struct lte_model *model,
                                    const struct lte_tensors *tensors, const char *name)
{
    struct twins twins = {p->context, tensors};
    for (size_t i = 0; i < p->count; i++)
        LTE_TRY(load_one(p, &p->parameter[i], tensors, name));
    // The walk only reads the model here.
    return lte_model_walk((struct lte_model *)(uintptr_t)model, check_twin, &twins);
}
