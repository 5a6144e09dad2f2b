// SPDX-License-Identifier: BSD-2-Clause
// GPT-2's alphabet of 256 printable characters that stand for the bytes.
#include "config.h"

#include "lib/tokenizer/bpe.h"
#include "lib/tokenizer/utf8.h"

static bool stands_for_itself(unsigned c)
{
    return (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || (c >= 174 && c <= 255);
}

// The others are numbered from U+0100 in order: 0..32, 127..160, 173.
uint32_t lte_byte_to_point(unsigned char byte)
{
    if (stands_for_itself(byte))
        return byte;
    return 256u + (byte < 33 ? byte : byte < 161 ? byte - 127u + 33 : 67);
}

int lte_point_to_byte(uint32_t point)
{
    if (point < 256)
        return stands_for_itself(point) ? (int)point : -1;
    const uint32_t n = point - 256;
    return n < 33 ? (int)n : n < 67 ? (int)(n - 33 + 127) : n == 67 ? 173 : -1;
}

enum lte_status lte_bytes_spell(struct lte_buffer *out, const unsigned char *bytes, size_t length)
{
    LTE_TRY(lte_buffer_reserve(out, 2 * length));
    unsigned char *p = out->bytes + out->length;
    for (size_t i = 0; i < length; i++)
        p += lte_utf8_put(p, lte_byte_to_point(bytes[i]));
    out->length = (size_t)(p - out->bytes);
    return LTE_OK;
}
