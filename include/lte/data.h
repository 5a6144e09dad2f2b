// SPDX-License-Identifier: BSD-2-Clause
// Where training text and tasks come from: sources of micro-batches, each a pure function of a
// seed, the step and the micro-batch, so that a resumed run needs nothing but the number of its
// step.
#ifndef LTE_DATA_H
#define LTE_DATA_H

#include "tokenizer.h"
#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

// A source. One thread at a time: it has scratch of its own.
struct lte_data;

// What all sources share. Fill with lte_data_options_init(), then change what you want to.
struct lte_data_options {
    uint64_t seed;          // default 0
    uint32_t rows;          // tokens of a micro-batch at most: sequences are added as long as they
                            // fit; at least `longest`; default 4096
    uint32_t shortest;      // tokens that a sequence feeds to the model, drawn anew for each from
    uint32_t longest;       // shortest..longest; default 512 and 512
    uint32_t micro_batches; // per step, as in struct lte_train_options; default 1
    int all_targets;        // nonzero: in tasks every next token is a target; default 0: answers
    uintptr_t reserved[8];  // zero
};
// Thread-safety: Safe.
LTE_API void lte_data_options_init(struct lte_data_options *options);

// Fills a micro-batch: an lte_batch_fn, whose opaque is a struct lte_data. What it writes depends
// on the options of the source, `step` and `micro` alone. With options.rows == options.longest, a
// task writes one sequence a call.
// LTE_OK, LTE_ERR_ARGUMENT (`micro` is not below options.micro_batches; no sequence of a task can
// be made so short), LTE_ERR_SPACE (the batch is smaller than lte_data_size() asks for),
// LTE_ERR_FORMAT (the token file holds an id outside its vocabulary), LTE_ERR_MEMORY.
// Thread-safety: one thread at a time per source.
LTE_API enum lte_status lte_data_batch(void *data, uint64_t step, uint32_t micro,
                                       struct lte_batch *batch);

// The largest micro-batch of a source: what struct lte_train_options calls rows and segments.
// Either pointer may be NULL.
// Thread-safety: Safe.
LTE_API void lte_data_size(const struct lte_data *data, uint32_t *rows, uint32_t *segments);
// One more than the highest token id that the source can give: no more than the model's vocabulary.
// Thread-safety: Safe.
LTE_API uint32_t lte_data_vocabulary(const struct lte_data *data);
// Frees a source and those that it was made of; NULL is allowed.
LTE_API void lte_data_free(struct lte_data *data);

// --- Text

// Fill with lte_tokenize_options_init(), then change what you want to.
struct lte_tokenize_options {
    const char *end;        // piece written after every document; NULL (default): "<|endoftext|>"
                            // if the tokenizer has it, else none; "": none
    const char *separator;  // text between the documents of one file, which is dropped; NULL
                            // (default): a file is one document
    uintptr_t reserved[8];  // zero
};
// Thread-safety: Safe.
LTE_API void lte_tokenize_options_init(struct lte_tokenize_options *options);

// What a token file holds.
struct lte_tokens_info {
    uint64_t tokens, documents; // the ends of documents are tokens
    uint32_t vocabulary;        // of the tokenizer: ids are below it
    uint32_t end;               // the id after every document, LTE_IGNORE if there is none
    uintptr_t reserved[4];
};

// Encodes UTF-8 text once, into the token file `path`, which appears complete or not at all.
// `inputs` are files, or folders, of which every file below is taken in the order of its path,
// names that begin with a dot left out. A document gets what the tokenizer's template adds, then
// its end. Special tokens that are spelled out in the text are text. A document of more than 4 MiB
// is encoded in parts of about that size, cut at ends of lines. `options` may be NULL, and so may
// `info`.
// LTE_OK, LTE_ERR_ARGUMENT (options.end is no piece of the tokenizer), LTE_ERR_IO, LTE_ERR_UTF8
// (the log names file and offset), LTE_ERR_FORMAT (no text at all), LTE_ERR_MEMORY,
// LTE_ERR_UNSUPPORTED (as lte_tokenizer_encode()).
// Thread-safety: Safe.
LTE_API enum lte_status lte_data_tokenize(struct lte_context *context,
                                          const struct lte_tokenizer *tokenizer,
                                          const char *const *inputs, size_t count,
                                          const struct lte_tokenize_options *options,
                                          const char *path, struct lte_tokens_info *info);

// Reads what the header of a token file says, after checking all of the file but the tokens.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_IO, LTE_ERR_FORMAT (the log names the file and the value).
// Thread-safety: Safe.
LTE_API enum lte_status lte_data_tokens(struct lte_context *context, const char *path,
                                        struct lte_tokens_info *info);

// A source of text from a token file, which stays mapped. The tokens are cut into pieces of
// options.longest, whose order is drawn anew for every epoch; in an epoch every token but the
// first is a target exactly once. With options.shortest < options.longest a piece is cut further,
// into sequences of drawn lengths. `separate` 0: sequences run across documents, as they lie in
// the file; nonzero: a sequence never holds two documents, and then the first token of a document
// is no target.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_IO, LTE_ERR_FORMAT, LTE_ERR_MEMORY.
// Thread-safety: Safe.
LTE_API enum lte_status lte_data_text(struct lte_context *context, const char *path, int separate,
                                      const struct lte_data_options *options,
                                      struct lte_data **data);

// --- Tasks

// Multi-query associative recall: pairs of a key and a value, then keys in places drawn by a power
// law, at each of which the key's value is the target. Fill with lte_mqar_options_init().
struct lte_mqar_options {
    uint32_t vocabulary;     // ids 0..vocabulary-1: keys are drawn from the lower half (without 0),
                             // values from the upper; default 8192
    uint32_t first;          // added to every id; default 0
    uint32_t fewest, pairs;  // pairs, drawn for each sequence, as many as fit; default 4 and 4
    uint32_t passes;         // times that all pairs are shown; default 1
    double power;            // of the law: place i has weight i^(power-1); default 0.01
    int random_others;       // nonzero (default): what is neither pair nor query is random; 0: id 0
    uintptr_t reserved[8];   // zero
};
// Thread-safety: Safe.
LTE_API void lte_mqar_options_init(struct lte_mqar_options *options);
// A source of the task. Lengths are rounded down to even ones.
// LTE_OK, LTE_ERR_ARGUMENT (not even the fewest pairs fit options.shortest, or a half of the
// vocabulary; a length is not below the vocabulary; the log says which), LTE_ERR_MEMORY.
// Thread-safety: Safe.
LTE_API enum lte_status lte_data_mqar(struct lte_context *context,
                                      const struct lte_mqar_options *mqar,
                                      const struct lte_data_options *options,
                                      struct lte_data **data);

// Repeated-segment copying: a random segment of symbols, repeated to the end of the sequence. The
// targets are what follows each repeated symbol. Fill with lte_copy_options_init().
struct lte_copy_options {
    uint32_t first, symbols;     // ids first..first+symbols-1; default 0 and 256
    uint32_t shortest, longest;  // symbols of a segment, at most half a sequence; default 8 and 64
    uintptr_t reserved[8];       // zero
};
// Thread-safety: Safe.
LTE_API void lte_copy_options_init(struct lte_copy_options *options);
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY. Thread-safety: Safe.
LTE_API enum lte_status lte_data_copy(struct lte_context *context,
                                      const struct lte_copy_options *copy,
                                      const struct lte_data_options *options,
                                      struct lte_data **data);

// A needle in a haystack, RULER's S-NIAH 1-3: a text hides one sentence with a number, and ends
// with the question for it. Fill with lte_niah_options_init().
struct lte_niah_options {
    const struct lte_tokenizer *tokenizer; // must live as long as the source
    int variant;             // 1 (default): noise hides a number; 2: text hides a number; 3: text
                             // hides a UUID
    const char *haystack;    // path of the text of variants 2 and 3, repeated where it ends
    double depth;            // percent of the haystack before the needle; negative (default): drawn
    int random_start;        // nonzero (default): the text begins at a random word; 0: at its
                             // first, as RULER has it
    uintptr_t reserved[8];   // zero
};
// Thread-safety: Safe.
LTE_API void lte_niah_options_init(struct lte_niah_options *options);
// A source of the task: prompt, then " VALUE.", whose tokens are the targets.
// LTE_OK, LTE_ERR_ARGUMENT (the prompt alone is longer than options.shortest; the log says how
// long), LTE_ERR_IO, LTE_ERR_UTF8, LTE_ERR_FORMAT (the haystack has no words), LTE_ERR_MEMORY.
// Thread-safety: Safe.
LTE_API enum lte_status lte_data_niah(struct lte_context *context,
                                      const struct lte_niah_options *niah,
                                      const struct lte_data_options *options,
                                      struct lte_data **data);

// One sample as text, for evaluation.
struct lte_niah_sample {
    const char *prompt;     // with the beginning of the answer: "... in the provided text is"
    const char *answer;     // what a right continuation contains, such as "1234567"
    size_t prompt_length, answer_length; // bytes
    size_t needle;          // byte of the prompt where the needle begins
    uint32_t tokens;        // of the prompt, with what the tokenizer's template adds
    double depth;           // part of the haystack (units or sentences) before the needle, 0..1
    uintptr_t reserved[4];
};
// Sample `index` of a source that lte_data_niah() made, its prompt the longest of at most `tokens`
// tokens (RULER: the length asked for, less 128 for the answer). `depth` in percent; negative: the
// source's own. The two texts are the source's, and stay until the next call on it.
// LTE_OK, LTE_ERR_ARGUMENT (also another kind of source, and too few tokens), LTE_ERR_MEMORY.
// Thread-safety: one thread at a time per source.
LTE_API enum lte_status lte_data_niah_sample(struct lte_data *data, uint64_t index, uint32_t tokens,
                                             double depth, struct lte_niah_sample *sample);

// --- Combinations. They own their sources once they are made; after a failure the caller still
// does.

// Sequences of several sources in one micro-batch, each drawn with a probability proportional to
// its weight. Seed, rows and micro_batches are those of `options`; the lengths and targets those
// of each source.
// LTE_OK, LTE_ERR_ARGUMENT (a weight that is not finite and at least 0, a sum of 0, a source whose
// sequences are longer than options.rows), LTE_ERR_MEMORY.
// Thread-safety: Safe.
LTE_API enum lte_status lte_data_mix(struct lte_context *context, struct lte_data *const *sources,
                                     const double *weights, size_t count,
                                     const struct lte_data_options *options,
                                     struct lte_data **data);

// A curriculum: from step first[i] on, source i. first[0] is 0, and they rise.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY. Thread-safety: Safe.
LTE_API enum lte_status lte_data_phases(struct lte_context *context,
                                        struct lte_data *const *sources,
                                        const uint64_t *first, size_t count,
                                        struct lte_data **data);

// Whole micro-batches by turns: micro-batch i of a step is that of source i modulo count. The
// gradients of a step's micro-batches are averaged, so each source has the same say however few
// of its tokens are targets; in a mixture a few answers are lost among the targets of a text.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY. Thread-safety: Safe.
LTE_API enum lte_status lte_data_turns(struct lte_context *context,
                                       struct lte_data *const *sources, size_t count,
                                       struct lte_data **data);

#ifdef __cplusplus
}
#endif
#endif
