// SPDX-License-Identifier: BSD-2-Clause
// A model from its config alone.
#include "config.h"

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

enum lte_status lte_model_configure(struct lte_context *context, const char *name,
                                    const void *bytes, size_t size, struct lte_model **model)
{
    struct lte_config config;
    json_t *keys;
    enum lte_status status;
    *model = NULL;
    LTE_TRY(lte_json_parse(context, name, bytes, size, &keys));
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
