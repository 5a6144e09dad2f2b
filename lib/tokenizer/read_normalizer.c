// SPDX-License-Identifier: BSD-2-Clause
// Reading "normalizer" of tokenizer.json: nested sequences become one list.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/read.h"

enum { MAX_STEPS = 32 };

static enum lte_status read_one(struct lte_tokenizer *t, const char *where, const json_t *value,
                                const char *type, struct lte_normalizer *step)
{
    if (!strncmp(type, "NF", 2) && (!strcmp(type + 2, "C") || !strcmp(type + 2, "D") ||
                                    !strcmp(type + 2, "KC") || !strcmp(type + 2, "KD"))) {
        step->kind = LTE_NORMALIZE_FORM;
        step->compose = strchr(type, 'C') != NULL;
        step->compatible = strchr(type, 'K') != NULL;
        return LTE_OK;
    }
    if (!strcmp(type, "Lowercase")) {
        step->kind = LTE_NORMALIZE_LOWERCASE;
        return LTE_OK;
    }
    if (!strcmp(type, "Strip")) {
        step->kind = LTE_NORMALIZE_STRIP;
        LTE_TRY(lte_read_bool(t, value, where, "strip_left", true, &step->left));
        return lte_read_bool(t, value, where, "strip_right", true, &step->right);
    }
    if (!strcmp(type, "Prepend")) {
        step->kind = LTE_NORMALIZE_PREPEND;
        return lte_read_text(t, value, where, "prepend", true, &step->content);
    }
    if (!strcmp(type, "Replace")) {
        step->kind = LTE_NORMALIZE_REPLACE;
        LTE_TRY(lte_read_pattern(t, value, where, &step->regex));
        return lte_read_text(t, value, where, "content", true, &step->content);
    }
    return lte_read_unsupported(t, where, type);
}

enum lte_status lte_read_normalizer(struct lte_tokenizer *t, const char *where, const json_t *value)
{
    struct lte_normalizers *list = &t->normalizers;
    const char *type;
    if (!value || json_is_null(value))
        return LTE_OK;
    LTE_TRY(lte_read_type(t, value, where, &type));
    if (!strcmp(type, "Sequence")) {
        const json_t *array;
        LTE_TRY(lte_read_array(t, value, where, "normalizers", &array));
        for (size_t i = 0; i < json_array_size(array); i++)
            LTE_TRY(lte_read_normalizer(t, lte_where_index(where, "normalizers", i).text,
                                        json_array_get(array, i)));
        return LTE_OK;
    }
    if (!list->steps)
        list->steps = lte_pool_alloc(&t->pool, MAX_STEPS, sizeof *list->steps);
    if (!list->steps)
        return LTE_ERR_MEMORY;
    if (list->count == MAX_STEPS)
        return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: more than %d normalizers", where,
                        MAX_STEPS);
    LTE_TRY(read_one(t, where, value, type, &list->steps[list->count]));
    list->count++;
    return LTE_OK;
}
