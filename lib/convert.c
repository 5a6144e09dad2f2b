// SPDX-License-Identifier: BSD-2-Clause
// Conversion of a checkpoint into a hybrid.
#include "config.h"

#include "lib/convert.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/new_folder.h"
#include "lib/weights.h"

enum { MAX_CONFIG = 16 << 20, MAX_TOKENIZER = 1 << 28 };

void lte_convert_options_init(struct lte_convert_options *options)
{
    if (options)
        *options = (struct lte_convert_options){.layout = NULL};
}

static void release(const struct lte_context *c, char *path)
{
    lte_release(c, path, path ? strlen(path) + 1 : 0);
}

// A model bound to its mapped weights; it is not going to be run, and so has no graph.
static enum lte_status open_source(struct lte_context *c, const char *folder,
                                   struct lte_model **model)
{
    struct lte_file file;
    char *path = lte_path_join(c, folder, "config.json");
    if (!path)
        return lte_fail_memory(c, "a path", strlen(folder));
    enum lte_status status = lte_file_map(c, path, MAX_CONFIG, &file);
    if (status == LTE_OK)
        status = lte_model_configure(c, path, file.bytes, file.size, model);
    lte_file_unmap(&file);
    release(c, path);
    if (status == LTE_OK)
        status = lte_tensors_open(c, folder, &(*model)->tensors);
    if (status == LTE_OK)
        status = lte_model_bind(*model, (*model)->tensors, folder);
    return status;
}

static enum lte_status copy_tokenizer(struct lte_new_folder *f, const char *from)
{
    struct lte_file file;
    char *path = lte_path_join(f->context, from, "tokenizer.json");
    enum lte_status status = LTE_OK;
    if (!path)
        return lte_fail_memory(f->context, "a path", strlen(from));
    if (lte_path_exists(path)) {
        status = lte_file_map(f->context, path, MAX_TOKENIZER, &file);
        if (status == LTE_OK)
            status = lte_new_folder_put(f, "tokenizer.json", file.bytes, file.size);
        lte_file_unmap(&file);
    }
    release(f->context, path);
    return status;
}

// Residual gates of blocks are as many as the layout has blocks.
static enum lte_status check_blocks(const struct lte_model *source, const struct lte_model *target)
{
    if (source->looping.block == target->looping.block)
        return LTE_OK;
    return lte_fail(target->context, LTE_ERR_UNSUPPORTED,
                    "the source has a residual gate for every %u layers, the layout one for every %u; "
                    "a layout that lists every layer has one in all",
                    (unsigned)source->looping.block, (unsigned)target->looping.block);
}

static enum lte_status write_folder(const struct lte_model *source, struct lte_model *target,
                                    const char *config, const char *from, const char *to,
                                    uint64_t seed)
{
    struct lte_new_folder f;
    enum lte_status status = lte_new_folder_begin(target->context, to, &f);
    if (status == LTE_OK)
        status = lte_new_folder_put(&f, "config.json", config, strlen(config));
    if (status == LTE_OK)
        status = copy_tokenizer(&f, from);
    if (status == LTE_OK)
        status = lte_convert_weights(source, target, f.weights, seed);
    return lte_new_folder_end(&f, status);
}

enum lte_status lte_convert(struct lte_context *context, const char *from, const char *to,
                            const struct lte_convert_options *options)
{
    const struct lte_convert_options defaults = {.layout = NULL};
    struct lte_model *source = NULL, *target = NULL;
    char *config = NULL;
    if (!context || !from || !to)
        return LTE_ERR_ARGUMENT;
    options = options ? options : &defaults;
    enum lte_status status = open_source(context, from, &source);
    if (status == LTE_OK)
        status = lte_convert_config(source, from, options, &config);
    if (status == LTE_OK)
        status = lte_model_configure(context, "the converted model", config, strlen(config), &target);
    if (status == LTE_OK)
        status = check_blocks(source, target);
    if (status == LTE_OK)
        status = write_folder(source, target, config, from, to, options->seed);
    free(config);
    lte_model_free(target);
    lte_model_free(source);
    return status;
}
