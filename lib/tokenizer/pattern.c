// SPDX-License-Identifier: BSD-2-Clause
// Translates the patterns of tokenizer.json, written for Oniguruma's Ruby syntax, into PCRE2's.
// Where the two read the same text differently the meaning is kept; what has no counterpart is
// refused.
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "lib/tokenizer/regex.h"

#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tokenizer/unicode16.h"

// Class contents. White_Space, where PCRE2's \s also has U+180E; its complement, for [\S...]; and
// the word characters of Oniguruma, which has the superscripts and fractions of Latin-1 among them.
#define SPACE "\\x{9}-\\x{d} \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
              "\\x{205f}\\x{3000}"
#define NOT_SPACE "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}" \
                  "\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}" \
                  "\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
#define WORD_SYMBOLS "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}" \
                     "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

enum { DEPTH = 64 };

struct translation {
    struct lte_buffer *out;
    const char *where, *pattern;
    size_t length, at;
    size_t atom;          // where in `out` the last thing that a quantifier can follow begins
    size_t group[DEPTH];  // the same for the groups that are open
    size_t depth;
    bool extend;          // this PCRE2 is older than Unicode 16
};

static enum lte_status refuse(const struct translation *t, const char *what)
{
    return lte_fail(t->out->context, LTE_ERR_UNSUPPORTED,
                    "%s: pattern \"%.*s\": %s (at byte %zu) is not supported", t->where,
                    (int)(t->length < 300 ? t->length : 300), t->pattern, what, t->at);
}

static bool next_is(const struct translation *t, const char *text)
{
    const size_t n = strlen(text);
    return t->length - t->at >= n && !memcmp(t->pattern + t->at, text, n);
}

static enum lte_status put(struct translation *t, const char *text)
{
    return lte_buffer_text(t->out, text);
}

static enum lte_status copy(struct translation *t, size_t bytes)
{
    LTE_TRY(lte_buffer_append(t->out, t->pattern + t->at, bytes));
    t->at += bytes;
    return LTE_OK;
}

static enum lte_status put_newer(struct translation *t, const char *category)
{
    for (size_t i = 0; t->extend && i < sizeof unicode16 / sizeof unicode16[0]; i++)
        if (!strcmp(unicode16[i].category, category))
            return put(t, unicode16[i].ranges);
    return LTE_OK;
}

static enum lte_status put_category(struct translation *t, const char *category)
{
    LTE_TRY(put(t, "\\p{"));
    LTE_TRY(put(t, category));
    LTE_TRY(put(t, "}"));
    return put_newer(t, category);
}

static enum lte_status put_word(struct translation *t)
{
    static const char *const parts[] = {"L", "M", "Nd", "Nl", "Pc"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        LTE_TRY(put_category(t, parts[i]));
    return put(t, WORD_SYMBOLS);
}

// The contents of \s \d \w \h in a class.
static enum lte_status put_shorthand(struct translation *t, char lower)
{
    switch (lower) {
    case 's':
        return put(t, SPACE);
    case 'd':
        return put_category(t, "Nd");
    case 'h':
        return put(t, "0-9A-Fa-f");
    default:
        return put_word(t);
    }
}

static enum lte_status put_boundary(struct translation *t, bool negated)
{
    LTE_TRY(put(t, "(?:(?<=["));
    LTE_TRY(put_word(t));
    LTE_TRY(put(t, negated ? "])(?=[" : "])(?!["));
    LTE_TRY(put_word(t));
    LTE_TRY(put(t, "])|(?<!["));
    LTE_TRY(put_word(t));
    LTE_TRY(put(t, negated ? "])(?![" : "])(?=["));
    LTE_TRY(put_word(t));
    return put(t, "]))");
}

// Reads the name of \p{...} into `name`, long names shortened; false if it is malformed.
static bool property_name(struct translation *t, char name[32], bool *negated)
{
    static const char *const names[][2] = {
        {"letter", "L"}, {"mark", "M"}, {"number", "N"}, {"punctuation", "P"}, {"punct", "P"},
        {"symbol", "S"}, {"separator", "Z"}, {"space", "space"}, {"whitespace", "space"}, {"word", "word"},
        {"digit", "Nd"}};
    size_t n = 0;
    *negated = t->pattern[t->at + 1] == 'P';
    t->at += 2;
    if (!next_is(t, "{"))
        return false;
    t->at++;
    if (next_is(t, "^")) {
        *negated = !*negated;
        t->at++;
    }
    for (; t->at < t->length && t->pattern[t->at] != '}'; t->at++) {
        const char c = t->pattern[t->at];
        if (c == '_' || c == ' ' || c == '-')
            continue;
        if (n == 31 || !isalnum((unsigned char)c))
            return false;
        name[n++] = c;
    }
    name[n] = '\0';
    if (t->at++ == t->length || !n)
        return false;
    char lower[32];
    for (size_t i = 0; i <= n; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(lower, names[i][0])) {
            strcpy(name, names[i][1]);
            return true;
        }
    if (n <= 2) { // a general category: Lu, not LU
        name[0] = (char)toupper((unsigned char)lower[0]);
        name[1] = lower[1];
    }
    return true;
}

static enum lte_status property(struct translation *t, bool in_class)
{
    char name[32];
    bool negated;
    if (!property_name(t, name, &negated))
        return refuse(t, "this form of \\p");
    if (in_class && negated) {
        if (!strcmp(name, "space"))
            return put(t, NOT_SPACE);
        if (!strcmp(name, "word"))
            return refuse(t, "a negated word class inside [...]");
        LTE_TRY(put(t, "\\P{"));
        LTE_TRY(put(t, name));
        return put(t, "}");
    }
    if (!in_class)
        LTE_TRY(put(t, negated ? "[^" : "["));
    if (!strcmp(name, "space") || !strcmp(name, "word"))
        LTE_TRY(put_shorthand(t, name[0]));
    else
        LTE_TRY(put_category(t, name));
    return in_class ? LTE_OK : put(t, "]");
}

// \xHH, \x{H...} and \uHHHH, all as \x{...}.
static enum lte_status code_point(struct translation *t)
{
    const char *p = t->pattern + t->at + 2;
    const size_t left = t->length - t->at - 2;
    size_t digits = t->pattern[t->at + 1] == 'u' ? 4 : 2, skip = 2;
    if (digits == 2 && left && *p == '{') {
        const char *end = memchr(p, '}', left);
        digits = end ? (size_t)(end - p) - 1 : 0;
        skip = 3;
    }
    char text[16];
    if (!digits || digits > 8 || left < digits + (skip - 2))
        return refuse(t, "this form of \\x or \\u");
    memcpy(text, t->pattern + t->at + skip, digits);
    text[digits] = '\0';
    if (strspn(text, "0123456789abcdefABCDEF") != digits)
        return refuse(t, "this form of \\x or \\u");
    if (digits == 2 && skip == 2 && strtoul(text, NULL, 16) > 0x7f)
        return refuse(t, "a single byte above 0x7f");
    LTE_TRY(put(t, "\\x{"));
    LTE_TRY(put(t, text));
    t->at += skip + digits + (skip == 3);
    return put(t, "}");
}

static enum lte_status escape(struct translation *t, bool in_class)
{
    if (t->length - t->at < 2)
        return refuse(t, "a backslash at the end");
    const char c = t->pattern[t->at + 1];
    const char lower = (char)tolower((unsigned char)c);
    if (!isalnum((unsigned char)c) || strchr("rntfae", c))
        return copy(t, 2);
    if (c == 'v') { // in PCRE2, a class of vertical spaces
        t->at += 2;
        return put(t, "\\x{b}");
    }
    if (lower == 'p')
        return property(t, in_class);
    if (strchr("sdwh", lower)) {
        if (in_class && c == 'S') {
            t->at += 2;
            return put(t, NOT_SPACE);
        }
        if (in_class && c != lower)
            return refuse(t, "a negated shorthand inside [...]");
        t->at += 2;
        if (!in_class)
            LTE_TRY(put(t, c == lower ? "[" : "[^"));
        LTE_TRY(put_shorthand(t, lower));
        return in_class ? LTE_OK : put(t, "]");
    }
    if (c == 'x' || c == 'u')
        return code_point(t);
    if (!in_class && lower == 'b') {
        t->at += 2;
        return put_boundary(t, c == 'B');
    }
    if (!in_class && strchr("AzZ", c))
        return copy(t, 2);
    return refuse(t, "this escape");
}

static enum lte_status posix(struct translation *t)
{
    static const char *const names[][2] = {{"[:space:]", "s"}, {"[:digit:]", "d"}, {"[:word:]", "w"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (next_is(t, names[i][0])) {
            t->at += strlen(names[i][0]);
            return put_shorthand(t, names[i][1][0]);
        }
    return refuse(t, "a class inside a class");
}

static enum lte_status class(struct translation *t)
{
    LTE_TRY(copy(t, 1));
    if (next_is(t, "^"))
        LTE_TRY(copy(t, 1));
    if (next_is(t, "]"))
        return refuse(t, "']' at the beginning of a class");
    while (t->at < t->length && t->pattern[t->at] != ']') {
        if (t->pattern[t->at] == '\\')
            LTE_TRY(escape(t, true));
        else if (t->pattern[t->at] == '[')
            LTE_TRY(posix(t));
        else if (next_is(t, "&&"))
            return refuse(t, "an intersection of classes");
        else
            LTE_TRY(copy(t, 1));
    }
    return t->at < t->length ? copy(t, 1) : refuse(t, "a class without an end");
}

static enum lte_status open_group(struct translation *t)
{
    static const char *const heads[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!",
                                        "(?i:", "(?i)", "(?-i:", "(?-i)"};
    size_t head = next_is(t, "(?") || next_is(t, "(*") ? 0 : 1;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (next_is(t, heads[i]))
            head = strlen(heads[i]);
    if (!head)
        return refuse(t, "this kind of group");
    const bool closed = t->pattern[t->at + head - 1] == ')';
    if (closed && t->at) // Ruby lets it enclose the alternatives that follow
        return refuse(t, "an option in the middle");
    if (!closed && t->depth == DEPTH)
        return refuse(t, "so deep a nesting of groups");
    if (!closed)
        t->group[t->depth++] = t->out->length;
    return copy(t, head);
}

static enum lte_status close_group(struct translation *t)
{
    if (!t->depth)
        return refuse(t, "a ')' without '('");
    t->atom = t->group[--t->depth];
    return copy(t, 1);
}

// {n}, {n,} and {n,m}. After an interval Ruby reads '+' as one more repetition, PCRE2 as
// possessive.
static enum lte_status interval(struct translation *t)
{
    size_t n = 1;
    while (t->at + n < t->length && isdigit((unsigned char)t->pattern[t->at + n]))
        n++;
    const bool first = n > 1;
    const bool fixed = t->at + n < t->length && t->pattern[t->at + n] == '}';
    if (!fixed && t->at + n < t->length && t->pattern[t->at + n] == ',') {
        n++;
        while (t->at + n < t->length && isdigit((unsigned char)t->pattern[t->at + n]))
            n++;
    }
    if (!first || t->at + n >= t->length || t->pattern[t->at + n] != '}')
        return refuse(t, "this form of {...}");
    LTE_TRY(copy(t, n + 1));
    if (fixed && next_is(t, "?"))
        return refuse(t, "'?' after {n}");
    if (!next_is(t, "+"))
        return LTE_OK;
    LTE_TRY(lte_buffer_append(t->out, "(?:", 3));
    unsigned char *atom = t->out->bytes + t->atom;
    memmove(atom + 3, atom, t->out->length - 3 - t->atom);
    memcpy(atom, "(?:", 3);
    t->at++;
    return put(t, ")+");
}

static enum lte_status translate(struct translation *t)
{
    while (t->at < t->length) {
        const char c = t->pattern[t->at];
        const size_t atom = t->out->length;
        switch (c) {
        case '\\':
            LTE_TRY(escape(t, false));
            break;
        case '[':
            LTE_TRY(class(t));
            break;
        case '(':
            LTE_TRY(open_group(t));
            continue;
        case ')':
            LTE_TRY(close_group(t));
            continue;
        case '{':
            LTE_TRY(interval(t));
            continue;
        case '?':
        case '*':
        case '+':
            LTE_TRY(copy(t, 1));
            continue;
        default: { // a character with all its bytes, so that a quantifier follows the whole
            size_t n = 1;
            while (t->at + n < t->length && (t->pattern[t->at + n] & 0xc0) == 0x80)
                n++;
            LTE_TRY(copy(t, n));
        }
        }
        t->atom = atom;
    }
    return t->depth ? refuse(t, "a '(' without ')'") : LTE_OK;
}

enum lte_status lte_pattern_translate(struct lte_buffer *out, const char *where,
                                      const char *pattern, size_t length)
{
    char version[32] = "";
    if (pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, NULL) <= (int)sizeof version)
        pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version);
    struct translation t = {.out = out, .where = where, .pattern = pattern, .length = length,
                            .extend = atoi(version) < 16};
    return translate(&t);
}
