// SPDX-License-Identifier: BSD-2-Clause
// UTF-8: validation, code points in and out, the lossy reading that turns broken bytes into U+FFFD,
// and the character classes that pre-tokenizers and added tokens ask for.
#ifndef LTE_LIB_TOKENIZER_UTF8_H
#define LTE_LIB_TOKENIZER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of the longest valid prefix: `length` when all of it is valid.
size_t lte_utf8_valid(const unsigned char *text, size_t length);

// Bytes of the sequence that a lead byte of valid text begins.
static inline size_t lte_utf8_size(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

// The code point that begins at `text`, which must be valid; *size gets its bytes.
uint32_t lte_utf8_get(const unsigned char *text, size_t *size);
// The code point that ends at `end`, in valid text that begins at `start` < `end`.
uint32_t lte_utf8_last(const unsigned char *start, const unsigned char *end, size_t *size);
// Writes a code point; the bytes written, at most 4.
size_t lte_utf8_put(unsigned char *out, uint32_t point);

// The lossy reading, a byte at a time. `bytes` keeps an unfinished sequence between calls.
struct lte_utf8_state {
    unsigned held;
    unsigned char bytes[4];
};
enum { LTE_UTF8_LOSSY = 6 }; // bytes that one step can give out: U+FFFD for what was held, and one more
// Takes one byte; writes what became complete and returns how many bytes that is. Every maximal
// part of a sequence that breaks off becomes one U+FFFD.
size_t lte_utf8_lossy(struct lte_utf8_state *state, unsigned char byte, unsigned char *out);
// Ends the text: U+FFFD if a sequence is unfinished.
size_t lte_utf8_lossy_end(struct lte_utf8_state *state, unsigned char *out);

bool lte_is_space(uint32_t point); // White_Space
bool lte_is_word(uint32_t point);  // Alphabetic, marks, decimal digits, connectors, joiners

#endif
