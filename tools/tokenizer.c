// SPDX-License-Identifier: BSD-2-Clause
// lte tokenizer: makes tokenizers and tries them out.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/context.h"
#include "tools/message.h"
#include "tools/number.h"
#include "tools/options.h"
#include "tools/text.h"

enum { MAX_INPUTS = 4096, MAX_IDS = 65536 };

struct train_settings {
    bool bytes, digits;
    uint64_t pieces; // 0: not given
    uint64_t fewest;
    struct option_list special;
    const char *output;
};

struct use_settings {
    const char *words, *file;
    bool special, pieces;
};

#define TRAIN(member) .offset = offsetof(struct train_settings, member)
#define USE(member) .offset = offsetof(struct use_settings, member)

static const struct option_spec train_options[] = {
    {.name = "bytes", .kind = OPTION_FLAG, TRAIN(bytes),
     .help = "one token per byte; needs no INPUT"},
    {.name = "bpe", .kind = OPTION_INTEGER, TRAIN(pieces), .argument = "N", .low = 256,
     .high = 4194304, .help = "byte-level BPE of N pieces in all"},
    {.name = "special", .kind = OPTION_LIST, TRAIN(special), .argument = "TEXT",
     .help = "a special token; may be given several times"},
    {.name = "digits", .kind = OPTION_FLAG, TRAIN(digits),
     .help = "every digit is a piece of its own"},
    {.name = "fewest", .kind = OPTION_INTEGER, TRAIN(fewest), .argument = "N", .low = 1,
     .high = UINT64_MAX, .help = "merge no pair that occurs less often (default: 2)"},
    {.name = "output", .letter = 'o', .kind = OPTION_TEXT, TRAIN(output), .argument = "FILE",
     .help = "the tokenizer.json to write"},
    {.name = NULL}};

static const struct option_spec encode_options[] = {
    {.name = "prompt", .letter = 'p', .kind = OPTION_TEXT, USE(words), .argument = "TEXT",
     .help = "encode TEXT"},
    {.name = "file", .letter = 'f', .kind = OPTION_TEXT, USE(file), .argument = "FILE",
     .help = "encode the text in FILE; - is standard input"},
    {.name = "special", .kind = OPTION_FLAG, USE(special),
     .help = "recognise special tokens spelled out in the text"},
    {.name = "pieces", .kind = OPTION_FLAG, USE(pieces),
     .help = "one line per token: its id and its text"},
    {.name = NULL}};

static const struct option_spec decode_options[] = {
    {.name = "file", .letter = 'f', .kind = OPTION_TEXT, USE(file), .argument = "FILE",
     .help = "decode the ids in FILE; - is standard input"},
    {.name = "special", .kind = OPTION_FLAG, USE(special), .help = "write special tokens out"},
    {.name = NULL}};

static const struct command learn_command, encode_command, decode_command;

static enum lte_status train(struct lte_context *context, const struct train_settings *s,
                             const char *const *inputs, size_t count)
{
    uint32_t pieces;
    if (s->bytes)
        return lte_tokenizer_train_bytes(context, s->special.texts, s->special.count, s->output);
    struct lte_tokenizer_train_options options;
    lte_tokenizer_train_init(&options);
    options.vocabulary = (uint32_t)s->pieces;
    options.special = s->special.texts;
    options.special_count = s->special.count;
    options.fewest = s->fewest;
    options.split_digits = s->digits;
    const enum lte_status status =
        lte_tokenizer_train_bpe(context, inputs, count, &options, s->output, &pieces);
    if (status == LTE_OK && pieces < s->pieces)
        message_warning("%u pieces: in this text no other pair occurs %llu times", pieces,
                        (unsigned long long)s->fewest);
    return status;
}

static int check_train(const struct train_settings *s, size_t inputs)
{
    const char *wrong = NULL;
    if (s->bytes == (s->pieces != 0))
        wrong = "give either --bytes or --bpe N";
    else if (!s->output)
        wrong = "say with -o which file to write";
    else if (s->bytes && inputs)
        wrong = "--bytes reads no text";
    else if (!s->bytes && !inputs)
        wrong = "--bpe needs files or folders of text";
    if (!wrong)
        return STATUS_OK;
    message_error("tokenizer train: %s", wrong);
    return STATUS_USAGE;
}

static int run_train(int argc, char **argv)
{
    struct train_settings s = {.fewest = 2};
    static const char *inputs[MAX_INPUTS];
    struct lte_context *context;
    size_t count = 0;
    int status;
    if (!options_parse(&learn_command, &s, argc, argv, inputs, &status))
        return status;
    while (count < MAX_INPUTS && inputs[count])
        count++;
    status = check_train(&s, count);
    if (status == STATUS_OK)
        status = context_open(NULL, &context);
    if (status != STATUS_OK)
        return status;
    const enum lte_status result = train(context, &s, inputs, count);
    if (result != LTE_OK)
        status = message_failed(s.output, result);
    lte_close(context);
    return status;
}

// A tokenizer.json, or a folder that has one.
static int load(struct lte_context *context, const char *path, struct lte_tokenizer **tokenizer)
{
    static const char name[] = "/tokenizer.json";
    char *inside = malloc(strlen(path) + sizeof name);
    if (!inside) {
        message_error("out of memory");
        return STATUS_FAILED;
    }
    strcpy(inside, path);
    strcat(inside, name);
    FILE *file = fopen(inside, "rb");
    const enum lte_status status = lte_tokenizer_load(context, file ? inside : path, tokenizer);
    if (file)
        fclose(file);
    free(inside);
    return status == LTE_OK ? STATUS_OK : message_failed(path, status);
}

// Text of `ids` to standard output.
static int print_text(const struct lte_tokenizer *tokenizer, const uint32_t *ids, size_t count,
                      unsigned flags)
{
    size_t length = 0;
    enum lte_status status = lte_tokenizer_decode(tokenizer, ids, count, flags, NULL, 0, &length);
    char *text = status == LTE_OK ? malloc(length + 1) : NULL;
    if (status == LTE_OK && !text)
        status = LTE_ERR_MEMORY;
    if (status == LTE_OK)
        status = lte_tokenizer_decode(tokenizer, ids, count, flags, text, length, &length);
    if (status == LTE_OK)
        fwrite(text, 1, length, stdout);
    free(text);
    return status == LTE_OK ? STATUS_OK : message_failed("decode", status);
}

static int print_ids(const struct lte_tokenizer *tokenizer, const struct tokens *tokens,
                     bool pieces)
{
    int status = STATUS_OK;
    for (size_t i = 0; i < tokens->count && status == STATUS_OK; i++) {
        printf("%s%u", i && !pieces ? " " : "", (unsigned)tokens->ids[i]);
        if (!pieces)
            continue;
        putchar('\t');
        status = print_text(tokenizer, &tokens->ids[i], 1, LTE_DECODE_SPECIAL);
        putchar('\n');
    }
    if (!pieces)
        putchar('\n');
    return status;
}

static int encode(const struct lte_tokenizer *tokenizer, const struct use_settings *s)
{
    struct text text = {0};
    struct tokens tokens = {0};
    int status = text_read(&text, s->words, s->file);
    if (status == STATUS_OK)
        status = text_encode(&text, tokenizer, s->special, &tokens);
    if (status == STATUS_OK)
        status = print_ids(tokenizer, &tokens, s->pieces);
    tokens_free(&tokens);
    text_free(&text);
    return status;
}

static int run_encode(int argc, char **argv)
{
    struct use_settings s = {0};
    const char *path;
    struct lte_context *context;
    struct lte_tokenizer *tokenizer;
    int status;
    if (!options_parse(&encode_command, &s, argc, argv, &path, &status))
        return status;
    if (!s.words && !s.file) {
        message_error("tokenizer encode needs a text: give one with -f or -p");
        return STATUS_USAGE;
    }
    status = context_open(NULL, &context);
    if (status != STATUS_OK)
        return status;
    status = load(context, path, &tokenizer);
    if (status == STATUS_OK) {
        status = encode(tokenizer, &s);
        lte_tokenizer_free(tokenizer);
    }
    lte_close(context);
    return status;
}

static int take_id(const char *word, struct tokens *tokens, size_t *capacity)
{
    uint64_t id;
    if (!number_integer(word, &id) || id > UINT32_MAX) {
        message_error("\"%s\" is not a token id", word);
        return STATUS_FAILED;
    }
    if (tokens->count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 1024;
        uint32_t *grown = realloc(tokens->ids, *capacity * sizeof *grown);
        if (!grown) {
            message_error("out of memory");
            return STATUS_FAILED;
        }
        tokens->ids = grown;
    }
    tokens->ids[tokens->count++] = (uint32_t)id;
    return STATUS_OK;
}

static int take_ids(const struct text *text, struct tokens *tokens, size_t *capacity)
{
    static const char blanks[] = " \t\r\n,";
    int status = STATUS_OK;
    for (size_t at = 0; at < text->length && status == STATUS_OK;) {
        char word[32];
        size_t n = 0;
        for (; at < text->length && !strchr(blanks, text->bytes[at]); at++)
            if (n + 1 < sizeof word)
                word[n++] = text->bytes[at];
        word[n] = '\0';
        if (n)
            status = take_id(word, tokens, capacity);
        else
            at++;
    }
    return status;
}

// Ids from the command line, or from a text with blanks or commas between them.
static int read_ids(const char *const *words, const char *file, struct tokens *tokens)
{
    size_t capacity = 0;
    struct text text = {0};
    int status = STATUS_OK;
    for (size_t i = 0; words[i] && status == STATUS_OK; i++)
        status = take_id(words[i], tokens, &capacity);
    if (status == STATUS_OK && file)
        status = text_read(&text, NULL, file);
    if (status == STATUS_OK)
        status = take_ids(&text, tokens, &capacity);
    text_free(&text);
    return status;
}

static int run_decode(int argc, char **argv)
{
    struct use_settings s = {0};
    static const char *words[MAX_IDS + 1];
    struct tokens tokens = {0};
    struct lte_context *context;
    struct lte_tokenizer *tokenizer;
    int status;
    if (!options_parse(&decode_command, &s, argc, argv, words, &status))
        return status;
    if (!words[1] == !s.file) {
        message_error("tokenizer decode needs ids, on the command line or with -f");
        return STATUS_USAGE;
    }
    status = context_open(NULL, &context);
    if (status != STATUS_OK)
        return status;
    status = load(context, words[0], &tokenizer);
    if (status == STATUS_OK) {
        status = read_ids(words + 1, s.file, &tokens);
        if (status == STATUS_OK)
            status = print_text(tokenizer, tokens.ids, tokens.count,
                                s.special ? LTE_DECODE_SPECIAL : 0);
        lte_tokenizer_free(tokenizer);
    }
    tokens_free(&tokens);
    lte_close(context);
    return status;
}

static const struct command learn_command = {
    .name = "tokenizer train",
    .summary = "make a tokenizer",
    .operands = "--bytes | --bpe N -o FILE [INPUT...]",
    .about = "Writes a tokenizer.json: --bytes makes one token of each byte, --bpe learns N\n"
             "pieces from UTF-8 text. An INPUT is a file, or a folder of which every file is read.\n",
    .options = train_options,
    .max_operands = MAX_INPUTS,
    .run = run_train};

static const struct command encode_command = {
    .name = "tokenizer encode",
    .summary = "text to token ids",
    .operands = "TOKENIZER -p TEXT | -f FILE",
    .about = "Prints the ids of a text on one line. TOKENIZER is a tokenizer.json or a model\n"
             "folder.\n",
    .options = encode_options,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_encode};

static const struct command decode_command = {
    .name = "tokenizer decode",
    .summary = "token ids to text",
    .operands = "TOKENIZER ID... | -f FILE",
    .about = "Prints the text of ids, and nothing after it.\n",
    .options = decode_options,
    .min_operands = 1,
    .max_operands = MAX_IDS,
    .run = run_decode};

static const struct command *const parts[] = {&learn_command, &encode_command, &decode_command};
enum { PARTS = sizeof parts / sizeof parts[0] };

static int run(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        options_help(&tokenizer_command);
        return STATUS_OK;
    }
    for (size_t i = 0; argc > 1 && i < PARTS; i++)
        if (!strcmp(argv[1], strchr(parts[i]->name, ' ') + 1))
            return parts[i]->run(argc - 1, argv + 1);
    if (argc > 1)
        message_error("tokenizer: unknown command \"%s\"", argv[1]);
    else
        message_error("tokenizer needs a command");
    message_error("try 'lte tokenizer --help'");
    return STATUS_USAGE;
}

static const struct option_spec no_options[] = {{.name = NULL}};

const struct command tokenizer_command = {
    .name = "tokenizer",
    .summary = "make a tokenizer, or try one out",
    .operands = "train | encode | decode",
    .about = "  train      make a tokenizer: bytes, or pieces learned from text\n"
             "  encode     text to token ids\n"
             "  decode     token ids to text\n"
             "\n"
             "'lte tokenizer train --help' and so on describe them.\n",
    .options = no_options,
    .run = run};
