// SPDX-License-Identifier: BSD-2-Clause
// The calls that make tokenizers.
#include "config.h"

#include "lib/tokenizer/train.h"

#include "lib/atomic_file.h"

static enum lte_status write_file(const struct lte_trained *trained, const char *path)
{
    struct lte_buffer json = {.context = trained->pool.context};
    enum lte_status status = lte_trained_write(trained, &json);
    if (status == LTE_OK)
        status = lte_atomic_write(trained->pool.context, path, json.bytes, json.length);
    lte_buffer_free(&json);
    return status;
}

enum lte_status lte_tokenizer_train_bytes(struct lte_context *context, const char *const *special,
                                          size_t count, const char *path)
{
    struct lte_trained trained;
    if (!context || !path)
        return LTE_ERR_ARGUMENT;
    enum lte_status status = lte_trained_begin(context, special, count, false, &trained);
    if (status == LTE_OK)
        status = write_file(&trained, path);
    lte_trained_free(&trained);
    return status;
}

void lte_tokenizer_train_init(struct lte_tokenizer_train_options *options)
{
    if (options)
        *options = (struct lte_tokenizer_train_options){.vocabulary = 4096, .fewest = 2};
}

// Words must be cut in training as they are when the file is used: a tokenizer read from what has
// been trained so far, which is nothing yet, cuts them.
static enum lte_status make_splitter(const struct lte_trained *trained,
                                     struct lte_tokenizer **splitter)
{
    const struct lte_context *context = trained->pool.context;
    struct lte_buffer json = {.context = context};
    json_t *root = NULL;
    enum lte_status status = lte_trained_write(trained, &json);
    if (status == LTE_OK)
        status = lte_json_parse(context, "tokenizer", json.bytes, json.length, &root);
    if (status == LTE_OK)
        status = lte_tokenizer_read(context, "tokenizer", root, splitter);
    json_decref(root);
    lte_buffer_free(&json);
    return status;
}

static enum lte_status count_words(const struct lte_trained *trained, const char *const *inputs,
                                   size_t count, struct lte_word_counts *words)
{
    struct lte_tokenizer *splitter = NULL;
    enum lte_status status = make_splitter(trained, &splitter);
    if (status == LTE_OK)
        status = lte_words_count(splitter, inputs, count, words);
    lte_tokenizer_free(splitter);
    if (status == LTE_OK && !words->used)
        status = lte_fail(trained->pool.context, LTE_ERR_FORMAT, "no text to train a tokenizer on");
    return status;
}

static enum lte_status train(struct lte_trained *trained, const char *const *inputs, size_t count,
                             const struct lte_tokenizer_train_options *o)
{
    const struct lte_context *context = trained->pool.context;
    const size_t fewest = 256 + o->special_count;
    struct lte_word_counts words = {.pool = {.context = context}};
    if (o->vocabulary < fewest || o->vocabulary > LTE_MAX_ID + 1u)
        return lte_fail(context, LTE_ERR_ARGUMENT,
                        "a vocabulary of %u pieces: %zu to %u are possible", o->vocabulary, fewest,
                        LTE_MAX_ID + 1u);
    trained->split_digits = o->split_digits != 0;
    enum lte_status status = count_words(trained, inputs, count, &words);
    if (status == LTE_OK)
        status = lte_trained_merge(trained, &words, o->vocabulary - o->special_count,
                                   o->fewest ? o->fewest : 1);
    lte_words_free(&words);
    return status;
}

enum lte_status lte_tokenizer_train_bpe(struct lte_context *context, const char *const *inputs,
                                        size_t count,
                                        const struct lte_tokenizer_train_options *options,
                                        const char *path, uint32_t *pieces)
{
    struct lte_tokenizer_train_options o;
    struct lte_trained trained;
    if (!context || !inputs || !path)
        return LTE_ERR_ARGUMENT;
    lte_tokenizer_train_init(&o);
    if (options)
        o = *options;
    enum lte_status status =
        lte_trained_begin(context, o.special, o.special_count, true, &trained);
    if (status == LTE_OK)
        status = train(&trained, inputs, count, &o);
    if (status == LTE_OK)
        status = write_file(&trained, path);
    if (status == LTE_OK && pieces)
        *pieces = (uint32_t)(lte_trained_pieces(&trained) + o.special_count);
    lte_trained_free(&trained);
    return status;
}
