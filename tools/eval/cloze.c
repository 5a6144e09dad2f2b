// SPDX-License-Identifier: BSD-2-Clause
// Documents that end in a cloze, from JSON lines with "text" and "value": the part whose greedy
// continuation contains the value.
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval/eval.h"
#include "tools/message.h"

enum { ANSWER_TOKENS = 48 };

// Without the white space at both ends.
static const char *strip(const char *text, size_t *length)
{
    static const char white[] = " \t\r\n\f\v";
    const size_t skip = strspn(text, white);
    *length = strlen(text + skip);
    while (*length && strchr(white, text[skip + *length - 1]))
        --*length;
    return text + skip;
}

struct task {
    struct evaluation *evaluation;
    FILE *file;
    char *line;
    size_t size;
    uint64_t number, hits, documents;
};

static int bad_file(const struct task *t)
{
    message_error("%s: %s", t->evaluation->settings->file, strerror(errno));
    return STATUS_FAILED;
}

// The longest document, so that one session serves them all: bytes bound tokens. The file is read
// twice, and so cannot be a pipe.
static int find_longest(struct task *t, uint64_t *longest)
{
    ssize_t n;
    while ((n = getline(&t->line, &t->size, t->file)) > 0)
        *longest = (uint64_t)n > *longest ? (uint64_t)n : *longest;
    return ferror(t->file) || fseek(t->file, 0, SEEK_SET) ? bad_file(t) : STATUS_OK;
}

static int bad_line(const struct task *t, const char *what)
{
    message_error("%s: line %llu: %s", t->evaluation->settings->file, (unsigned long long)t->number,
                  what);
    return STATUS_FAILED;
}

static int judge_line(struct task *t, struct reader_session *reader)
{
    struct evaluation *e = t->evaluation;
    json_error_t error;
    size_t text_length, value_length;
    bool hit;
    json_t *line = json_loads(t->line, 0, &error);
    if (!line)
        return bad_line(t, error.text);
    const char *text = json_string_value(json_object_get(line, "text"));
    const char *value = json_string_value(json_object_get(line, "value"));
    int status = STATUS_OK;
    if (!text || !value)
        status = bad_line(t, "needs the texts \"text\" and \"value\"");
    if (status == STATUS_OK) {
        text = strip(text, &text_length);
        value = strip(value, &value_length);
        if (!text_length || !value_length)
            status = bad_line(t, "\"text\" or \"value\" is empty");
    }
    if (status == STATUS_OK)
        status = eval_answer(e, reader, text, text_length, value, value_length,
                             e->settings->count ? e->settings->count : ANSWER_TOKENS, &hit);
    if (status == STATUS_OK) {
        t->documents++;
        t->hits += hit;
    }
    json_decref(line);
    return status;
}

static int judge_all(struct task *t)
{
    struct evaluation *e = t->evaluation;
    struct reader_session reader;
    uint64_t longest = 0;
    int status = find_longest(t, &longest);
    if (status != STATUS_OK)
        return status;
    status = eval_open(e, longest + ANSWER_TOKENS + e->settings->count + 8, 1, &reader);
    while (status == STATUS_OK && t->documents < e->settings->samples &&
           getline(&t->line, &t->size, t->file) > 0) {
        t->number++;
        if (t->line[strspn(t->line, " \t\r\n")])
            status = judge_line(t, &reader);
    }
    eval_close(&reader);
    if (status == STATUS_OK && ferror(t->file))
        status = bad_file(t);
    if (status == STATUS_OK && !t->documents) {
        message_error("%s: holds no document", e->settings->file);
        status = STATUS_FAILED;
    }
    if (status == STATUS_OK && !results_proportion(&e->results, "contains", t->hits, t->documents))
        status = STATUS_FAILED;
    return status;
}

int eval_cloze(struct evaluation *e)
{
    struct task t = {.evaluation = e};
    if (!e->settings->file) {
        message_error("cloze needs JSON lines: -f FILE");
        return STATUS_USAGE;
    }
    if (!eval_tokenizer(e))
        return STATUS_FAILED;
    t.file = fopen(e->settings->file, "r");
    if (!t.file)
        return bad_file(&t);
    const int status = judge_all(&t);
    free(t.line);
    fclose(t.file);
    return status;
}
