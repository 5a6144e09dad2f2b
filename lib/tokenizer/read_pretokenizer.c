// SPDX-License-Identifier: BSD-2-Clause
// Reading "pre_tokenizer" of tokenizer.json: every kind is an edit, a split at a pattern, or both.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/read.h"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

// Word characters as Rust counts them; Oniguruma's \w differs a little.
#define WORD "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}" \
             "\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

static enum lte_status add(struct lte_tokenizer *t, const char *where, struct lte_stage stage)
{
    if (t->stage_count == LTE_MAX_STAGES)
        return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: more than %d stages", where,
                        LTE_MAX_STAGES);
    t->stages[t->stage_count++] = stage;
    return LTE_OK;
}

static enum lte_status add_split(struct lte_tokenizer *t, const char *where, enum lte_pattern kind,
                                 const char *pattern, enum lte_split_behavior behavior, bool invert)
{
    struct lte_stage stage = {.kind = LTE_STAGE_SPLIT, .behavior = behavior, .invert = invert};
    LTE_TRY(lte_regex_compile(&t->pool, &t->regexes, where, kind, pattern, strlen(pattern),
                              &stage.regex));
    return add(t, where, stage);
}

static enum lte_status read_behavior(const struct lte_tokenizer *t, const json_t *value,
                                     const char *where, enum lte_split_behavior *behavior)
{
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const json_t *name = json_object_get(value, "behavior");
    *behavior = LTE_SPLIT_ISOLATED;
    if (!name)
        return LTE_OK;
    for (size_t i = 0; json_is_string(name) && i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(json_string_value(name), names[i])) {
            *behavior = (enum lte_split_behavior)i;
            return LTE_OK;
        }
    return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: this \"behavior\" is not known", where);
}

static enum lte_status read_split(struct lte_tokenizer *t, const char *where, const json_t *value)
{
    struct lte_stage stage = {.kind = LTE_STAGE_SPLIT};
    LTE_TRY(read_behavior(t, value, where, &stage.behavior));
    LTE_TRY(lte_read_bool(t, value, where, "invert", false, &stage.invert));
    LTE_TRY(lte_read_pattern(t, value, where, &stage.regex));
    return add(t, where, stage);
}

static enum lte_status read_byte_level(struct lte_tokenizer *t, const char *where,
                                       const json_t *value)
{
    static const struct lte_span space = {(const unsigned char *)" ", 1};
    bool prefix, regex;
    LTE_TRY(lte_read_bool(t, value, where, "add_prefix_space", true, &prefix));
    LTE_TRY(lte_read_bool(t, value, where, "use_regex", true, &regex));
    if (prefix)
        LTE_TRY(add(t, where, (struct lte_stage){.kind = LTE_STAGE_PREFIX, .content = space}));
    if (regex)
        LTE_TRY(add_split(t, where, LTE_PATTERN_ONIGURUMA, GPT2, LTE_SPLIT_ISOLATED, false));
    return add(t, where, (struct lte_stage){.kind = LTE_STAGE_BYTES});
}

static enum lte_status read_metaspace(struct lte_tokenizer *t, const char *where,
                                      const json_t *value)
{
    struct lte_span mark;
    bool prefix, split;
    const json_t *scheme = json_object_get(value, "prepend_scheme");
    const char *name = json_is_string(scheme) ? json_string_value(scheme) : "always";
    LTE_TRY(lte_read_text(t, value, where, "replacement", false, &mark));
    LTE_TRY(lte_read_bool(t, value, where, "add_prefix_space", true, &prefix));
    LTE_TRY(lte_read_bool(t, value, where, "split", true, &split));
    const bool first = !strcmp(name, "first"), never = !strcmp(name, "never") || !prefix;
    if (!first && !never && strcmp(name, "always"))
        return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: \"prepend_scheme\" \"%s\" is not known",
                        where, name);
    LTE_TRY(add(t, where, (struct lte_stage){.kind = LTE_STAGE_METASPACE, .content = mark}));
    if (!never)
        LTE_TRY(add(t, where, (struct lte_stage){.kind = LTE_STAGE_PREFIX, .content = mark,
                                                 .only_first = first}));
    if (!split)
        return LTE_OK;
    return add_split(t, where, LTE_PATTERN_LITERAL, (const char *)mark.text,
                     LTE_SPLIT_MERGED_WITH_NEXT, false);
}

static enum lte_status read_one(struct lte_tokenizer *t, const char *where, const json_t *value,
                                const char *type)
{
    if (!strcmp(type, "Split"))
        return read_split(t, where, value);
    if (!strcmp(type, "ByteLevel"))
        return read_byte_level(t, where, value);
    if (!strcmp(type, "Metaspace"))
        return read_metaspace(t, where, value);
    if (!strcmp(type, "Digits")) {
        bool each;
        LTE_TRY(lte_read_bool(t, value, where, "individual_digits", false, &each));
        return add_split(t, where, LTE_PATTERN_ONIGURUMA, "\\p{N}",
                         each ? LTE_SPLIT_ISOLATED : LTE_SPLIT_CONTIGUOUS, false);
    }
    if (!strcmp(type, "Whitespace"))
        return add_split(t, where, LTE_PATTERN_ONIGURUMA, "[" WORD "]+|[^\\s" WORD "]+",
                         LTE_SPLIT_REMOVED, true);
    if (!strcmp(type, "WhitespaceSplit"))
        return add_split(t, where, LTE_PATTERN_ONIGURUMA, "\\s", LTE_SPLIT_REMOVED, false);
    if (!strcmp(type, "Punctuation")) {
        enum lte_split_behavior behavior;
        LTE_TRY(read_behavior(t, value, where, &behavior));
        return add_split(t, where, LTE_PATTERN_PCRE, "[\\p{P}$+<=>^`|~]", behavior, false);
    }
    return lte_read_unsupported(t, where, type);
}

enum lte_status lte_read_pretokenizer(struct lte_tokenizer *t, const char *where,
                                      const json_t *value)
{
    const char *type;
    if (!value || json_is_null(value))
        return LTE_OK;
    LTE_TRY(lte_read_type(t, value, where, &type));
    if (strcmp(type, "Sequence"))
        return read_one(t, where, value, type);
    const json_t *array;
    LTE_TRY(lte_read_array(t, value, where, "pretokenizers", &array));
    for (size_t i = 0; i < json_array_size(array); i++)
        LTE_TRY(lte_read_pretokenizer(t, lte_where_index(where, "pretokenizers", i).text,
                                      json_array_get(array, i)));
    return LTE_OK;
}
