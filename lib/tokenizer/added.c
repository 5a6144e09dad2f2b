// SPDX-License-Identifier: BSD-2-Clause
// Finding added tokens: leftmost longest matches in a sorted list of strings.
#include "config.h"

#include "lib/tokenizer/added.h"

#include <stdlib.h>
#include <string.h>

#include "lib/tokenizer/utf8.h"

static int compare(const void *a, const void *b)
{
    const struct lte_span x = ((const struct lte_added_token *)a)->content;
    const struct lte_span y = ((const struct lte_added_token *)b)->content;
    const size_t n = x.length < y.length ? x.length : y.length;
    const int order = memcmp(x.text, y.text, n);
    return order ? order : (x.length > y.length) - (x.length < y.length);
}

void lte_added_sort(struct lte_added_set *set)
{
    if (set->count)
        qsort(set->tokens, set->count, sizeof *set->tokens, compare);
    for (size_t i = 0; i < set->count; i++)
        set->begins[set->tokens[i].content.text[0]] = true;
}

// Of tokens[low..high), which agree on the bytes before `depth`, the first whose byte there is at
// least `byte`.
static size_t bound(const struct lte_added_set *set, size_t low, size_t high, size_t depth,
                    unsigned byte)
{
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct lte_span s = set->tokens[middle].content;
        if (s.length <= depth || s.text[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The longest token that `text` begins with, or NULL.
static const struct lte_added_token *longest(const struct lte_added_set *set,
                                             const unsigned char *text, size_t length)
{
    const struct lte_added_token *best = NULL;
    size_t low = 0, high = set->count;
    for (size_t depth = 0; depth < length && low < high; depth++) {
        low = bound(set, low, high, depth, text[depth]);
        high = bound(set, low, high, depth, text[depth] + 1u);
        if (low < high && set->tokens[low].content.length == depth + 1)
            best = &set->tokens[low];
    }
    return best;
}

static bool is_single_word(struct lte_span text, size_t begin, size_t end)
{
    size_t size;
    return (!begin || !lte_is_word(lte_utf8_last(text.text, text.text + begin, &size))) &&
           (end == text.length || !lte_is_word(lte_utf8_get(text.text + end, &size)));
}

static size_t spaces_before(struct lte_span text, size_t at, size_t stop)
{
    size_t size;
    while (at > stop && lte_is_space(lte_utf8_last(text.text, text.text + at, &size)))
        at -= size;
    return at;
}

static size_t spaces_after(struct lte_span text, size_t at)
{
    size_t size;
    while (at < text.length && lte_is_space(lte_utf8_get(text.text + at, &size)))
        at += size;
    return at;
}

enum lte_status lte_added_split(const struct lte_added_set *set, struct lte_span text, bool at_start,
                                bool special, const struct lte_added_parts *parts)
{
    size_t done = 0; // everything before it has been handed out
    for (size_t i = 0; set->count && i < text.length;) {
        const struct lte_added_token *t =
            set->begins[text.text[i]] ? longest(set, text.text + i, text.length - i) : NULL;
        if (!t) {
            i++;
            continue;
        }
        // The search goes on behind the match also when the match is not used.
        size_t begin = i, end = i + t->content.length;
        i = end;
        if ((t->special && !special) || (t->single_word && !is_single_word(text, begin, end)))
            continue;
        if (t->left_strip)
            begin = spaces_before(text, begin, done);
        if (t->right_strip)
            end = spaces_after(text, end);
        if (done < begin)
            LTE_TRY(parts->plain(parts->opaque,
                                 (struct lte_span){text.text + done, begin - done},
                                 at_start && !done));
        parts->token(parts->opaque, t->id);
        done = end;
    }
    if (done == text.length)
        return LTE_OK;
    return parts->plain(parts->opaque, (struct lte_span){text.text + done, text.length - done},
                        at_start && !done);
}
