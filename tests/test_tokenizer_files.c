// SPDX-License-Identifier: BSD-2-Clause
// What is wrong with a tokenizer.json is said with status, file and entry; and no failure, of
// memory neither, leaks.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lte/tokenizer.h"
#include "tests/fixture.h"

#define MODEL(rest) "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]" rest "}"
#define FILE_WITH(parts) "{" MODEL("") "," parts "}"
#define PRE(value) FILE_WITH("\"pre_tokenizer\":" value)
#define REGEX(pattern) PRE("{\"type\":\"Split\",\"behavior\":\"Isolated\",\"invert\":false," \
                           "\"pattern\":{\"Regex\":\"" pattern "\"}}")
#define DECODER(value) FILE_WITH("\"decoder\":" value)
#define ADDED(list) FILE_WITH("\"added_tokens\":[" list "]")
#define TOKEN(id, content) "{\"id\":" id ",\"content\":\"" content "\",\"special\":true,\"normalized\":false}"

enum { F = LTE_ERR_FORMAT, U = LTE_ERR_UNSUPPORTED };

static const struct {
    const char *json;
    int status;
    const char *says;
} broken[] = {
    {"", F, "t.json"},
    {"[]", F, "t.json"},
    {"{\"model\":", F, "t.json"},
    {"{\"a\":1,\"a\":2}", F, "duplicate"},
    {"{}", F, "\"model\""},
    {"{\"version\":\"2.0\"," MODEL("") "}", U, "version"},
    {"{\"model\":{\"type\":\"Unigram\"}}", U, "Unigram"},
    {"{\"model\":{\"type\":\"BPE\",\"merges\":[]}}", F, "\"vocab\""},
    {"{\"model\":{\"vocab\":{},\"merges\":[]}}", F, "\"vocab\""},
    {"{\"model\":{\"vocab\":{\"a\":0}}}", F, "\"merges\""},
    {"{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", F, "id 0 belongs to"},
    {"{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", F, "the id of \"a\""},
    {"{\"model\":{\"vocab\":{\"a\":99999999999},\"merges\":[]}}", F, "the id of \"a\""},
    {"{\"model\":{\"vocab\":{\"a\":4194304},\"merges\":[]}}", F, "the id of \"a\""},
    {"{\"model\":{\"vocab\":{\"a\":\"0\"},\"merges\":[]}}", F, "the id of \"a\""},
    {"{\"model\":{\"vocab\":{\"a\":0.5},\"merges\":[]}}", F, "the id of \"a\""},
    {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a z\"]}}", F, "model.merges[0]: \"z\""},
    {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\"]]}}", F, "model.merges[0]: \"aa\""},
    {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"aa\"]}}", F, "model.merges[0]: not a pair"},
    {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a a a\"]}}", F, "not a pair"},
    {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[7]}}", F, "not a pair"},
    {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",1]]}}", F, "not a pair"},
    {"{" MODEL(",\"unk_token\":\"<unk>\"") "}", F, "model.unk_token: \"<unk>\""},
    {"{" MODEL(",\"dropout\":0.1") "}", U, "dropout"},
    {"{" MODEL(",\"end_of_word_suffix\":\"</w>\"") "}", U, "end_of_word_suffix"},
    {"{" MODEL(",\"continuing_subword_prefix\":\"##\"") "}", U, "continuing_subword_prefix"},
    {"{" MODEL(",\"byte_fallback\":1") "}", F, "byte_fallback"},
    {ADDED(TOKEN("1", "<s>")), F, "id 1 belongs to"},
    {ADDED(TOKEN("1", "a")), F, "added_tokens[0]: \"a\" has id 1 here and 0 before"},
    {ADDED(TOKEN("3", "<s>") "," TOKEN("3", "</s>")), F, "added_tokens[1]: id 3"},
    {ADDED(TOKEN("3", "<s>") "," TOKEN("3", "<s>")), F, "added twice"},
    {ADDED(TOKEN("3", "")), F, "\"content\""},
    {ADDED(TOKEN("-3", "x")), F, "added_tokens[0]"},
    {ADDED("7"), F, "added_tokens[0]"},
    {FILE_WITH("\"added_tokens\":{}"), F, "added_tokens"},
    {FILE_WITH("\"normalizer\":{\"type\":\"Precompiled\"}"), U, "normalizer: \"Precompiled\""},
    {FILE_WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Nmt\"}]}"),
     U, "normalizer.normalizers[1]: \"Nmt\""},
    {FILE_WITH("\"normalizer\":{\"type\":\"NFX\"}"), U, "NFX"},
    {FILE_WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}"), F,
     "pattern"},
    {FILE_WITH("\"normalizer\":[]"), F, "normalizer"},
    {PRE("{\"type\":\"BertPreTokenizer\"}"), U, "pre_tokenizer: \"BertPreTokenizer\""},
    {PRE("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"UnicodeScripts\"}]}"), U,
     "pretokenizers[0]: \"UnicodeScripts\""},
    {PRE("{\"type\":\"Split\",\"behavior\":\"Sideways\",\"pattern\":{\"String\":\"x\"}}"), U, "behavior"},
    {PRE("{\"type\":\"Split\",\"behavior\":\"Isolated\"}"), F, "pattern"},
    {PRE("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"last\"}"), U, "last"},
    {PRE("{\"type\":\"Metaspace\"}"), F, "replacement"},
    {REGEX("(a"), U, "'(' without ')'"},
    {REGEX("a)"), U, "')' without '('"},
    {REGEX("[a"), U, "without an end"},
    {REGEX("[a&&[^b]]"), U, "intersection"},
    {REGEX("[a[b]]"), U, "class inside a class"},
    {REGEX("(?R)"), U, "kind of group"},
    {REGEX("(*ACCEPT)"), U, "kind of group"},
    {REGEX("a(?i)b"), U, "option in the middle"},
    {REGEX("\\\\1"), U, "escape"},
    {REGEX("\\\\C"), U, "escape"},
    {REGEX("\\\\"), U, "backslash at the end"},
    {REGEX("\\\\p{Klingon}"), U, "does not compile"},
    {REGEX("a{,3}"), U, "form of {...}"},
    {REGEX("\\\\xff"), U, "single byte"},
    {REGEX("[\\\\W]"), U, "negated shorthand"},
    {REGEX("*"), U, "does not compile"},
    {DECODER("{\"type\":\"WordPiece\"}"), U, "decoder: \"WordPiece\""},
    {DECODER("{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"ByteFallback\"}]}"), U,
     "decoders[1]: \"ByteFallback\""},
    {DECODER("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x\"},\"content\":\"\"}"), U, "Regex"},
    {DECODER("{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}"), F, "\"start\""},
    {FILE_WITH("\"post_processor\":{\"type\":\"BertProcessing\"}"), U, "post_processor: \"BertProcessing\""},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
               "\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{}}"), F, "\"<s>\" is not described"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
               "\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"ids\":[9]}}}"), F,
     "outside the vocabulary"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[],\"special_tokens\":{}}"), U,
     "occurs 0 times"},
};

static void test_broken_files(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct lte_tokenizer *t = (struct lte_tokenizer *)&f;
        const size_t live = f.live;
        fixture_clear(&f);
        fixture_write(&f, "t.json", broken[i].json, strlen(broken[i].json));
        const enum lte_status status = lte_tokenizer_load(f.context, fixture_path(&f, "t.json"), &t);
        if ((int)status != broken[i].status || t || f.live != live)
            fail_msg("%s: status %s, %zu live: %s", broken[i].json, lte_status_name(status),
                     f.live - live, f.log);
        if (!fixture_said(&f, "t.json", broken[i].says, NULL))
            fail_msg("%s: wrong message", broken[i].json);
    }
    struct lte_tokenizer *t;
    assert_int_equal(lte_tokenizer_load(f.context, fixture_path(&f, "none.json"), &t), LTE_ERR_IO);
    assert_int_equal(lte_tokenizer_load(f.context, NULL, &t), LTE_ERR_ARGUMENT);
    assert_null(t);
    assert_true(fixture_close(&f));
}

// Every prefix of a good file is refused.
static void test_truncated(void **state)
{
    struct fixture f;
    size_t size;
    (void)state;
    fixture_open(&f);
    char *good = fixture_read(fixture_source("tests/data/tokenizer/llama3.json"), &size);
    assert_non_null(good);
    for (size_t n = 0; n < size - 2; n += 211) {
        struct lte_tokenizer *t;
        fixture_write(&f, "t.json", good, n);
        assert_int_equal(lte_tokenizer_load(f.context, fixture_path(&f, "t.json"), &t), F);
    }
    free(good);
    assert_true(fixture_close(&f));
}

// A pattern that backtracks without end stops at the limit, and the tokenizer stays usable.
static void test_backtracking(void **state)
{
    static const char json[] = REGEX("(?:a+)+b|a");
    struct fixture f;
    struct lte_tokenizer *t;
    uint32_t ids[64];
    size_t count;
    (void)state;
    fixture_open(&f);
    fixture_write(&f, "t.json", json, sizeof json - 1);
    assert_int_equal(lte_tokenizer_load(f.context, fixture_path(&f, "t.json"), &t), LTE_OK);
    char many[40];
    memset(many, 'a', sizeof many);
    assert_int_equal(lte_tokenizer_encode(t, many, sizeof many, 0, ids, 64, &count), U);
    assert_true(fixture_said(&f, "pattern cannot be matched", NULL));
    assert_int_equal(lte_tokenizer_encode(t, "ab", 2, 0, ids, 64, &count), LTE_OK);
    assert_int_equal(count, 1);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

// Untrusted text does not become a special token, also where the vocabulary has it as a whole word.
static void test_specials_in_text(void **state)
{
    static const char json[] =
        "{\"model\":{\"vocab\":{\"<\":0,\"s\":1,\">\":2,\"<s>\":3},\"merges\":[],\"ignore_merges\":true},"
        "\"added_tokens\":[" TOKEN("3", "<s>") "]}";
    struct fixture f;
    struct lte_tokenizer *t;
    uint32_t ids[8];
    size_t count;
    (void)state;
    fixture_open(&f);
    fixture_write(&f, "t.json", json, sizeof json - 1);
    assert_int_equal(lte_tokenizer_load(f.context, fixture_path(&f, "t.json"), &t), LTE_OK);
    assert_int_equal(lte_tokenizer_encode(t, "<s>", 3, 0, ids, 8, &count), LTE_OK);
    assert_int_equal(count, 3);
    assert_int_equal(lte_tokenizer_encode(t, "<s>", 3, LTE_ENCODE_SPECIAL, ids, 8, &count), LTE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 3);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

// Loads, encodes and decodes; the first status that is not LTE_OK.
static enum lte_status use(struct fixture *f, const char *path)
{
    static const char sample[] = "<mask> It's 2024 \xe0\xb8\x81\xe0\xb9\x89 Cafe\xcc\x81 a\xcc\x81\xcc\xa3 <s> x"
                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct lte_tokenizer *t;
    uint32_t ids[512];
    char text[2048];
    size_t count, length;
    enum lte_status status = lte_tokenizer_load(f->context, path, &t);
    if (status != LTE_OK) {
        assert_null(t);
        return status;
    }
    status = lte_tokenizer_encode(t, sample, sizeof sample - 1,
                                  LTE_ENCODE_SPECIAL | LTE_ENCODE_TEMPLATE, ids, 512, &count);
    if (status == LTE_OK)
        status = lte_tokenizer_decode(t, ids, count, 0, text, sizeof text, &length);
    lte_tokenizer_free(t);
    return status;
}

static enum lte_status use_starved(struct fixture *f, void *path)
{
    return fixture_spared(f, use(f, path));
}

static void test_out_of_memory(void **state)
{
    static const char *const kinds[] = {"added", "llama2", "llama3", "behaviors", "words", "mistral"};
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct fixture f;
        char name[64];
        snprintf(name, sizeof name, "tests/data/tokenizer/%s.json", kinds[k]);
        const char *path = fixture_source(name);
        fixture_open(&f);
        assert_int_equal(use(&f, path), LTE_OK);
        printf("# %s: %zu allocations\n", kinds[k], f.calls);
        assert_true(fixture_starve(&f, use_starved, (void *)(uintptr_t)path, 10));
        assert_true(fixture_close(&f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_files),  cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_backtracking),  cmocka_unit_test(test_specials_in_text),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("tokenizer files", tests, NULL, NULL);
}
