// SPDX-License-Identifier: BSD-2-Clause
// Sources by their descriptions: a table of kinds.
#include "config.h"

#include "tools/train/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/message.h"

enum { MAX_SOURCES = 32 };

struct making {
    const struct source_setting *setting;
    struct reader reader;
    struct lte_data_options options;
    struct lte_data *made;
};

static void check(struct making *m, enum lte_status status)
{
    if (status == LTE_OK)
        return;
    m->made = NULL;
    reader_fail(&m->reader, "", "cannot be made: %s", lte_status_text(status));
}

static bool needs_tokenizer(struct making *m)
{
    if (!m->setting->tokenizer)
        reader_fail(&m->reader, "kind", "needs a tokenizer: name one in model.tokenizer");
    return m->setting->tokenizer != NULL;
}

// Encodes the inputs once: the token file is made if it is not there.
static bool make_tokens(struct making *m, const char *path)
{
    const json_t *list;
    const char *inputs[MAX_SOURCES];
    struct lte_tokenize_options options;
    lte_tokenize_options_init(&options);
    const size_t count = reader_list(&m->reader, "inputs", &list);
    options.end = reader_text(&m->reader, "end");
    options.separator = reader_text(&m->reader, "separator");
    if (access(path, F_OK) == 0)
        return true;
    if (!count || count > MAX_SOURCES) {
        reader_fail(&m->reader, "inputs", "must list 1..%d files or folders, as %s is not there",
                    (int)MAX_SOURCES, path);
        return false;
    }
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        const char *folder = text && text[0] == '/' ? "" : m->reader.file->folder;
        const size_t size = text ? strlen(folder) + strlen(text) + 1 : 0;
        char *joined = text ? malloc(size) : NULL;
        if (!joined) {
            reader_fail(&m->reader, "inputs", "must be a list of texts");
            break;
        }
        snprintf(joined, size, "%s%s", folder, text);
        inputs[filled++] = joined;
    }
    if (!m->reader.file->failed && needs_tokenizer(m))
        check(m, lte_data_tokenize(m->setting->context, m->setting->tokenizer, inputs, count,
                                   &options, path, NULL));
    for (size_t i = 0; i < filled; i++)
        free((char *)(uintptr_t)inputs[i]);
    return !m->reader.file->failed;
}

static void make_text(struct making *m)
{
    char *path = reader_path(&m->reader, "tokens");
    const bool separate = reader_bool(&m->reader, "separate", false);
    if (!path)
        reader_fail(&m->reader, "tokens", "must name a token file");
    else if (make_tokens(m, path))
        check(m, lte_data_text(m->setting->context, path, separate, &m->options, &m->made));
    free(path);
}

static void make_mqar(struct making *m)
{
    struct lte_mqar_options o;
    lte_mqar_options_init(&o);
    o.vocabulary = (uint32_t)reader_integer(&m->reader, "vocabulary", o.vocabulary, 4, 1 << 24);
    o.first = (uint32_t)reader_integer(&m->reader, "first", o.first, 0, 1 << 24);
    o.pairs = (uint32_t)reader_integer(&m->reader, "pairs", o.pairs, 1, 1 << 20);
    o.fewest = (uint32_t)reader_integer(&m->reader, "fewest", o.pairs, 1, 1 << 20);
    o.passes = (uint32_t)reader_integer(&m->reader, "passes", o.passes, 1, 1 << 20);
    o.power = reader_real(&m->reader, "power", o.power, 1e-6, 100);
    o.random_others = reader_bool(&m->reader, "random_others", o.random_others != 0);
    if (!m->reader.file->failed)
        check(m, lte_data_mqar(m->setting->context, &o, &m->options, &m->made));
}

static void make_copy(struct making *m)
{
    struct lte_copy_options o;
    lte_copy_options_init(&o);
    o.first = (uint32_t)reader_integer(&m->reader, "first", o.first, 0, 1 << 24);
    o.symbols = (uint32_t)reader_integer(&m->reader, "symbols", o.symbols, 1, 1 << 24);
    o.shortest = (uint32_t)reader_integer(&m->reader, "segment_shortest", o.shortest, 1, 1 << 24);
    o.longest = (uint32_t)reader_integer(&m->reader, "segment_longest", o.longest, 1, 1 << 24);
    if (!m->reader.file->failed)
        check(m, lte_data_copy(m->setting->context, &o, &m->options, &m->made));
}

static void make_niah(struct making *m)
{
    struct lte_niah_options o;
    lte_niah_options_init(&o);
    char *haystack = reader_path(&m->reader, "haystack");
    o.tokenizer = m->setting->tokenizer;
    o.haystack = haystack;
    o.variant = (int)reader_integer(&m->reader, "variant", (uint64_t)o.variant, 1, 3);
    o.depth = reader_real(&m->reader, "depth", o.depth, -1, 100);
    o.random_start = reader_bool(&m->reader, "random_start", o.random_start != 0);
    if (!m->reader.file->failed && needs_tokenizer(m))
        check(m, lte_data_niah(m->setting->context, &o, &m->options, &m->made));
    free(haystack);
}

// The sources of a list, each an object; freed again unless all are good.
static size_t make_list(struct making *m, const char *key, struct lte_data **sources,
                        void (*extra)(struct making *m, const json_t *value, size_t i, void *to),
                        void *to)
{
    const json_t *list;
    const size_t count = reader_list(&m->reader, key, &list);
    size_t made = 0;
    if (!count || count > MAX_SOURCES)
        reader_fail(&m->reader, key, "must be a list of 1..%d", (int)MAX_SOURCES);
    while (made < count && !m->reader.file->failed) {
        const json_t *element = json_array_get(list, made);
        char name[2 * READER_NAME];
        snprintf(name, sizeof name, "%s.%s[%zu]", m->reader.name, key, made);
        extra(m, element, made, to);
        sources[made] = source_make(m->setting, m->reader.file, element, name);
        made += sources[made] != NULL;
    }
    if (!m->reader.file->failed)
        return count;
    while (made)
        lte_data_free(sources[--made]);
    return 0;
}

static void free_list(struct lte_data **sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lte_data_free(sources[i]);
}

static void fail_element(struct making *m, const char *key, size_t i, const char *what)
{
    char element[48];
    snprintf(element, sizeof element, "%s[%zu]", key, i);
    reader_fail(&m->reader, element, ".%s", what);
}

static void read_weight(struct making *m, const json_t *value, size_t i, void *to)
{
    const json_t *weight = json_object_get(value, "weight");
    if (weight && !json_is_number(weight))
        fail_element(m, "sources", i, "weight must be a number");
    ((double *)to)[i] = weight ? json_number_value(weight) : 1;
}

static void make_mix(struct making *m)
{
    struct lte_data *sources[MAX_SOURCES];
    double weights[MAX_SOURCES];
    const size_t count = make_list(m, "sources", sources, read_weight, weights);
    if (!count)
        return;
    check(m, lte_data_mix(m->setting->context, sources, weights, count, &m->options, &m->made));
    if (!m->made)
        free_list(sources, count);
}

static void read_from(struct making *m, const json_t *value, size_t i, void *to)
{
    const json_t *from = json_object_get(value, "from");
    if (from && (!json_is_integer(from) || json_integer_value(from) < 0))
        fail_element(m, "phases", i, "from must be a step");
    ((uint64_t *)to)[i] = from ? (uint64_t)json_integer_value(from) : 0;
}

static void make_phases(struct making *m)
{
    struct lte_data *sources[MAX_SOURCES];
    uint64_t first[MAX_SOURCES];
    const size_t count = make_list(m, "phases", sources, read_from, first);
    if (!count)
        return;
    check(m, lte_data_phases(m->setting->context, sources, first, count, &m->made));
    if (!m->made)
        free_list(sources, count);
}

static void read_nothing(struct making *m, const json_t *value, size_t i, void *to)
{
    (void)m, (void)value, (void)i, (void)to;
}

static void make_turns(struct making *m)
{
    struct lte_data *sources[MAX_SOURCES];
    const size_t count = make_list(m, "sources", sources, read_nothing, NULL);
    if (!count)
        return;
    if (count > m->options.micro_batches)
        reader_fail(&m->reader, "sources", "has %zu entries for %u micro-batches of a step", count,
                    (unsigned)m->options.micro_batches);
    else
        check(m, lte_data_turns(m->setting->context, sources, count, &m->made));
    if (!m->made)
        free_list(sources, count);
}

static const char *const kinds[] = {"text", "mqar",   "copy",  "niah",
                                    "mix",  "phases", "turns", NULL};
static void (*const makers[])(struct making *m) = {make_text, make_mqar,   make_copy, make_niah,
                                                   make_mix,  make_phases, make_turns};
enum { COMBINATIONS = 4 }; // the kinds from here on have no sequences of their own

static void read_options(struct making *m)
{
    struct lte_data_options *o = &m->options;
    struct reader *r = &m->reader;
    lte_data_options_init(o);
    o->seed = reader_integer(r, "seed", m->setting->seed, 0, INT64_MAX);
    o->rows = (uint32_t)reader_integer(r, "rows", m->setting->rows, 1, 1 << 24);
    o->micro_batches = m->setting->micro_batches;
    o->longest = (uint32_t)reader_integer(r, "length", o->longest < o->rows ? o->longest : o->rows, 2,
                                          1 << 24);
    o->shortest = (uint32_t)reader_integer(r, "shortest", o->longest, 2, o->longest);
    o->all_targets = reader_bool(r, "all_targets", o->all_targets != 0);
}

struct lte_data *source_make(const struct source_setting *setting, struct reader_file *file,
                             const json_t *value, const char *name)
{
    struct making m = {.setting = setting};
    reader_open(&m.reader, file, value, name);
    reader_value(&m.reader, "weight"); // of a mix, read by it
    reader_value(&m.reader, "from");   // of phases
    if (!value)
        reader_fail(&m.reader, "", "is missing: it says where training data comes from");
    else if (!reader_has(&m.reader, "kind"))
        reader_fail(&m.reader, "kind", "is missing");
    const unsigned kind = reader_choice(&m.reader, "kind", kinds, 0);
    read_options(&m);
    if (!file->failed)
        makers[kind](&m);
    reader_end(&m.reader);
    if (setting->longest && kind < COMBINATIONS && *setting->longest < m.options.longest)
        *setting->longest = m.options.longest;
    if (file->failed) {
        lte_data_free(m.made);
        m.made = NULL;
    }
    return m.made;
}
