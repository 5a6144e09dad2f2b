// SPDX-License-Identifier: BSD-2-Clause
// Fresh models: a copy of the config and weights drawn by the training recipe, written as they are
// drawn so that a model need not fit into memory.
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/atomic_file.h"
#include "lib/file.h"
#include "lib/par.h"
#include "lib/random.h"
#include "lib/safetensors_write.h"
#include "lib/weights.h"

enum { MAX_CONFIG = 16 << 20, BLOCK = 4096, BLOCKS = 64 };

struct initializer {
    const struct lte_context *context;
    uint64_t seed;
    enum lte_dtype dtype;
    struct lte_weight *weights;  // those with an own tensor
    struct lte_tensor *tensors;  // the same, for the writer
    size_t count, filled;
    float *values;               // BLOCKS * BLOCK, and the same narrowed
    unsigned char *bytes;
    struct lte_writer *writer;
    struct lte_par *team;
    enum lte_status status;
    // the piece being drawn
    const struct lte_weight *weight;
    uint64_t key, first, end;
};

static void draw_block(void *arg, size_t item, unsigned thread)
{
    const struct initializer *in = arg;
    const uint64_t begin = in->first + item * BLOCK;
    const uint64_t end = in->end - begin < BLOCK ? in->end : begin + BLOCK;
    (void)thread;
    for (uint64_t i = begin; i < end; i++)
        in->values[i - in->first] = (float)lte_init_draw(&in->weight->init, in->key, i);
}

static enum lte_status write_weight(struct initializer *in, size_t n)
{
    const enum lte_dtype type = (enum lte_dtype)in->tensors[n].type;
    const uint64_t elements = in->weights[n].elements;
    in->weight = &in->weights[n];
    in->key = lte_random_key(in->seed, in->weight->name);
    for (in->first = 0; in->first < elements; in->first = in->end) {
        const uint64_t left = elements - in->first;
        const size_t size = left < BLOCKS * BLOCK ? (size_t)left : BLOCKS * BLOCK;
        in->end = in->first + size;
        lte_par_for(in->team, (size + BLOCK - 1) / BLOCK, draw_block, in);
        in->context->kernels.narrow[type](in->bytes, in->values, size);
        LTE_TRY(lte_writer_put(in->writer, in->bytes, size * lte_dtype_size(type)));
    }
    return LTE_OK;
}

static void write_all(struct lte_par *team, void *arg)
{
    struct initializer *in = arg;
    in->team = team;
    in->status = LTE_OK;
    for (size_t n = 0; n < in->count && in->status == LTE_OK; n++)
        in->status = write_weight(in, n);
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
                                    const char *path)
{
    const struct lte_context *c = in->context;
    const size_t values = (size_t)BLOCKS * BLOCK * sizeof *in->values;
    enum lte_status status = LTE_ERR_MEMORY;
    in->count = model->tensor_count;
    in->weights = lte_alloc_array(c, in->count, sizeof *in->weights);
    in->tensors = lte_alloc_array(c, in->count, sizeof *in->tensors);
    in->values = lte_alloc(c, values);
    in->bytes = lte_alloc(c, values);
    if (in->weights && in->tensors && in->values && in->bytes) {
        lte_model_walk(model, list_vector, in);
        lte_model_walk(model, list_matrix, in);
        status = write_model(in, path);
    } else {
        lte_fail_memory(c, "the table of weights", 2 * values);
    }
    lte_release(c, in->weights, in->count * sizeof *in->weights);
    lte_release(c, in->tensors, in->count * sizeof *in->tensors);
    lte_release(c, in->values, values);
    lte_release(c, in->bytes, values);
    return status;
}

// The paths that are written, and what to take back when something fails.
struct target {
    const char *folder;
    char *config, *weights, *index;
    bool made_folder, made_config;
};

static enum lte_status make_folder(const struct lte_context *c, struct target *t)
{
    t->made_folder = mkdir(t->folder, 0777) == 0;
    if (!t->made_folder && errno != EEXIST)
        return lte_fail(c, LTE_ERR_IO, "%s: %s", t->folder, strerror(errno));
    if (lte_path_exists(t->weights) || lte_path_exists(t->index))
        return lte_fail(c, LTE_ERR_IO, "%s: already there; it is not overwritten",
                        lte_path_exists(t->weights) ? t->weights : t->index);
    return LTE_OK;
}

// A config.json that says the same to the byte may stay.
static enum lte_status write_config(const struct lte_context *c, struct target *t,
                                    const struct lte_file *config)
{
    struct lte_file there;
    if (!lte_path_exists(t->config)) {
        LTE_TRY(lte_atomic_write(c, t->config, config->bytes, config->size));
        t->made_config = true;
        return LTE_OK;
    }
    LTE_TRY(lte_file_map(c, t->config, MAX_CONFIG, &there));
    const bool same =
        there.size == config->size && memcmp(there.bytes, config->bytes, there.size) == 0;
    lte_file_unmap(&there);
    return same ? LTE_OK
                : lte_fail(c, LTE_ERR_IO, "%s: already there and different; it is not overwritten",
                           t->config);
}

static void take_back(const struct target *t)
{
    if (t->made_config)
        unlink(t->config);
    if (t->made_folder)
        rmdir(t->folder);
}

static enum lte_status write_folder(struct initializer *in, struct lte_model *model,
                                    const char *folder, const struct lte_file *config)
{
    const struct lte_context *c = in->context;
    struct target t = {.folder = folder,
                       .config = lte_path_join(c, folder, "config.json"),
                       .weights = lte_path_join(c, folder, "model.safetensors"),
                       .index = lte_path_join(c, folder, "model.safetensors.index.json")};
    enum lte_status status = LTE_ERR_MEMORY;
    if (t.config && t.weights && t.index)
        status = make_folder(c, &t);
    else
        lte_fail_memory(c, "a path", strlen(folder) + 32);
    if (status == LTE_OK)
        status = write_config(c, &t, config);
    if (status == LTE_OK)
        status = init_weights(in, model, t.weights);
    if (status != LTE_OK)
        take_back(&t);
    lte_release(c, t.config, t.config ? strlen(t.config) + 1 : 0);
    lte_release(c, t.weights, t.weights ? strlen(t.weights) + 1 : 0);
    lte_release(c, t.index, t.index ? strlen(t.index) + 1 : 0);
    return status;
}

enum lte_status lte_model_init(struct lte_context *context, const char *config, const char *folder,
                               enum lte_dtype dtype, uint64_t seed)
{
    struct lte_file file;
    struct lte_model *model;
    if (!context || !config || !folder || lte_dtype_size(dtype) == 0)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_file_map(context, config, MAX_CONFIG, &file));
    struct initializer in = {.context = context, .seed = seed, .dtype = dtype};
    enum lte_status status = lte_model_configure(context, config, file.bytes, file.size, &model);
    if (status == LTE_OK)
        status = write_folder(&in, model, folder, &file);
    lte_model_free(model);
    lte_file_unmap(&file);
    return status;
}
