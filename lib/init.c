// SPDX-License-Identifier: BSD-2-Clause
// Fresh models: a copy of the config and weights drawn by the training recipe, written as they are
// drawn so that a model need not fit into memory.
#include "config.h"

#include <string.h>

#include "lib/file.h"
#include "lib/fresh.h"
#include "lib/new_folder.h"

enum { MAX_CONFIG = 16 << 20 };

struct initializer {
    const struct lte_context *context;
    enum lte_dtype dtype;
    struct lte_weight *weights;  // those with an own tensor
    struct lte_tensor *tensors;  // the same, for the writer
    size_t count, filled;
    struct lte_fresh fresh;
    struct lte_writer *writer;
    enum lte_status status;
};

static void write_all(struct lte_par *team, void *arg)
{
    struct initializer *in = arg;
    in->status = LTE_OK;
    for (size_t n = 0; n < in->count && in->status == LTE_OK; n++)
        in->status = lte_fresh_put(&in->fresh, team, &in->weights[n],
                                   (enum lte_dtype)in->tensors[n].type, in->writer);
}

// Vectors are few, and what they scale is worth full precision.
static bool is_vector(const struct lte_weight *w)
{
    return w->dims < 2;
}

static void list_one(struct initializer *in, const struct lte_weight *w)
{
    const size_t n = in->filled++;
    in->weights[n] = *w;
    in->tensors[n] = (struct lte_tensor){
        .name = in->weights[n].name,
        .type = is_vector(w) ? LTE_FILE_F32 : (enum lte_file_type)in->dtype,
        .dims = w->dims,
    };
    memcpy(in->tensors[n].shape, w->shape, sizeof w->shape);
}

// Vectors come first: what has four bytes an element then lies at multiples of four.
static enum lte_status list_vector(void *arg, const struct lte_weight *w)
{
    if (w->slot && !w->twin && is_vector(w))
        list_one(arg, w);
    return LTE_OK;
}

static enum lte_status list_matrix(void *arg, const struct lte_weight *w)
{
    if (w->slot && !w->twin && !is_vector(w))
        list_one(arg, w);
    return LTE_OK;
}

static enum lte_status write_model(struct initializer *in, const char *path)
{
    LTE_TRY(lte_writer_begin(in->context, path, in->tensors, in->count, &in->writer));
    lte_par_run(in->context->par, write_all, in);
    if (in->status == LTE_OK)
        return lte_writer_finish(in->writer);
    lte_writer_abandon(in->writer);
    return in->status;
}

static enum lte_status init_weights(struct initializer *in, struct lte_model *model,
                                    const char *path, uint64_t seed)
{
    const struct lte_context *c = in->context;
    in->count = model->tensor_count;
    in->weights = lte_alloc_array(c, in->count, sizeof *in->weights);
    in->tensors = lte_alloc_array(c, in->count, sizeof *in->tensors);
    enum lte_status status = lte_fresh_begin(c, seed, &in->fresh);
    if (status == LTE_OK && (!in->weights || !in->tensors))
        status = lte_fail_memory(c, "the table of weights", in->count * sizeof *in->weights);
    if (status == LTE_OK) {
        lte_model_walk(model, list_vector, in);
        lte_model_walk(model, list_matrix, in);
        status = write_model(in, path);
    }
    lte_fresh_end(&in->fresh);
    lte_release(c, in->weights, in->count * sizeof *in->weights);
    lte_release(c, in->tensors, in->count * sizeof *in->tensors);
    return status;
}

static enum lte_status write_folder(struct initializer *in, struct lte_model *model,
                                    const char *folder, const struct lte_file *config, uint64_t seed)
{
    struct lte_new_folder f;
    enum lte_status status = lte_new_folder_begin(in->context, folder, &f);
    if (status == LTE_OK)
        status = lte_new_folder_put(&f, "config.json", config->bytes, config->size);
    if (status == LTE_OK)
        status = init_weights(in, model, f.weights, seed);
    return lte_new_folder_end(&f, status);
}

enum lte_status lte_model_init(struct lte_context *context, const char *config, const char *folder,
                               enum lte_dtype dtype, uint64_t seed)
{
    struct lte_file file;
    struct lte_model *model;
    if (!context || !config || !folder || lte_dtype_size(dtype) == 0)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_file_map(context, config, MAX_CONFIG, &file));
    struct initializer in = {.context = context, .dtype = dtype};
    enum lte_status status = lte_model_configure(context, config, file.bytes, file.size, &model);
    if (status == LTE_OK)
        status = write_folder(&in, model, folder, &file, seed);
    lte_model_free(model);
    lte_file_unmap(&file);
    return status;
}
