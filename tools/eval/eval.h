// SPDX-License-Identifier: BSD-2-Clause
// What the tasks of an evaluation share.
#ifndef LTE_TOOLS_EVAL_EVAL_H
#define LTE_TOOLS_EVAL_EVAL_H

#include "tools/engine.h"
#include "tools/eval/result.h"
#include "tools/text.h"

enum { EVAL_LENGTHS = 16 };

struct eval_settings {
    struct engine_settings engine;
    const char *file;      // text, haystack, or JSON lines
    const char *lengths;   // list as given; NULL: the task's own
    uint64_t samples, seed, pairs, vocabulary, variant, count, bucket;
    float depth;           // negative: drawn
    float power;           // of mqar's law of places; 0: the task's own
    bool json;
};

struct evaluation {
    const struct eval_settings *settings;
    const struct engine *engine;
    const struct lte_tokenizer *tokenizer; // NULL: the model has none
    struct results results;
    uint64_t state_bytes;  // of the sessions used
    uint64_t length[EVAL_LENGTHS];
    size_t lengths;
};

// A task adds its results. Returns an exit status.
typedef int eval_task(struct evaluation *evaluation);
eval_task eval_perplexity, eval_niah, eval_mqar, eval_cloze;

// A session for sequences of up to `tokens`, and logits [rows][vocabulary]. Returns an exit status.
struct reader_session {
    struct lte_session *session;
    float *logits;
    size_t rows;
    uint32_t vocabulary;
};
int eval_open(struct evaluation *evaluation, uint64_t tokens, size_t rows, struct reader_session *s);
// Feeds ids [count] to the session in blocks of at most s->rows, and calls `row` for each with its
// logits and its place in ids. Returns an exit status.
typedef void eval_row(void *opaque, size_t place, const float *logits);
int eval_feed(struct reader_session *s, const uint32_t *ids, size_t count, eval_row *row, void *opaque);
void eval_close(struct reader_session *s);

// The tokenizer, or NULL after a message.
const struct lte_tokenizer *eval_tokenizer(const struct evaluation *evaluation);

// Reads a prompt in a fresh state and continues it greedily, to the end of a line or `count`
// tokens. *hit: whether the continuation contains `answer`, letters' case aside. Returns an exit
// status.
int eval_answer(const struct evaluation *evaluation, struct reader_session *s, const char *prompt,
                size_t length, const char *answer, size_t answer_length, uint64_t count, bool *hit);

#endif
