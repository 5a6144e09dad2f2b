// SPDX-License-Identifier: BSD-2-Clause
// PCRE2 behind the tokenizer's own interface: our allocator, JIT where it is allowed, bounded
// matching.
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "lib/tokenizer/regex.h"

#include <pcre2.h>
#include <string.h>

#include "lib/tokenizer/utf8.h"

enum {
    STEPS = 10000000,      // backtracking steps a match may take, and
    STEPS_PER_BYTE = 16,   // what a long text adds (a run of spaces is walked back once)
    HEAP_KIB = 256 * 1024, // memory a match may take
    PREFIX = 16            // in front of a block: its size, which PCRE2 does not give back
};

static void *take(PCRE2_SIZE size, void *context)
{
    unsigned char *p = size <= SIZE_MAX - PREFIX ? lte_alloc(context, size + PREFIX) : NULL;
    if (!p)
        return NULL;
    const size_t whole = size + PREFIX;
    memcpy(p, &whole, sizeof whole);
    return p + PREFIX;
}

static void give(void *block, void *context)
{
    if (!block)
        return;
    unsigned char *p = (unsigned char *)block - PREFIX;
    size_t whole;
    memcpy(&whole, p, sizeof whole);
    lte_release(context, p, whole);
}

static pcre2_general_context *make_memory(const struct lte_context *context)
{
    return pcre2_general_context_create(take, give, (void *)(uintptr_t)context);
}

static enum lte_status compile(const struct lte_context *c, const char *where, uint32_t options,
                               const unsigned char *pattern, size_t length, pcre2_code **code)
{
    pcre2_general_context *memory = make_memory(c);
    pcre2_compile_context *settings = memory ? pcre2_compile_context_create(memory) : NULL;
    int error = PCRE2_ERROR_NOMEMORY;
    PCRE2_SIZE at = 0;
    *code = NULL;
    if (settings) {
        pcre2_set_newline(settings, PCRE2_NEWLINE_LF);
        *code = pcre2_compile(pattern, length, options, &error, &at, settings);
    }
    pcre2_compile_context_free(settings);
    pcre2_general_context_free(memory);
    if (*code) {
        pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE); // refused or unavailable: interpreted
        return LTE_OK;
    }
    if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED)
        return lte_fail_memory(c, where, length);
    PCRE2_UCHAR text[128] = "";
    pcre2_get_error_message(error, text, sizeof text);
    return lte_fail(c, LTE_ERR_UNSUPPORTED, "%s: pattern does not compile: %s (at byte %zu of \"%.*s\")",
                    where, (const char *)text, (size_t)at, (int)(length < 300 ? length : 300),
                    (const char *)pattern);
}

enum lte_status lte_regex_compile(struct lte_pool *pool, struct lte_regex_list *list,
                                  const char *where, enum lte_pattern kind, const char *pattern,
                                  size_t length, const struct lte_regex **regex)
{
    struct lte_regex *made = lte_pool_alloc(pool, 1, sizeof *made);
    struct lte_buffer text = {.context = pool->context};
    enum lte_status status = made ? LTE_OK : LTE_ERR_MEMORY;
    uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK;
    if (kind == LTE_PATTERN_LITERAL)
        options |= PCRE2_LITERAL;
    else
        options |= PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    if (status == LTE_OK)
        status = kind == LTE_PATTERN_ONIGURUMA
                     ? lte_pattern_translate(&text, where, pattern, length)
                     : lte_buffer_append(&text, pattern, length);
    pcre2_code *code = NULL;
    if (status == LTE_OK)
        status = compile(pool->context, where, options, text.bytes, text.length, &code);
    lte_buffer_free(&text);
    if (status != LTE_OK)
        return status;
    *made = (struct lte_regex){.next = list->first, .code = code};
    list->first = made;
    *regex = made;
    return LTE_OK;
}

void lte_regex_free(struct lte_regex_list *list)
{
    for (struct lte_regex *r = list->first; r; r = r->next)
        pcre2_code_free(r->code);
    list->first = NULL;
}

enum lte_status lte_matcher_open(struct lte_matcher *m, const struct lte_context *context,
                                 size_t longest)
{
    *m = (struct lte_matcher){.context = context, .memory = make_memory(context)};
    if (m->memory) {
        m->limits = pcre2_match_context_create(m->memory);
        m->data = pcre2_match_data_create(1, m->memory);
    }
    if (!m->limits || !m->data) {
        lte_matcher_close(m);
        return lte_fail_memory(context, "matching", sizeof *m);
    }
    const size_t most = (UINT32_MAX - STEPS) / STEPS_PER_BYTE;
    const size_t bytes = longest < most ? longest : most;
    pcre2_set_match_limit(m->limits, (uint32_t)(STEPS + bytes * STEPS_PER_BYTE));
    pcre2_set_heap_limit(m->limits, HEAP_KIB);
    return LTE_OK;
}

void lte_matcher_close(struct lte_matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
    pcre2_general_context_free(m->memory);
    m->data = m->limits = m->memory = NULL;
}

static int match(struct lte_matcher *m, const struct lte_regex *regex, const struct lte_search *s,
                 size_t from)
{
    int rc = pcre2_match(regex->code, s->text, s->length, from, PCRE2_NO_UTF_CHECK, m->data,
                         m->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) // the interpreter keeps its frames on the heap
        rc = pcre2_match(regex->code, s->text, s->length, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                         m->data, m->limits);
    return rc;
}

static enum lte_status fail(const struct lte_matcher *m, int rc, size_t at)
{
    if (rc == PCRE2_ERROR_NOMEMORY)
        return lte_fail_memory(m->context, "matching", 0);
    PCRE2_UCHAR text[128] = "";
    pcre2_get_error_message(rc, text, sizeof text);
    return lte_fail(m->context, LTE_ERR_UNSUPPORTED,
                    "the pre-tokenizer's pattern cannot be matched at byte %zu: %s", at,
                    (const char *)text);
}

enum lte_status lte_regex_next(struct lte_matcher *m, const struct lte_regex *regex,
                               struct lte_search *s, bool *found)
{
    *found = false;
    while (s->from <= s->length) {
        const int rc = match(m, regex, s, s->from);
        if (rc == PCRE2_ERROR_NOMATCH)
            return LTE_OK;
        if (rc < 0)
            return fail(m, rc, s->from);
        const PCRE2_SIZE *span = pcre2_get_ovector_pointer(m->data);
        if (span[0] < s->from || span[1] < span[0]) // \K in a lookaround
            return fail(m, PCRE2_ERROR_BADOFFSET, s->from);
        if (span[0] == span[1] && s->matched && span[1] == s->end) {
            s->from += s->from < s->length ? lte_utf8_size(s->text[s->from]) : 1;
            continue;
        }
        s->begin = span[0];
        s->end = s->from = span[1];
        s->matched = *found = true;
        return LTE_OK;
    }
    return LTE_OK;
}
