// SPDX-License-Identifier: BSD-2-Clause
// The vocabulary: pieces by id, ids by spelling (open addressing, linear probing, half full at
// most).
#include "config.h"

#include "lib/tokenizer/vocab.h"

#include <string.h>

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

static uint64_t hash(const unsigned char *s, size_t n)
{
    uint64_t h = n * 0x9e3779b97f4a7c15u, word;
    for (; n > 8; s += 8, n -= 8) {
        memcpy(&word, s, 8);
        h = mix(h ^ word);
    }
    word = 0;
    memcpy(&word, s, n);
    return mix(h ^ word);
}

enum lte_status lte_vocab_make(struct lte_vocab *vocab, struct lte_pool *pool, uint32_t size,
                               size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    vocab->pieces = lte_pool_alloc(pool, size, sizeof *vocab->pieces);
    vocab->slots = lte_pool_alloc(pool, slots, sizeof *vocab->slots);
    vocab->size = size;
    vocab->mask = slots - 1;
    return vocab->pieces && vocab->slots ? LTE_OK : LTE_ERR_MEMORY;
}

void lte_vocab_add(struct lte_vocab *vocab, uint32_t id, const unsigned char *text, size_t length,
                   unsigned flags)
{
    vocab->pieces[id] =
        (struct lte_piece){.text = text, .length = (uint32_t)length, .flags = flags};
    size_t i = hash(text, length) & vocab->mask;
    while (vocab->slots[i])
        i = (i + 1) & vocab->mask;
    vocab->slots[i] = id + 1;
}

uint32_t lte_vocab_find(const struct lte_vocab *vocab, const void *text, size_t length)
{
    for (size_t i = hash(text, length) & vocab->mask; vocab->slots[i]; i = (i + 1) & vocab->mask) {
        const uint32_t id = vocab->slots[i] - 1;
        const struct lte_piece *p = &vocab->pieces[id];
        if (p->length == length && !memcmp(p->text, text, length))
            return id;
    }
    return LTE_NO_ID;
}

uint32_t lte_vocab_find_model(const struct lte_vocab *vocab, const void *text, size_t length)
{
    const uint32_t id = lte_vocab_find(vocab, text, length);
    return id != LTE_NO_ID && vocab->pieces[id].flags & LTE_PIECE_MODEL ? id : LTE_NO_ID;
}
