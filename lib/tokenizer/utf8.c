// SPDX-License-Identifier: BSD-2-Clause
// UTF-8: validation, code points in and out, the lossy reading, character classes.
#include "config.h"

#include "lib/tokenizer/utf8.h"

#include <string.h>
#include <utf8proc.h>

#include "lib/tokenizer/word16.h"

// Bounds of the second byte after `lead`; the later ones are always 0x80..0xbf.
static bool second_fits(unsigned char lead, unsigned char byte)
{
    const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return byte >= low && byte <= high;
}

static bool is_lead(unsigned char byte)
{
    return byte >= 0xc2 && byte <= 0xf4;
}

size_t lte_utf8_valid(const unsigned char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        uint64_t eight;
        while (length - i >= 8 && (memcpy(&eight, text + i, 8), !(eight & 0x8080808080808080u)))
            i += 8;
        if (i == length)
            break;
        if (text[i] < 0x80) {
            i++;
            continue;
        }
        const size_t size = lte_utf8_size(text[i]);
        if (!is_lead(text[i]) || length - i < size || !second_fits(text[i], text[i + 1]))
            return i;
        for (size_t k = 2; k < size; k++)
            if ((text[i + k] & 0xc0) != 0x80)
                return i;
        i += size;
    }
    return length;
}

uint32_t lte_utf8_get(const unsigned char *s, size_t *size)
{
    *size = lte_utf8_size(s[0]);
    switch (*size) {
    case 1:
        return s[0];
    case 2:
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    case 3:
        return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    default:
        return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
    }
}

uint32_t lte_utf8_last(const unsigned char *start, const unsigned char *end, size_t *size)
{
    const unsigned char *p = end - 1;
    while (p > start && (*p & 0xc0) == 0x80)
        p--;
    return lte_utf8_get(p, size);
}

size_t lte_utf8_put(unsigned char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    const size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t k = size; --k; c >>= 6)
        out[k] = (unsigned char)(0x80 | (c & 0x3f));
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (unsigned char)(lead[size] | c);
    return size;
}

static size_t put_replacement(unsigned char *out)
{
    return lte_utf8_put(out, 0xfffd);
}

size_t lte_utf8_lossy(struct lte_utf8_state *state, unsigned char byte, unsigned char *out)
{
    size_t n = 0;
    if (state->held) {
        const bool fits = state->held == 1 ? second_fits(state->bytes[0], byte)
                                           : (byte & 0xc0) == 0x80;
        if (fits) {
            state->bytes[state->held++] = byte;
            if (state->held < lte_utf8_size(state->bytes[0]))
                return 0;
            n = state->held;
            memcpy(out, state->bytes, n);
            state->held = 0;
            return n;
        }
        n = lte_utf8_lossy_end(state, out);
    }
    if (is_lead(byte)) {
        state->bytes[state->held++] = byte;
        return n;
    }
    if (byte >= 0x80)
        return n + put_replacement(out + n);
    out[n] = byte;
    return n + 1;
}

size_t lte_utf8_lossy_end(struct lte_utf8_state *state, unsigned char *out)
{
    if (!state->held)
        return 0;
    state->held = 0;
    return put_replacement(out);
}

bool lte_is_space(uint32_t c)
{
    if (c < 0x85)
        return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_newer_word(uint32_t c)
{
    size_t low = 0, high = sizeof word16 / sizeof word16[0];
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > word16[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof word16 / sizeof word16[0] && c >= word16[low][0];
}

bool lte_is_word(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default: // joiners, and the circled and squared letters that are Alphabetic symbols
        return c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) ||
               (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
               (c >= 0x1f170 && c <= 0x1f189) || is_newer_word(c);
    }
}
