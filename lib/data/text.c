// SPDX-License-Identifier: BSD-2-Clause
// Text from a token file, cut into pieces that are visited in a new order every epoch.
#include "config.h"

#include <string.h>

#include "lib/data/draw.h"
#include "lib/data/source.h"
#include "lib/data/tokens.h"
#include "lib/random.h"

struct text {
    struct lte_data base;
    struct lte_tokens tokens;
    char *path; // for messages
    uint64_t pieces;
    bool separate;
};

// The rows of a piece: row r reads token r, and token r + 1 is its target.
struct piece {
    uint64_t first, end;
};

static struct piece piece_at(const struct text *t, uint64_t index)
{
    const uint64_t rows = t->tokens.info.tokens - 1, first = index * t->base.longest;
    return (struct piece){first, rows - first < t->base.longest ? rows : first + t->base.longest};
}

static enum lte_status copy_tokens(const struct text *t, struct piece p, uint32_t *token,
                                   uint32_t *target)
{
    const size_t n = (size_t)(p.end - p.first);
    for (size_t i = 0; i <= n; i++) {
        const uint32_t id = lte_tokens_get(&t->tokens, p.first + i);
        if (id >= t->tokens.info.vocabulary)
            return lte_fail(t->base.context, LTE_ERR_FORMAT, "%s: token %llu is %u of %u", t->path,
                            (unsigned long long)(p.first + i), id, t->tokens.info.vocabulary);
        if (i < n)
            token[i] = id;
        if (i)
            target[i - 1] = id;
    }
    return LTE_OK;
}

// Cuts rows first..end-1 of the batch, a stretch that may be one sequence, into drawn lengths.
static void cut(const struct text *t, struct lte_draw *draw, struct lte_fill *fill, size_t rows)
{
    const struct lte_data_options *o = &t->base.options;
    while (rows) {
        size_t n = o->shortest < o->longest ? lte_draw_range(draw, o->shortest, o->longest) : rows;
        n = n < rows ? n : rows;
        lte_fill_segment(fill, n);
        rows -= n;
    }
}

static void cut_documents(const struct text *t, struct lte_draw *draw, struct lte_fill *fill,
                          struct piece p)
{
    uint64_t document = lte_tokens_document_of(&t->tokens, p.first);
    for (uint64_t at = p.first; at < p.end; document++) {
        const uint64_t stop = lte_tokens_document_end(&t->tokens, document);
        const uint64_t end = stop < p.end ? stop : p.end;
        if (stop <= p.end)
            fill->batch->target[fill->rows + (size_t)(stop - at) - 1] = LTE_IGNORE;
        cut(t, draw, fill, (size_t)(end - at));
        at = end;
    }
}

static enum lte_status put(struct lte_data *data, uint64_t step, uint64_t number,
                           struct lte_fill *fill)
{
    const struct text *t = (const struct text *)data;
    const uint64_t order = lte_random_bits(data->key, number / t->pieces);
    struct lte_draw draw = lte_draw_begin(~data->key, number);
    const struct piece p = piece_at(t, lte_permute(order, t->pieces, number % t->pieces));
    (void)step;
    if (!lte_fill_room(fill, (size_t)(p.end - p.first)))
        return LTE_OK;
    LTE_TRY(copy_tokens(t, p, fill->batch->token + fill->rows, fill->batch->target + fill->rows));
    if (t->separate)
        cut_documents(t, &draw, fill, p);
    else
        cut(t, &draw, fill, (size_t)(p.end - p.first));
    return LTE_OK;
}

static void release(struct lte_data *data)
{
    struct text *t = (struct text *)data;
    lte_tokens_close(&t->tokens);
    if (t->path)
        lte_release(data->context, t->path, strlen(t->path) + 1);
}

static const struct lte_data_kind kind = {.name = "text", .put = put, .free = release};

// The most documents that a piece has a part of.
static uint64_t most_documents(const struct text *t)
{
    uint64_t most = 1, first = 0, begin = 0;
    for (uint64_t i = 0; i < t->tokens.info.documents; i++) {
        // Document i begins at `begin`: the pieces it begins in or before have no more of those
        // before.
        const uint64_t piece = begin / t->base.longest * t->base.longest;
        while (first < i && lte_tokens_document_end(&t->tokens, first) <= piece)
            first++;
        most = i - first + 1 > most ? i - first + 1 : most;
        begin = lte_tokens_document_end(&t->tokens, i);
    }
    return most;
}

// A piece is cut where a document ends and where a drawn length does, the lengths beginning anew
// with every document.
static void measure(struct text *t)
{
    struct lte_data *d = &t->base;
    const uint64_t documents = t->separate ? most_documents(t) : 1;
    const uint64_t cuts =
        d->options.shortest < d->longest ? documents + d->longest / d->options.shortest : documents;
    d->item_rows = d->longest;
    d->item_segments = cuts < d->longest ? (uint32_t)cuts : d->longest;
    d->vocabulary = t->tokens.info.vocabulary;
    lte_data_measure(d);
}

static enum lte_status open_text(struct text *t, const char *path, bool separate)
{
    const struct lte_context *c = t->base.context;
    LTE_TRY(lte_tokens_open(c, path, &t->tokens));
    if (t->tokens.info.tokens < 2)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: one token, which nothing predicts", path);
    t->path = lte_strdup(c, path);
    if (!t->path)
        return lte_fail_memory(c, "a path", strlen(path) + 1);
    const uint64_t rows = t->tokens.info.tokens - 1;
    t->pieces = rows / t->base.longest + (rows % t->base.longest != 0);
    t->separate = separate;
    measure(t);
    return LTE_OK;
}

enum lte_status lte_data_text(struct lte_context *context, const char *path, int separate,
                              const struct lte_data_options *options, struct lte_data **data)
{
    struct lte_data *d;
    if (data)
        *data = NULL;
    if (!context || !path || !data)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_data_new(context, &kind, sizeof(struct text), options, &d));
    return lte_data_done(d, open_text((struct text *)d, path, separate != 0), data);
}
