// SPDX-License-Identifier: BSD-2-Clause
// A model from its config alone.
#include "config.h"

#include <string.h>

#include "lib/arch/arch.h"

static enum lte_status read_config(struct lte_config *config, struct lte_model *model)
{
    const unsigned family = lte_config_choice(config, "model_type", lte_family_names);
    if (!lte_config_ok(config))
        return *config->status;
    model->arch = lte_families[family];
    model->family = model->arch->name;
    model->arch->configure(config, model);
    return *config->status;
}

static enum lte_status count_one(void *arg, const struct lte_weight *weight)
{
    struct lte_model *m = arg;
    if (weight->slot && !weight->twin) {
        m->parameters += weight->elements;
        m->tensor_count++;
    }
    return LTE_OK;
}

// Python writes the infinite as a word that is no JSON: in `bytes` it becomes a number as long, far
// beyond what a float holds. Strings are left alone.
static void replace_infinity(char *bytes, size_t size)
{
    static const char word[] = "Infinity", number[] = "1.79e308";
    const size_t n = sizeof word - 1;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"')
            quoted = !quoted;
        else if (quoted && bytes[i] == '\\')
            i++;
        else if (!quoted && size - i >= n && !memcmp(bytes + i, word, n))
            memcpy(bytes + i, number, n);
    }
}

static enum lte_status parse(struct lte_context *context, const char *name, const void *bytes,
                             size_t size, json_t **keys)
{
    char *copy = lte_alloc(context, size ? size : 1);
    *keys = NULL;
    if (!copy)
        return lte_fail_memory(context, "the config", size);
    if (size)
        memcpy(copy, bytes, size);
    replace_infinity(copy, size);
    const enum lte_status status = lte_json_parse(context, name, copy, size, keys);
    lte_release(context, copy, size ? size : 1);
    return status;
}

enum lte_status lte_model_configure(struct lte_context *context, const char *name,
                                    const void *bytes, size_t size, struct lte_model **model)
{
    struct lte_config config;
    json_t *keys;
    enum lte_status status;
    *model = NULL;
    LTE_TRY(parse(context, name, bytes, size, &keys));
    lte_config_open(&config, context, name, keys, &status);
    struct lte_model *m = lte_alloc_zero(context, sizeof *m);
    if (m) {
        m->context = context;
        read_config(&config, m);
    } else {
        status = lte_fail_memory(context, "the model", sizeof *m);
    }
    lte_config_end(&config);
    if (status == LTE_OK)
        status = lte_model_walk(m, count_one, m);
    if (status == LTE_OK)
        *model = m;
    else
        lte_model_free(m);
    return status;
}
