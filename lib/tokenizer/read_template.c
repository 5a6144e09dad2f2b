// SPDX-License-Identifier: BSD-2-Clause
// Reading "post_processor" of tokenizer.json: the ids it puts before and after a single text.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/read.h"

struct id_list {
    uint32_t *ids;
    size_t count;
};

enum { MAX_IDS = 64 };

static enum lte_status add_special(struct lte_tokenizer *t, const char *where, const json_t *value,
                                   const json_t *specials, struct id_list *list)
{
    const char *name = json_string_value(json_object_get(value, "id"));
    const json_t *ids = name ? json_object_get(json_object_get(specials, name), "ids") : NULL;
    if (!json_is_array(ids))
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: special token \"%s\" is not described",
                        where, name ? name : "");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        const json_int_t n = json_is_integer(id) ? json_integer_value(id) : -1;
        if (n < 0 || n > LTE_MAX_ID || !lte_vocab_has(&t->vocab, (uint32_t)n))
            return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"%s\" has an id outside the vocabulary",
                            where, name);
        if (list->count == MAX_IDS)
            return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: more than %d ids", where, MAX_IDS);
        list->ids[list->count++] = (uint32_t)n;
    }
    return LTE_OK;
}

static enum lte_status read_pieces(struct lte_tokenizer *t, const char *where, const json_t *single,
                                   const json_t *specials, struct id_list lists[2])
{
    size_t texts = 0;
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *piece = json_array_get(single, i);
        const json_t *special = json_object_get(piece, "SpecialToken");
        if (special)
            LTE_TRY(add_special(t, where, special, specials, &lists[texts > 0]));
        else if (json_object_get(piece, "Sequence"))
            texts++;
        else
            return lte_fail(t->context, LTE_ERR_FORMAT,
                            "%s.single[%zu]: neither \"Sequence\" nor \"SpecialToken\"", where, i);
    }
    if (texts != 1)
        return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: the text occurs %zu times in \"single\"",
                        where, texts);
    return LTE_OK;
}

static enum lte_status join(struct lte_tokenizer *t, const uint32_t *a, size_t na, const uint32_t *b,
                            size_t nb, uint32_t **ids, size_t *count)
{
    uint32_t *joined = lte_pool_alloc(&t->pool, na + nb, sizeof *joined);
    if (!joined)
        return LTE_ERR_MEMORY;
    if (na)
        memcpy(joined, a, na * sizeof *a);
    if (nb)
        memcpy(joined + na, b, nb * sizeof *b);
    *ids = joined;
    *count = na + nb;
    return LTE_OK;
}

// A later template goes around the earlier ones.
static enum lte_status read_processing(struct lte_tokenizer *t, const char *where,
                                       const json_t *value)
{
    uint32_t before[MAX_IDS], after[MAX_IDS];
    struct id_list lists[2] = {{before, 0}, {after, 0}};
    struct lte_template *ids = &t->template_ids;
    const json_t *single;
    LTE_TRY(lte_read_array(t, value, where, "single", &single));
    LTE_TRY(read_pieces(t, where, single, json_object_get(value, "special_tokens"), lists));
    LTE_TRY(join(t, before, lists[0].count, ids->before, ids->before_count, &ids->before,
                 &ids->before_count));
    return join(t, ids->after, ids->after_count, after, lists[1].count, &ids->after,
                &ids->after_count);
}

enum lte_status lte_read_template(struct lte_tokenizer *t, const char *where, const json_t *value)
{
    const char *type;
    if (!value || json_is_null(value))
        return LTE_OK;
    LTE_TRY(lte_read_type(t, value, where, &type));
    if (!strcmp(type, "ByteLevel")) // changes offsets only
        return LTE_OK;
    if (!strcmp(type, "TemplateProcessing"))
        return read_processing(t, where, value);
    if (strcmp(type, "Sequence"))
        return lte_read_unsupported(t, where, type);
    const json_t *array;
    LTE_TRY(lte_read_array(t, value, where, "processors", &array));
    for (size_t i = 0; i < json_array_size(array); i++)
        LTE_TRY(lte_read_template(t, lte_where_index(where, "processors", i).text,
                                  json_array_get(array, i)));
    return LTE_OK;
}
