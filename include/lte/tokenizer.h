// SPDX-License-Identifier: BSD-2-Clause
// Text to token ids and back: byte-level BPE and SentencePiece-style BPE from a tokenizer.json.
#ifndef LTE_TOKENIZER_H
#define LTE_TOKENIZER_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lte_tokenizer;

// Reads a tokenizer.json (Hugging Face `tokenizers`, BPE model). On success the caller owns
// *tokenizer and ends it with lte_tokenizer_free(); on failure it is NULL.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY, LTE_ERR_IO, LTE_ERR_FORMAT (broken JSON, a merge whose
// pieces or result are not in the vocabulary, an id used twice), LTE_ERR_UNSUPPORTED (a model,
// normalizer, pre-tokenizer or decoder this library does not implement; the log names it).
// Thread-safety: Safe. The tokenizer is constant once made and may be shared between threads.
LTE_API enum lte_status lte_tokenizer_load(struct lte_context *context, const char *path,
                                           struct lte_tokenizer **tokenizer);
// Frees a tokenizer; NULL is allowed.
LTE_API void lte_tokenizer_free(struct lte_tokenizer *tokenizer);

// One more than the highest token id. Thread-safety: Safe.
LTE_API uint32_t lte_tokenizer_size(const struct lte_tokenizer *tokenizer);

enum lte_encode_flags {
    LTE_ENCODE_SPECIAL = 1, // recognise special tokens written out in the text; leave this off for
                            // text that you do not trust
    LTE_ENCODE_TEMPLATE = 2 // add what the tokenizer's post-processor adds (a BOS token, say)
};

// Encodes `length` bytes of UTF-8. Writes at most `capacity` ids and stores in *count how many the
// text has. `ids` may be NULL when capacity is 0: the call then only counts, and returns LTE_OK.
// The time is linear in `length` (up to a logarithm for one very long word).
// LTE_OK, LTE_ERR_ARGUMENT (also a single word of 2 GiB or more), LTE_ERR_MEMORY, LTE_ERR_UTF8 (the
// log gives the offset), LTE_ERR_SPACE (*count > capacity; the first `capacity` ids have been
// written), LTE_ERR_UNSUPPORTED (a pattern of the tokenizer needs more backtracking on this text
// than is safe).
// Thread-safety: Safe.
LTE_API enum lte_status lte_tokenizer_encode(const struct lte_tokenizer *tokenizer, const char *text,
                                             size_t length, unsigned flags, uint32_t *ids,
                                             size_t capacity, size_t *count);

enum lte_decode_flags {
    LTE_DECODE_SPECIAL = 1 // write special tokens out instead of skipping them
};

// Decodes `count` ids to UTF-8 bytes, without a terminating NUL. Bytes that do not form UTF-8
// become U+FFFD. Stores in *length how many bytes the text has; `text` may be NULL when capacity is
// 0: the call then only counts, and returns LTE_OK.
// LTE_OK, LTE_ERR_ARGUMENT (an id that the vocabulary does not have; the log names it),
// LTE_ERR_MEMORY, LTE_ERR_SPACE (*length > capacity; nothing was written).
// Thread-safety: Safe.
LTE_API enum lte_status lte_tokenizer_decode(const struct lte_tokenizer *tokenizer,
                                             const uint32_t *ids, size_t count, unsigned flags,
                                             char *text, size_t capacity, size_t *length);

// The id of the vocabulary entry or added token spelled `piece`, in *id.
// LTE_OK, LTE_ERR_ARGUMENT (no such piece). Thread-safety: Safe.
LTE_API enum lte_status lte_tokenizer_find(const struct lte_tokenizer *tokenizer, const char *piece,
                                           uint32_t *id);
// Nonzero if `id` is an added token marked special. Thread-safety: Safe.
LTE_API int lte_tokenizer_is_special(const struct lte_tokenizer *tokenizer, uint32_t id);

// Streaming decoder: tokens in, whole UTF-8 sequences out. A sequence that several tokens make up
// is held back until it is complete. Zero-initialise it with lte_stream_init(); it owns nothing and
// needs no freeing. The concatenation of everything a stream gives out equals
// lte_tokenizer_decode() of the same ids.
struct lte_stream {
    const struct lte_tokenizer *tokenizer;
    unsigned flags;           // enum lte_decode_flags
    unsigned held;            // bytes of an unfinished sequence in `bytes`
    unsigned started;         // what has been seen of the text's beginning
    unsigned char bytes[8];
};

LTE_API void lte_stream_init(struct lte_stream *stream, const struct lte_tokenizer *tokenizer,
                             unsigned flags);

// Feeds one id. Stores the bytes that are complete in text[0..*length). `capacity` of
// lte_stream_capacity() bytes is always enough.
// LTE_OK, LTE_ERR_ARGUMENT (unknown id; the stream is unchanged), LTE_ERR_SPACE (unchanged as
// well).
// Thread-safety: one thread at a time per stream.
LTE_API enum lte_status lte_stream_put(struct lte_stream *stream, uint32_t id, char *text,
                                       size_t capacity, size_t *length);
// Ends the text: what is still held back is written as U+FFFD. The stream can be used again.
LTE_API enum lte_status lte_stream_end(struct lte_stream *stream, char *text, size_t capacity,
                                       size_t *length);
// Bytes that one put or end can give out at most. Thread-safety: Safe.
LTE_API size_t lte_stream_capacity(const struct lte_tokenizer *tokenizer);

#ifdef __cplusplus
}
#endif
#endif
