// SPDX-License-Identifier: BSD-2-Clause
// Checkpoints of a run. The optimizer's file holds all that a resumed run needs, masters included,
// and is replaced first: whenever the process dies, the old or the new state is there, whole.
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/atomic_file.h"
#include "lib/file.h"
#include "lib/safetensors_write.h"
#include "lib/train/trainer.h"

static const char state_file[] = "trainer.safetensors";

enum { NAME = LTE_WEIGHT_NAME + 16, MAX_BUFFERS = 4, ARRAYS = 3, COUNTS = 4 };

// Tensors to be written, in order, and where their bytes are.
struct listing {
    struct lte_tensor *tensor;
    char (*name)[NAME];
    size_t count, capacity;
};

static enum lte_status listing_init(const struct lte_context *c, size_t capacity, struct listing *l)
{
    *l = (struct listing){.capacity = capacity};
    l->tensor = lte_alloc_array(c, capacity, sizeof *l->tensor);
    l->name = lte_alloc_array(c, capacity, sizeof *l->name);
    return l->tensor && l->name ? LTE_OK
                                : lte_fail_memory(c, "a checkpoint", capacity * sizeof *l->tensor);
}

static void listing_end(const struct lte_context *c, struct listing *l)
{
    lte_release(c, l->tensor, l->capacity * sizeof *l->tensor);
    lte_release(c, l->name, l->capacity * sizeof *l->name);
}

static void list(struct listing *l, const char *name, const char *suffix, enum lte_file_type type,
                 unsigned dims, const uint64_t *shape, const void *data)
{
    struct lte_tensor *t = &l->tensor[l->count];
    snprintf(l->name[l->count], sizeof *l->name, "%s%s", name, suffix);
    *t = (struct lte_tensor){
        .name = l->name[l->count], .type = type, .dims = dims, .elements = 1, .data = data};
    for (unsigned i = 0; i < dims; i++) {
        t->shape[i] = shape[i];
        t->elements *= shape[i];
    }
    l->count++;
}

static enum lte_status write_listing(const struct lte_context *c, const char *path,
                                     const struct listing *l)
{
    struct lte_writer *writer;
    enum lte_status status = LTE_OK;
    LTE_TRY(lte_writer_begin(c, path, l->tensor, l->count, &writer));
    for (size_t i = 0; i < l->count && status == LTE_OK; i++)
        status = lte_writer_put(writer, l->tensor[i].data, (size_t)lte_tensor_bytes(&l->tensor[i]));
    if (status == LTE_OK)
        return lte_writer_finish(writer);
    lte_writer_abandon(writer);
    return status;
}

static void list_parameters(struct listing *l, const struct lte_parameters *p, const float *array,
                            const char *suffix)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct lte_weight *w = &p->parameter[i].weight;
        list(l, w->name, suffix, LTE_FILE_F32, w->dims, w->shape, array + p->parameter[i].first);
    }
}

// The buffers that published checkpoints have beside the weights.
struct budget_buffers {
    float *lambda, *num_kept;
    size_t heads;
};

static enum lte_status export_budget(const struct lte_trainer *t, struct budget_buffers *b)
{
    b->heads = t->budget->layers * t->budget->heads;
    b->lambda = lte_alloc_array(t->context, b->heads, sizeof *b->lambda);
    b->num_kept = lte_alloc_array(t->context, b->heads, sizeof *b->num_kept);
    if (!b->lambda || !b->num_kept)
        return lte_fail_memory(t->context, "a checkpoint", 2 * b->heads * sizeof *b->lambda);
    lte_budget_export(t->budget, b->lambda, b->num_kept);
    return LTE_OK;
}

static void list_budget(struct listing *l, const struct lte_trainer *t,
                        const struct budget_buffers *b)
{
    const uint64_t shape[] = {t->budget->layers, t->budget->heads};
    list(l, "model.l1_lambda", "", LTE_FILE_F32, t->model->lambda_dims, shape, b->lambda);
    list(l, "model.num_kept", "", LTE_FILE_F32, 2, shape, b->num_kept);
}

// The names of published checkpoints, in fp32.
static enum lte_status write_model(const struct lte_trainer *t, const char *path)
{
    struct listing l;
    struct budget_buffers b = {NULL, NULL, 0};
    enum lte_status status = listing_init(t->context, t->parameters.count + MAX_BUFFERS, &l);
    if (status == LTE_OK && t->budget)
        status = export_budget(t, &b);
    if (status == LTE_OK) {
        list_parameters(&l, &t->parameters, t->parameters.master, "");
        if (t->budget)
            list_budget(&l, t, &b);
        status = write_listing(t->context, path, &l);
    }
    lte_release(t->context, b.lambda, b.heads * sizeof *b.lambda);
    lte_release(t->context, b.num_kept, b.heads * sizeof *b.num_kept);
    listing_end(t->context, &l);
    return status;
}

static const char *const suffix[ARRAYS] = {"", ".moment1", ".moment2"};

static float *array_of(const struct lte_parameters *p, size_t i)
{
    return i == 0 ? p->master : i == 1 ? p->moment1 : p->moment2;
}

static enum lte_status write_state(const struct lte_trainer *t, const char *path)
{
    struct listing l;
    const uint64_t counts[] = {COUNTS};
    const int64_t steps[] = {(int64_t)t->step, (int64_t)t->skipped, (int64_t)t->router_updates,
                             t->budget ? (int64_t)t->budget->met : 0};
    enum lte_status status =
        listing_init(t->context, ARRAYS * t->parameters.count + MAX_BUFFERS, &l);
    if (status == LTE_OK) {
        list(&l, "trainer.steps", "", LTE_FILE_I64, 1, counts, steps);
        if (t->budget) {
            const uint64_t shape[] = {t->budget->layers, t->budget->heads};
            list(&l, "trainer.num_kept", "", LTE_FILE_F64, 2, shape, t->budget->num_kept);
            list(&l, "trainer.lambda", "", LTE_FILE_F32, 2, shape, t->budget->lambda);
        }
        for (size_t i = 0; i < ARRAYS; i++)
            list_parameters(&l, &t->parameters, array_of(&t->parameters, i), suffix[i]);
        status = write_listing(t->context, path, &l);
    }
    listing_end(t->context, &l);
    return status;
}

static enum lte_status in_folder(const struct lte_trainer *t, const char *folder, const char *name,
                                 enum lte_status (*write)(const struct lte_trainer *t,
                                                          const char *path))
{
    char *path = lte_path_join(t->context, folder, name);
    if (!path)
        return lte_fail_memory(t->context, "a path", strlen(folder) + strlen(name));
    const enum lte_status status = write(t, path);
    lte_release(t->context, path, strlen(path) + 1);
    return status;
}

static enum lte_status write_config(const struct lte_trainer *t, const char *path)
{
    return lte_atomic_write(t->context, path, t->config.bytes, t->config.size);
}

static enum lte_status write_tokenizer(const struct lte_trainer *t, const char *path)
{
    return lte_atomic_write(t->context, path, t->tokenizer.bytes, t->tokenizer.size);
}

enum lte_status lte_trainer_save(struct lte_trainer *t, const char *folder)
{
    if (!t || !folder)
        return LTE_ERR_ARGUMENT;
    if (mkdir(folder, 0777) && errno != EEXIST)
        return lte_fail(t->context, LTE_ERR_IO, "%s: %s", folder, strerror(errno));
    LTE_TRY(in_folder(t, folder, "config.json", write_config));
    if (t->tokenizer.bytes)
        LTE_TRY(in_folder(t, folder, "tokenizer.json", write_tokenizer));
    LTE_TRY(in_folder(t, folder, state_file, write_state));
    return in_folder(t, folder, "model.safetensors", write_model);
}

static enum lte_status copy_tensor(const struct lte_context *c, const struct lte_tensors *tensors,
                                   const char *path, const char *name, enum lte_file_type type,
                                   uint64_t elements, void *to)
{
    const struct lte_tensor *t = lte_tensors_find(tensors, name);
    if (!t || t->type != type || t->elements != elements)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: tensor \"%s\" is %s", path, name,
                        t ? "not what this model needs" : "missing");
    memcpy(to, t->data, (size_t)lte_tensor_bytes(t));
    return LTE_OK;
}

static enum lte_status read_parameters(struct lte_trainer *t, const struct lte_tensors *tensors,
                                       const char *path)
{
    const struct lte_parameters *p = &t->parameters;
    char name[NAME];
    for (size_t i = 0; i < ARRAYS; i++)
        for (size_t k = 0; k < p->count; k++) {
            const struct lte_parameter *q = &p->parameter[k];
            snprintf(name, sizeof name, "%s%s", q->weight.name, suffix[i]);
            LTE_TRY(copy_tensor(t->context, tensors, path, name, LTE_FILE_F32, q->weight.elements,
                                array_of(p, i) + q->first));
        }
    return LTE_OK;
}

static enum lte_status read_budget(struct lte_trainer *t, const struct lte_tensors *tensors,
                                   const char *path)
{
    struct lte_budget *b = t->budget;
    if (!b)
        return LTE_OK;
    const uint64_t n = b->layers * b->heads;
    LTE_TRY(copy_tensor(t->context, tensors, path, "trainer.num_kept", LTE_FILE_F64, n, b->num_kept));
    return copy_tensor(t->context, tensors, path, "trainer.lambda", LTE_FILE_F32, n, b->lambda);
}

static enum lte_status read_state(struct lte_trainer *t, const char *path)
{
    struct lte_tensors *tensors;
    int64_t steps[COUNTS] = {0, 0, 0, 0};
    LTE_TRY(lte_tensors_open(t->context, path, &tensors));
    enum lte_status status =
        copy_tensor(t->context, tensors, path, "trainer.steps", LTE_FILE_I64, COUNTS, steps);
    if (status == LTE_OK && (steps[0] < 0 || steps[1] < 0 || steps[1] > steps[0] || steps[2] < 0 ||
                             steps[2] > steps[0] - steps[1] || steps[3] < 0 || steps[3] > steps[0]))
        status = lte_fail(t->context, LTE_ERR_FORMAT,
                          "%s: %lld steps, %lld of them skipped, %lld updates of routers, the budget "
                          "met in step %lld", path, (long long)steps[0], (long long)steps[1],
                          (long long)steps[2], (long long)steps[3]);
    if (status == LTE_OK)
        status = read_parameters(t, tensors, path);
    if (status == LTE_OK)
        status = read_budget(t, tensors, path);
    lte_tensors_close(tensors);
    t->step = (uint64_t)steps[0];
    t->skipped = (uint64_t)steps[1];
    t->router_updates = (uint64_t)steps[2];
    if (t->budget) {
        t->budget->met = (uint64_t)steps[3];
        lte_budget_begin_step(t->budget, t->step ? t->step : 1); // for an evaluation before the next
    }
    return status;
}

enum lte_status lte_trainer_resume(struct lte_context *context, const char *folder,
                                   const struct lte_train_options *options,
                                   struct lte_trainer **trainer)
{
    if (trainer)
        *trainer = NULL;
    if (!context || !folder || !trainer)
        return LTE_ERR_ARGUMENT;
    char *path[] = {lte_path_join(context, folder, "config.json"),
                    lte_path_join(context, folder, "tokenizer.json"),
                    lte_path_join(context, folder, state_file)};
    enum lte_status status = LTE_ERR_MEMORY;
    if (path[0] && path[1] && path[2])
        status = lte_trainer_make(context, path[0], lte_path_exists(path[1]) ? path[1] : NULL,
                                  options, trainer);
    if (status == LTE_OK)
        status = read_state(*trainer, path[2]);
    if (status == LTE_OK) {
        lte_trainer_publish(*trainer);
    } else {
        lte_trainer_free(*trainer);
        *trainer = NULL;
    }
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++)
        lte_release(context, path[i], path[i] ? strlen(path[i]) + 1 : 0);
    return status;
}
