// SPDX-License-Identifier: BSD-2-Clause
// Unicode normalization forms over utf8proc's tables, in time linear in the text whatever it holds.
#include "config.h"

#include <string.h>
#include <utf8proc.h>

#include "lib/tokenizer/normalize.h"
#include "lib/tokenizer/utf8.h"

// The longest full decomposition is 18 code points (U+FDFA, compatible).
enum { LONGEST = 32, SHORT_RUN = 32 };

// Below this a code point is its own normal form and a starter that joins nothing before it, so the
// text can be cut in front of it.
static uint32_t first_unsafe(const struct lte_normalizer *step)
{
    return step->compatible ? 0xa0 : step->compose ? 0x300 : 0xc0;
}

// Code points that got a decomposition or a combining class after Unicode 9, which is what the
// reference implementation normalizes by. Here as there they are left as they are.
static const uint32_t newer[][2] = {
    {0x7fd, 0x7fd}, {0x897, 0x89f}, {0x8ca, 0x8d3}, {0x9fe, 0x9fe}, {0xc3c, 0xc3c},
    {0xd3b, 0xd3c}, {0xeba, 0xeba}, {0x1715, 0x1715}, {0x1abf, 0x1aeb}, {0x1df6, 0x1dfa},
    {0x32ff, 0x32ff}, {0xa7f1, 0xa7f4}, {0xa82c, 0xa82c}, {0xab69, 0xab69}, {0x105c9, 0x105c9},
    {0x105e4, 0x105e4}, {0x10781, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba},
    {0x10d24, 0x10d27}, {0x10d69, 0x10d6d}, {0x10eab, 0x10eac}, {0x10efa, 0x10eff},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b},
    {0x11382, 0x113e2}, {0x1145e, 0x1145e}, {0x11839, 0x1183a}, {0x11938, 0x11938},
    {0x1193d, 0x1193e}, {0x11943, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a34},
    {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42}, {0x11d44, 0x11d45},
    {0x11d97, 0x11d97}, {0x11f41, 0x11f42}, {0x16121, 0x1612f}, {0x16d67, 0x16d6a},
    {0x16ff0, 0x16ff1}, {0x1ccd6, 0x1ccf9}, {0x1e030, 0x1e06d}, {0x1e08f, 0x1e08f},
    {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef},
    {0x1e5ee, 0x1e5ef}, {0x1e6e3, 0x1e6f5}, {0x1f16c, 0x1f16c}, {0x1fbf0, 0x1fbf9},
};

static bool is_newer(uint32_t c)
{
    size_t low = 0, high = sizeof newer / sizeof newer[0];
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > newer[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof newer / sizeof newer[0] && c >= newer[low][0];
}

static unsigned combining_class(int32_t c)
{
    return (unsigned)utf8proc_get_property(c)->combining_class;
}

// Canonical order of marks: by class, stable. A long run is counted, as insertion would be
// quadratic.
static void sort_short(int32_t *c, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const int32_t moving = c[i];
        const unsigned k = combining_class(moving);
        size_t j = i;
        for (; j && combining_class(c[j - 1]) > k; j--)
            c[j] = c[j - 1];
        c[j] = moving;
    }
}

static void sort_long(int32_t *c, size_t n, int32_t *spare)
{
    size_t begin[257] = {0};
    for (size_t i = 0; i < n; i++)
        begin[combining_class(c[i]) + 1]++;
    for (size_t k = 1; k < 257; k++)
        begin[k] += begin[k - 1];
    for (size_t i = 0; i < n; i++)
        spare[begin[combining_class(c[i])]++] = c[i];
    memcpy(c, spare, n * sizeof *c);
}

// `c` has room for 2*n: the second half is spare.
static void order_marks(int32_t *c, size_t n)
{
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && combining_class(c[end]); end++)
            ;
        if (end - i <= SHORT_RUN)
            sort_short(c + i, end - i);
        else
            sort_long(c + i, end - i, c + n);
    }
}

static enum lte_status decompose(const struct lte_normalizer *step, struct lte_buffer *points,
                                 struct lte_span in, size_t *count)
{
    const utf8proc_option_t options = (utf8proc_option_t)(
        UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | (step->compatible ? UTF8PROC_COMPAT : 0));
    points->length = 0;
    size_t size;
    for (size_t i = 0; i < in.length; i += size) {
        LTE_TRY(lte_buffer_reserve(points, LONGEST * sizeof(int32_t)));
        int32_t *out = (int32_t *)(void *)(points->bytes + points->length);
        int boundary = 0;
        const utf8proc_ssize_t n = utf8proc_decompose_char(
            (int32_t)lte_utf8_get(in.text + i, &size), out, LONGEST, options, &boundary);
        if (n > 0 && n <= LONGEST)
            points->length += (size_t)n * sizeof(int32_t);
    }
    *count = points->length / sizeof(int32_t);
    return lte_buffer_reserve(points, points->length);
}

// One stretch that begins and ends at a cut.
static enum lte_status normalize_stretch(const struct lte_normalizer *step,
                                         struct lte_buffer *points, struct lte_span in,
                                         struct lte_buffer *out)
{
    size_t n;
    LTE_TRY(decompose(step, points, in, &n));
    int32_t *c = (int32_t *)(void *)points->bytes;
    order_marks(c, n);
    if (step->compose)
        n = (size_t)utf8proc_normalize_utf32(
            c, (utf8proc_ssize_t)n, (utf8proc_option_t)(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    LTE_TRY(lte_buffer_reserve(out, 4 * n));
    for (size_t i = 0; i < n; i++)
        out->length += lte_utf8_put(out->bytes + out->length, (uint32_t)c[i]);
    return LTE_OK;
}

enum lte_status lte_normalize_form(const struct lte_normalizer *step, struct lte_buffer *points,
                                   struct lte_span in, struct lte_buffer *out)
{
    const uint32_t unsafe = first_unsafe(step);
    size_t i = 0, size;
    while (i < in.length) {
        size_t safe = i, last = i; // `last`: the safe code point that what follows may join
        for (uint32_t c; safe < in.length; safe += size) {
            c = lte_utf8_get(in.text + safe, &size);
            if (c >= unsafe && !is_newer(c))
                break;
            last = c < unsafe ? safe : safe + size;
        }
        if (safe == in.length)
            last = safe;
        LTE_TRY(lte_buffer_append(out, in.text + i, last - i));
        size_t end = safe;
        for (uint32_t c; end < in.length; end += size) {
            c = lte_utf8_get(in.text + end, &size);
            if (c < unsafe || is_newer(c))
                break;
        }
        if (end > last)
            LTE_TRY(normalize_stretch(step, points, (struct lte_span){in.text + last, end - last},
                                      out));
        i = end;
    }
    return LTE_OK;
}
