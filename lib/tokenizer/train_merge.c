// SPDX-License-Identifier: BSD-2-Clause
// Byte-pair encoding, trained: the most frequent pair becomes a piece, the words that have it are
// rewritten, and only the counts of the pairs around it change.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/train_pairs.h"

struct word {
    size_t first;    // of its symbols
    uint32_t length; // in symbols
    uint64_t count;
};

struct merger {
    struct lte_trained *trained;
    struct lte_pairs pairs;
    struct lte_buffer words, symbols; // of struct word; uint32_t
    struct lte_buffer joined;         // the new piece
    struct lte_buffer slots;          // pieces by their bytes: numbers plus 1
};

static uint32_t *symbols_of(const struct merger *m, const struct word *w)
{
    return (uint32_t *)(void *)m->symbols.bytes + w->first;
}

static enum lte_status add_word(struct merger *m, const struct lte_word *counted,
                                const uint32_t byte_piece[256])
{
    const struct word w = {m->symbols.length / sizeof(uint32_t), counted->length, counted->count};
    const uint32_t number = (uint32_t)(m->words.length / sizeof w);
    LTE_TRY(lte_buffer_append(&m->words, &w, sizeof w));
    LTE_TRY(lte_buffer_reserve(&m->symbols, counted->length * sizeof(uint32_t)));
    m->symbols.length += counted->length * sizeof(uint32_t);
    uint32_t *symbol = symbols_of(m, &w);
    for (size_t i = 0; i < w.length; i++)
        symbol[i] = byte_piece[counted->text[i]];
    for (size_t i = 0; i + 1 < w.length; i++)
        LTE_TRY(lte_pairs_add(&m->pairs, (struct lte_pair_name){symbol[i], symbol[i + 1]}, number,
                              w.count));
    return LTE_OK;
}

static enum lte_status add_words(struct merger *m, const struct lte_word_counts *words)
{
    uint32_t byte_piece[256];
    for (uint32_t i = 0; i < 256; i++)
        byte_piece[lte_trained_piece(m->trained, i)->text[0]] = i;
    if (words->used >= UINT32_MAX)
        return lte_fail_memory(m->words.context, "the words of a text", words->used);
    for (size_t i = 0; words->slots && i <= words->mask; i++)
        if (words->slots[i].text)
            LTE_TRY(add_word(m, &words->slots[i], byte_piece));
    return lte_pairs_settle(&m->pairs);
}

// Replaces the pair by `piece` wherever a word has it, from left to right.
static enum lte_status rewrite(struct merger *m, uint32_t number, struct lte_pair_name pair,
                               uint32_t piece)
{
    struct word *w = (struct word *)(void *)m->words.bytes + number;
    uint32_t *s = symbols_of(m, w);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->length;) {
        if (s[i] != pair.left || i + 1 == w->length || s[i + 1] != pair.right) {
            s[kept++] = s[i++];
            continue;
        }
        lte_pairs_remove(&m->pairs, pair, w->count);
        if (kept) {
            lte_pairs_remove(&m->pairs, (struct lte_pair_name){s[kept - 1], pair.left}, w->count);
            LTE_TRY(lte_pairs_add(&m->pairs, (struct lte_pair_name){s[kept - 1], piece}, number,
                                  w->count));
        }
        if (i + 2 < w->length) {
            lte_pairs_remove(&m->pairs, (struct lte_pair_name){pair.right, s[i + 2]}, w->count);
            LTE_TRY(lte_pairs_add(&m->pairs, (struct lte_pair_name){piece, s[i + 2]}, number,
                                  w->count));
        }
        s[kept++] = piece;
        i += 2;
    }
    w->length = kept;
    return LTE_OK;
}

static enum lte_status rewrite_all(struct merger *m, const struct lte_pair *taken, uint32_t piece)
{
    const struct lte_pair pair = *taken;
    for (uint32_t at = pair.places; at;) {
        const struct lte_pair_place place = lte_pairs_place(&m->pairs, at);
        LTE_TRY(rewrite(m, place.word, pair.name, piece));
        at = place.next;
    }
    return lte_pairs_settle(&m->pairs);
}

static uint32_t *slot_of(const struct merger *m, struct lte_span piece)
{
    uint32_t *slots = (uint32_t *)(void *)m->slots.bytes;
    const size_t mask = m->slots.length / sizeof *slots - 1;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < piece.length; i++)
        h = (h ^ piece.text[i]) * UINT64_C(0x100000001b3);
    for (size_t i = (size_t)(h ^ h >> 29) & mask;; i = (i + 1) & mask) {
        const struct lte_span *p = slots[i] ? lte_trained_piece(m->trained, slots[i] - 1) : NULL;
        if (!p || (p->length == piece.length && !memcmp(p->text, piece.text, p->length)))
            return &slots[i];
    }
}

static enum lte_status make_slots(struct merger *m, size_t limit)
{
    size_t slots = 1024;
    while (slots < 2 * limit)
        slots *= 2;
    LTE_TRY(lte_buffer_reserve(&m->slots, slots * sizeof(uint32_t)));
    m->slots.length = slots * sizeof(uint32_t);
    memset(m->slots.bytes, 0, m->slots.length);
    for (size_t i = 0; i < lte_trained_pieces(m->trained); i++)
        *slot_of(m, *lte_trained_piece(m->trained, i)) = (uint32_t)i + 1;
    return LTE_OK;
}

// Joins the pair. Two pairs may spell the same piece: it gets no second id.
static enum lte_status join(struct merger *m, const struct lte_pair *pair)
{
    struct lte_trained *t = m->trained;
    const struct lte_span *left = lte_trained_piece(t, pair->name.left);
    const struct lte_span *right = lte_trained_piece(t, pair->name.right);
    m->joined.length = 0;
    LTE_TRY(lte_buffer_append(&m->joined, left->text, left->length));
    LTE_TRY(lte_buffer_append(&m->joined, right->text, right->length));
    const struct lte_span joined = {m->joined.bytes, m->joined.length};
    if (lte_trained_clashes(t, joined)) // stays two pieces for ever
        return LTE_OK;
    uint32_t *slot = slot_of(m, joined);
    if (!*slot) {
        LTE_TRY(lte_trained_add(t, joined));
        *slot = (uint32_t)lte_trained_pieces(t);
    }
    LTE_TRY(lte_buffer_append(&t->merges, &pair->name, sizeof pair->name));
    return rewrite_all(m, pair, *slot - 1);
}

static enum lte_status merge(struct merger *m, const struct lte_word_counts *words, size_t limit,
                             uint64_t fewest)
{
    LTE_TRY(make_slots(m, limit));
    LTE_TRY(add_words(m, words));
    while (lte_trained_pieces(m->trained) < limit) {
        const struct lte_pair *pair = lte_pairs_take(&m->pairs);
        if (!pair || pair->count < fewest)
            break;
        LTE_TRY(join(m, pair));
    }
    return LTE_OK;
}

enum lte_status lte_trained_merge(struct lte_trained *trained, const struct lte_word_counts *words,
                                  size_t limit, uint64_t fewest)
{
    const struct lte_buffer empty = {.context = trained->pool.context};
    struct merger m = {.trained = trained, .words = empty, .symbols = empty, .joined = empty,
                       .slots = empty};
    lte_pairs_begin(&m.pairs, trained->pool.context);
    const enum lte_status status = merge(&m, words, limit, fewest);
    lte_pairs_free(&m.pairs);
    lte_buffer_free(&m.words);
    lte_buffer_free(&m.symbols);
    lte_buffer_free(&m.joined);
    lte_buffer_free(&m.slots);
    return status;
}
