// SPDX-License-Identifier: BSD-2-Clause
// Regular expressions as tokenizer.json writes them (Oniguruma), run by PCRE2.
#ifndef LTE_LIB_TOKENIZER_REGEX_H
#define LTE_LIB_TOKENIZER_REGEX_H

#include "lib/tokenizer/buffer.h"

// A compiled pattern. Constant once made; freed with the list it is in.
struct lte_regex {
    struct lte_regex *next;
    void *code;
};

struct lte_regex_list {
    struct lte_regex *first;
};

enum lte_pattern {
    LTE_PATTERN_ONIGURUMA, // translated
    LTE_PATTERN_PCRE,      // ours, as it is
    LTE_PATTERN_LITERAL    // matches itself
};

// Compiles a pattern; `where` names it in messages. LTE_ERR_UNSUPPORTED if it does not translate.
enum lte_status lte_regex_compile(struct lte_pool *pool, struct lte_regex_list *list,
                                  const char *where, enum lte_pattern kind, const char *pattern,
                                  size_t length, const struct lte_regex **regex);
void lte_regex_free(struct lte_regex_list *list);

// Translates an Oniguruma pattern (Ruby syntax, Unicode 16) into PCRE2's, appended to `out`.
enum lte_status lte_pattern_translate(struct lte_buffer *out, const char *where,
                                      const char *pattern, size_t length);

// What one thread needs to match: scratch and limits.
struct lte_matcher {
    const struct lte_context *context;
    void *memory, *limits, *data;
};

enum lte_status lte_matcher_open(struct lte_matcher *matcher, const struct lte_context *context,
                                 size_t longest);
void lte_matcher_close(struct lte_matcher *matcher);

// Successive matches in one text. Begin with everything zero but text and length.
struct lte_search {
    const unsigned char *text;
    size_t length;
    size_t begin, end; // the match found
    size_t from;
    bool matched;      // there was one before
};

// The next match, *found false when there is none. An empty match right after the last is not one.
// LTE_ERR_UNSUPPORTED if the pattern needs more backtracking than the limits allow.
enum lte_status lte_regex_next(struct lte_matcher *matcher, const struct lte_regex *regex,
                               struct lte_search *search, bool *found);

#endif
