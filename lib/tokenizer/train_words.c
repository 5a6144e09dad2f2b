// SPDX-License-Identifier: BSD-2-Clause
// Counting the distinct words of a text.
#include "config.h"

#include <string.h>

#include "lib/data/inputs.h"
#include "lib/tokenizer/train.h"

struct counter {
    const struct lte_tokenizer *splitter;
    struct lte_matcher matcher;
    struct lte_words split;
    struct lte_word_counts *words;
};

static uint64_t hash(const unsigned char *text, size_t length)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        h = (h ^ text[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static struct lte_word *find(const struct lte_word_counts *w, const unsigned char *text,
                             size_t length)
{
    for (size_t i = (size_t)hash(text, length) & w->mask;; i = (i + 1) & w->mask) {
        struct lte_word *slot = &w->slots[i];
        if (!slot->text || (slot->length == length && !memcmp(slot->text, text, length)))
            return slot;
    }
}

static enum lte_status grow(struct lte_word_counts *w)
{
    enum { FIRST = 1 << 12 };
    const struct lte_word_counts old = *w;
    const size_t slots = old.slots ? 2 * (old.mask + 1) : FIRST;
    w->slots = lte_alloc_array(w->pool.context, slots, sizeof *w->slots);
    if (!w->slots) {
        w->slots = old.slots;
        return lte_fail_memory(w->pool.context, "the words of a text", slots * sizeof *w->slots);
    }
    w->mask = slots - 1;
    for (size_t i = 0; old.slots && i <= old.mask; i++)
        if (old.slots[i].text)
            *find(w, old.slots[i].text, old.slots[i].length) = old.slots[i];
    lte_release(w->pool.context, old.slots, (old.mask + 1) * sizeof *old.slots);
    return LTE_OK;
}

static enum lte_status put_word(void *opaque, struct lte_span word)
{
    struct lte_word_counts *w = ((struct counter *)opaque)->words;
    if (!w->slots || w->used > w->mask / 2)
        LTE_TRY(grow(w));
    struct lte_word *slot = find(w, word.text, word.length);
    if (!slot->text) {
        const unsigned char *text = lte_pool_copy(&w->pool, word.text, word.length);
        if (!text)
            return LTE_ERR_MEMORY;
        *slot = (struct lte_word){.text = text, .length = (uint32_t)word.length};
        w->used++;
    }
    slot->count++;
    return LTE_OK;
}

static enum lte_status put_plain(void *opaque, struct lte_span text, bool at_start)
{
    struct counter *c = opaque;
    return lte_pretokenize(c->splitter->stages, c->splitter->stage_count, &c->split, text,
                           at_start);
}

static void pass_over(void *opaque, uint32_t id)
{
    (void)opaque;
    (void)id;
}

static enum lte_status put_part(void *opaque, const struct lte_part *part)
{
    struct counter *c = opaque;
    const struct lte_added_parts parts = {put_plain, pass_over, c};
    const struct lte_span text = {(const unsigned char *)part->text, part->length};
    return lte_added_split(&c->splitter->added, text, part->first, true, &parts);
}

enum lte_status lte_words_count(const struct lte_tokenizer *splitter, const char *const *inputs,
                                size_t count, struct lte_word_counts *words)
{
    const struct lte_context *context = splitter->context;
    struct counter c = {.splitter = splitter, .words = words};
    *words = (struct lte_word_counts){.pool = {.context = context}};
    LTE_TRY(lte_matcher_open(&c.matcher, context, LTE_PART_BYTES));
    c.split = (struct lte_words){.put = put_word, .opaque = &c, .matcher = &c.matcher};
    for (size_t i = 0; i < LTE_MAX_STAGES; i++)
        c.split.scratch[i].context = context;
    const enum lte_status status =
        lte_documents_read(context, inputs, count, NULL, put_part, &c);
    for (size_t i = 0; i < LTE_MAX_STAGES; i++)
        lte_buffer_free(&c.split.scratch[i]);
    lte_matcher_close(&c.matcher);
    return status;
}

void lte_words_free(struct lte_word_counts *words)
{
    lte_release(words->pool.context, words->slots, (words->mask + 1) * sizeof *words->slots);
    lte_pool_free(&words->pool);
}
