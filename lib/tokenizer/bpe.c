// SPDX-License-Identifier: BSD-2-Clause
// Byte-pair encoding of one word: the pair of lowest rank merges first, the leftmost of equals.
#include "config.h"

#include "lib/tokenizer/bpe.h"

#include <string.h>

#include "lib/tokenizer/utf8.h"

#define NO_RANK UINT32_MAX

// Up to this many symbols, finding the best pair by looking at all of them beats a heap.
enum { SHORT_WORD = 48 };

struct symbol {
    uint32_t id;
    uint32_t rank;       // of the merge with the next symbol; NO_RANK: none, or the symbol is gone
    uint32_t prev, next; // indices; long words only
};

void lte_bpe_scratch_free(struct lte_bpe_scratch *s)
{
    lte_buffer_free(&s->symbols);
    lte_buffer_free(&s->heap);
    lte_buffer_free(&s->spelled);
}

// Symbols are collected in scratch->symbols, whose length counts bytes.
static void add(struct lte_bpe_scratch *s, uint32_t id)
{
    const struct symbol symbol = {.id = id, .rank = NO_RANK};
    memcpy(s->symbols.bytes + s->symbols.length, &symbol, sizeof symbol);
    s->symbols.length += sizeof symbol;
}

static bool add_fallback(const struct lte_bpe *bpe, struct lte_bpe_scratch *s,
                         const unsigned char *c, size_t size)
{
    for (size_t k = 0; k < size; k++)
        if (bpe->fallback[c[k]] == LTE_NO_ID)
            return false;
    for (size_t k = 0; k < size; k++)
        add(s, bpe->fallback[c[k]]);
    return true;
}

// One symbol a character. A pending unknown token is written before the next known character, so
// byte fallbacks in between overtake it: that is what the reference does.
static void add_characters(const struct lte_bpe *bpe, struct lte_bpe_scratch *s,
                           const unsigned char *word, size_t length)
{
    bool pending = false;
    size_t size;
    for (const unsigned char *c = word; c < word + length; c += size) {
        size = lte_utf8_size(*c);
        const uint32_t id = size == 1 ? bpe->ascii_id[*c] : lte_vocab_find_model(bpe->vocab, c, size);
        if (id != LTE_NO_ID) {
            if (pending)
                add(s, bpe->unknown);
            pending = false;
            add(s, id);
        } else if (bpe->byte_fallback && add_fallback(bpe, s, c, size)) {
            continue;
        } else if (bpe->unknown != LTE_NO_ID) {
            if (pending && !bpe->fuse_unknown)
                add(s, bpe->unknown);
            pending = true;
        }
    }
    if (pending)
        add(s, bpe->unknown);
}

static uint32_t rank_of(const struct lte_bpe *bpe, uint32_t left, uint32_t right)
{
    const struct lte_merge *m = lte_merges_find(&bpe->merges, left, right);
    return m ? m->rank : NO_RANK;
}

static size_t merge_short(const struct lte_bpe *bpe, struct symbol *s, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        s[i].rank = rank_of(bpe, s[i].id, s[i + 1].id);
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (s[i].rank < s[best].rank)
                best = i;
        if (s[best].rank == NO_RANK)
            break;
        s[best].id = lte_merges_find(&bpe->merges, s[best].id, s[best + 1].id)->result;
        n--;
        memmove(s + best + 1, s + best + 2, (n - best - 1) * sizeof *s);
        s[best].rank = best + 1 < n ? rank_of(bpe, s[best].id, s[best + 1].id) : NO_RANK;
        if (best)
            s[best - 1].rank = rank_of(bpe, s[best - 1].id, s[best].id);
    }
    return n;
}

// A binary heap of (rank, position), the least at the top. An entry is stale, and skipped, when the
// symbol at its position no longer has that rank.
struct heap {
    uint64_t *entries;
    size_t count;
};

static void push(struct heap *h, uint32_t rank, uint32_t position)
{
    const uint64_t entry = (uint64_t)rank << 32 | position;
    size_t i = h->count++;
    for (; i && h->entries[(i - 1) / 2] > entry; i = (i - 1) / 2)
        h->entries[i] = h->entries[(i - 1) / 2];
    h->entries[i] = entry;
}

static uint64_t pop(struct heap *h)
{
    const uint64_t top = h->entries[0], last = h->entries[--h->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->entries[child + 1] < h->entries[child])
            child++;
        if (h->entries[child] >= last)
            break;
        h->entries[i] = h->entries[child];
    }
    h->entries[i] = last;
    return top;
}

static void rerank(const struct lte_bpe *bpe, struct heap *h, struct symbol *s, uint32_t i, size_t n)
{
    s[i].rank = s[i].next < n ? rank_of(bpe, s[i].id, s[s[i].next].id) : NO_RANK;
    if (s[i].rank != NO_RANK)
        push(h, s[i].rank, i);
}

static enum lte_status merge_long(const struct lte_bpe *bpe, struct lte_bpe_scratch *scratch,
                                  size_t *count)
{
    struct symbol *s = (struct symbol *)(void *)scratch->symbols.bytes;
    const size_t n = *count;
    // Every merge takes one entry and adds two at most.
    scratch->heap.length = 0;
    LTE_TRY(lte_buffer_reserve(&scratch->heap, 2 * n * sizeof(uint64_t)));
    struct heap h = {.entries = (uint64_t *)(void *)scratch->heap.bytes};
    for (size_t i = 0; i < n; i++) {
        s[i].prev = (uint32_t)i - 1;
        s[i].next = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < n; i++)
        rerank(bpe, &h, s, (uint32_t)i, n);
    while (h.count) {
        const uint64_t top = pop(&h);
        const uint32_t at = (uint32_t)top, next = s[at].next;
        if (s[at].rank != top >> 32)
            continue;
        s[at].id = lte_merges_find(&bpe->merges, s[at].id, s[next].id)->result;
        s[at].next = s[next].next;
        s[next].rank = NO_RANK;
        if (s[at].next < n)
            s[s[at].next].prev = at;
        rerank(bpe, &h, s, at, n);
        if (at)
            rerank(bpe, &h, s, s[at].prev, n);
    }
    *count = 0;
    for (size_t i = 0; i < n; i = s[i].next)
        s[(*count)++].id = s[i].id;
    return LTE_OK;
}

// The whole word as one piece, for `ignore_merges`.
static enum lte_status whole_word(const struct lte_bpe *bpe, struct lte_bpe_scratch *s,
                                  const unsigned char *word, size_t length, unsigned flags,
                                  uint32_t *id)
{
    if (flags & LTE_BPE_BYTES) {
        s->spelled.length = 0;
        LTE_TRY(lte_bytes_spell(&s->spelled, word, length));
        word = s->spelled.bytes;
        length = s->spelled.length;
    }
    *id = lte_vocab_find_model(bpe->vocab, word, length);
    if (*id != LTE_NO_ID && bpe->vocab->pieces[*id].flags & LTE_PIECE_SPECIAL &&
        !(flags & LTE_BPE_SPECIAL))
        *id = LTE_NO_ID;
    return LTE_OK;
}

size_t lte_mark_find(const unsigned char *text, size_t length, size_t from)
{
    bool after_mark = true; // the beginning is no place to cut
    for (size_t i = from; i < length;) {
        const bool mark = length - i >= LTE_MARK_SIZE && !memcmp(text + i, LTE_MARK, LTE_MARK_SIZE);
        if (mark && !after_mark)
            return i;
        after_mark = mark;
        i += lte_utf8_size(text[i]);
    }
    return length;
}

static enum lte_status merge_and_put(const struct lte_bpe *bpe, struct lte_bpe_scratch *scratch,
                                     const unsigned char *word, size_t length, unsigned flags,
                                     struct lte_id_sink *sink)
{
    scratch->symbols.length = 0;
    LTE_TRY(lte_buffer_reserve(&scratch->symbols, (length + 1) * sizeof(struct symbol)));
    if (flags & LTE_BPE_BYTES)
        for (size_t i = 0; i < length; i++)
            add(scratch, bpe->byte_id[word[i]]);
    else
        add_characters(bpe, scratch, word, length);
    struct symbol *s = (struct symbol *)(void *)scratch->symbols.bytes;
    size_t n = scratch->symbols.length / sizeof *s;
    if (n <= SHORT_WORD)
        n = merge_short(bpe, s, n);
    else
        LTE_TRY(merge_long(bpe, scratch, &n));
    for (size_t i = 0; i < n; i++)
        lte_id_put(sink, s[i].id);
    return LTE_OK;
}

enum lte_status lte_bpe_encode(const struct lte_bpe *bpe, struct lte_bpe_scratch *scratch,
                               const unsigned char *word, size_t length, unsigned flags,
                               struct lte_id_sink *sink)
{
    if (!length)
        return LTE_OK;
    if (length >= UINT32_MAX / 2)
        return lte_fail(scratch->context, LTE_ERR_ARGUMENT, "a word of %zu bytes is too long", length);
    if (bpe->ignore_merges) {
        uint32_t id;
        LTE_TRY(whole_word(bpe, scratch, word, length, flags, &id));
        if (id != LTE_NO_ID) {
            lte_id_put(sink, id);
            return LTE_OK;
        }
    }
    if (flags & LTE_BPE_BYTES || !bpe->cut_at_mark)
        return merge_and_put(bpe, scratch, word, length, flags, sink);
    // A whole text is one word here; nothing merges across these places, so small parts will do.
    for (size_t begin = 0, end; begin < length; begin = end) {
        end = lte_mark_find(word, length, begin);
        LTE_TRY(merge_and_put(bpe, scratch, word + begin, end - begin, flags, sink));
    }
    return LTE_OK;
}
