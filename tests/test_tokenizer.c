// SPDX-License-Identifier: BSD-2-Clause
// Tokenizers of every family against ids and texts recorded from the `tokenizers` package
// (tests/reference/tokenizer_record.py), and the properties of streams and of very long words.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lte/tokenizer.h"
#include "tests/check.h"
#include "tests/fixture.h"

static const char *const kinds[] = {"gpt2", "llama3", "qwen2", "qwen35", "smollm",
                                    "gpt4o", "possessive", "deepseek", "added", "llama2",
                                    "mistral", "gemma", "metaspace", "words", "behaviors"};
enum { KINDS = sizeof kinds / sizeof kinds[0], MOST_IDS = 4096, MOST_TEXT = 1 << 16 };

static struct fixture fixture;
static struct lte_tokenizer *tokenizer; // of the kind under test
static uint32_t ids[MOST_IDS];
static char text[MOST_TEXT];

static const char *data_path(const char *kind, const char *suffix)
{
    char name[128];
    snprintf(name, sizeof name, "tests/data/tokenizer/%s%s", kind, suffix);
    return fixture_source(name);
}

static json_t *data(const char *kind, const char *suffix)
{
    json_error_t error;
    json_t *root = json_load_file(data_path(kind, suffix), JSON_ALLOW_NUL, &error);
    if (!root)
        fail_msg("%s%s: %s", kind, suffix, error.text);
    return root;
}

static void load(const char *kind)
{
    fixture_open(&fixture);
    if (lte_tokenizer_load(fixture.context, data_path(kind, ".json"), &tokenizer) != LTE_OK)
        fail_msg("%s: %s", kind, fixture.log);
}

static void unload(void)
{
    lte_tokenizer_free(tokenizer);
    assert_true(fixture_close(&fixture));
}

static void expect_ids(const char *kind, size_t number, const char *what, const json_t *want,
                       size_t count)
{
    bool same = count == json_array_size(want);
    for (size_t i = 0; same && i < count; i++)
        same = ids[i] == (uint32_t)json_integer_value(json_array_get(want, i));
    if (same)
        return;
    char *wanted = json_dumps(want, JSON_COMPACT);
    printf("# want %s\n# got ", wanted);
    free(wanted);
    for (size_t i = 0; i < count; i++)
        printf("%u ", ids[i]);
    fail_msg("%s: text %zu: %s ids differ", kind, number, what);
}

static void expect_text(const char *kind, size_t number, const char *what, const json_t *want,
                        size_t length)
{
    if (length != json_string_length(want) || memcmp(text, json_string_value(want), length))
        fail_msg("%s: text %zu: %s is \"%.*s\", not \"%s\"", kind, number, what, (int)length, text,
                 json_string_value(want));
}

static size_t encode(const char *bytes, size_t length, unsigned flags)
{
    size_t count;
    assert_int_equal(lte_tokenizer_encode(tokenizer, bytes, length, flags, ids, MOST_IDS, &count),
                     LTE_OK);
    return count;
}

static size_t decode(size_t count, unsigned flags)
{
    size_t length;
    assert_int_equal(lte_tokenizer_decode(tokenizer, ids, count, flags, text, MOST_TEXT, &length),
                     LTE_OK);
    return length;
}

// What a stream gives out for ids[0..count), compared with `text`.
static void expect_stream(const char *kind, size_t count, unsigned flags, size_t length)
{
    const size_t capacity = lte_stream_capacity(tokenizer);
    char *piece = malloc(capacity);
    size_t at = 0, n;
    struct lte_stream s;
    lte_stream_init(&s, tokenizer, flags);
    for (size_t i = 0; i <= count; i++) {
        const enum lte_status status = i < count ? lte_stream_put(&s, ids[i], piece, capacity, &n)
                                                 : lte_stream_end(&s, piece, capacity, &n);
        assert_int_equal(status, LTE_OK);
        assert_true(n <= capacity && at + n <= length);
        if (n && ((piece[0] & 0xc0) == 0x80 || memcmp(piece, text + at, n)))
            fail_msg("%s: the stream departs from the text at byte %zu", kind, at);
        at += n;
    }
    assert_int_equal(at, length);
    free(piece);
}

static const json_t *or_else(const json_t *object, const char *key, const json_t *otherwise)
{
    const json_t *v = json_object_get(object, key);
    return v ? v : otherwise;
}

static void check_case(const char *kind, size_t number, const json_t *string, const json_t *golden)
{
    const char *bytes = json_string_value(string);
    const size_t length = json_string_length(string);
    const json_t *special = json_object_get(golden, "special");
    expect_ids(kind, number, "plain", or_else(golden, "plain", special), encode(bytes, length, 0));
    const size_t count = encode(bytes, length, LTE_ENCODE_SPECIAL);
    expect_ids(kind, number, "special", special, count);
    size_t n = decode(count, 0);
    expect_text(kind, number, "the text without specials", or_else(golden, "skipped", string), n);
    expect_stream(kind, count, 0, n);
    n = decode(count, LTE_DECODE_SPECIAL);
    expect_text(kind, number, "the text", or_else(golden, "decoded", string), n);
    expect_stream(kind, count, LTE_DECODE_SPECIAL, n);
}

static void check_template(const char *kind, const json_t *golden)
{
    const size_t count = encode("the fox", 7, LTE_ENCODE_SPECIAL | LTE_ENCODE_TEMPLATE);
    expect_ids(kind, 0, "template", json_object_get(golden, "template"), count);
}

static void check_random_ids(const char *kind, const json_t *streams)
{
    for (size_t i = 0; i < json_array_size(streams); i++) {
        const json_t *stream = json_array_get(streams, i), *list = json_object_get(stream, "ids");
        const size_t count = json_array_size(list);
        for (size_t k = 0; k < count; k++)
            ids[k] = (uint32_t)json_integer_value(json_array_get(list, k));
        const size_t n = decode(count, LTE_DECODE_SPECIAL);
        expect_text(kind, i, "random ids", json_object_get(stream, "decoded"), n);
        expect_stream(kind, count, LTE_DECODE_SPECIAL, n);
    }
}

static void test_golden(void **state)
{
    const char *kind = *state;
    load(kind);
    json_t *texts = data("texts", ".json"), *golden = data(kind, ".golden.json");
    const json_t *list = json_object_get(texts, "texts"), *cases = json_object_get(golden, "cases");
    assert_true(json_array_size(list) > 50);
    assert_int_equal(json_array_size(list), json_array_size(cases));
    for (size_t i = 0; i < json_array_size(list); i++)
        check_case(kind, i, json_array_get(list, i), json_array_get(cases, i));
    check_template(kind, golden);
    check_random_ids(kind, json_object_get(golden, "streams"));
    json_decref(texts);
    json_decref(golden);
    unload();
}

// Any ids at all: the stream's pieces make up the decoded text, and no piece begins inside a
// sequence.
static void test_stream_is_decode(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        load(kinds[k]);
        const uint32_t size = lte_tokenizer_size(tokenizer);
        for (int round = 0; round < 100; round++) {
            const size_t count = check_below(60);
            for (size_t i = 0; i < count; i++)
                ids[i] = (uint32_t)check_below(check_below(2) ? size : size < 300 ? size : 300);
            const unsigned flags = check_below(2) ? LTE_DECODE_SPECIAL : 0;
            expect_stream(kinds[k], count, flags, decode(count, flags));
        }
        unload();
    }
}

// A word that no pattern cuts: quadratic work would take hours here.
static void test_long_words(void **state)
{
    static const char *const units[] = {" ", "a", "ab", "\n", "\xcc\x81", "=", "\xe0\xb8\x81", "<s"};
    enum { LENGTH = 1000000 };
    (void)state;
    char *bytes = malloc(LENGTH);
    uint32_t *many = malloc(4 * LENGTH * sizeof *many);
    for (size_t k = 0; k < KINDS; k++) {
        load(kinds[k]);
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            if (k % 3 != u % 3 && strcmp(kinds[k], "llama2") && strcmp(kinds[k], "qwen35"))
                continue; // every unit with a third of the kinds: enough, and quick
            const size_t n = strlen(units[u]), whole = LENGTH / n * n;
            for (size_t i = 0; i < whole; i++)
                bytes[i] = units[u][i % n];
            size_t count;
            const double start = check_now();
            assert_int_equal(lte_tokenizer_encode(tokenizer, bytes, whole, 0, many, 4 * LENGTH, &count),
                             LTE_OK);
            const double seconds = check_now() - start;
            if (seconds > 0.5)
                printf("# %s, %zu bytes of unit %zu: %.2f s\n", kinds[k], whole, u, seconds);
            assert_true(seconds < 60);
        }
        unload();
    }
    free(bytes);
    free(many);
}

static void test_capacity(void **state)
{
    (void)state;
    load("gpt2");
    static const char sentence[] = "the quick brown fox";
    const size_t length = sizeof sentence - 1, all = encode(sentence, length, 0);
    uint32_t few[4] = {0, 0, 77777, 77777};
    size_t count;
    assert_int_equal(lte_tokenizer_encode(tokenizer, sentence, length, 0, NULL, 0, &count), LTE_OK);
    assert_int_equal(count, all);
    assert_int_equal(lte_tokenizer_encode(tokenizer, sentence, length, 0, few, 2, &count),
                     LTE_ERR_SPACE);
    assert_int_equal(count, all);
    assert_memory_equal(few, ids, 2 * sizeof *few);
    assert_int_equal(few[2], 77777);
    char small[4] = "xyz";
    assert_int_equal(lte_tokenizer_decode(tokenizer, ids, all, 0, NULL, 0, &count), LTE_OK);
    assert_int_equal(count, length);
    assert_int_equal(lte_tokenizer_decode(tokenizer, ids, all, 0, small, 3, &count), LTE_ERR_SPACE);
    assert_int_equal(count, length);
    assert_string_equal(small, "xyz");
    struct lte_stream s, before;
    lte_stream_init(&s, tokenizer, 0);
    before = s;
    assert_int_equal(lte_stream_put(&s, ids[0], small, 0, &count), LTE_ERR_SPACE);
    assert_memory_equal(&s, &before, sizeof s);
    unload();
}

static void test_arguments(void **state)
{
    (void)state;
    load("llama3");
    size_t n;
    uint32_t id = 5;
    static const uint32_t outside[] = {0, UINT32_MAX};
    assert_int_equal(lte_tokenizer_encode(NULL, "a", 1, 0, ids, 1, &n), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_tokenizer_encode(tokenizer, NULL, 1, 0, ids, 1, &n), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_tokenizer_encode(tokenizer, "a", 1, 64, ids, 1, &n), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_tokenizer_encode(tokenizer, NULL, 0, 0, NULL, 0, &n), LTE_OK);
    assert_int_equal(n, 0);
    fixture_clear(&fixture);
    assert_int_equal(lte_tokenizer_decode(tokenizer, outside, 2, 0, text, MOST_TEXT, &n),
                     LTE_ERR_ARGUMENT);
    assert_true(fixture_said(&fixture, "4294967295", NULL));
    assert_int_equal(lte_tokenizer_find(tokenizer, "no such piece", &id), LTE_ERR_ARGUMENT);
    assert_int_equal(id, 5);
    assert_int_equal(lte_tokenizer_find(tokenizer, "<|eot_id|>", &id), LTE_OK);
    assert_true(lte_tokenizer_is_special(tokenizer, id));
    assert_int_equal(lte_tokenizer_find(tokenizer, "\xc4\xa0the", &id), LTE_OK);
    assert_false(lte_tokenizer_is_special(tokenizer, id));
    assert_false(lte_tokenizer_is_special(tokenizer, UINT32_MAX));
    struct lte_stream s;
    lte_stream_init(&s, tokenizer, 0);
    assert_int_equal(lte_stream_put(&s, UINT32_MAX, text, MOST_TEXT, &n), LTE_ERR_ARGUMENT);
    lte_tokenizer_free(NULL);
    unload();
}

static void test_invalid_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t at;
    } broken[] = {{"\x80", 0}, {"ab\xff", 2}, {"\xc0\x80", 0}, {"a\xe0\x9f\x80", 1}, {"\xed\xa0\x80", 0},
                  {"12345678\xf4\x90\x80\x80", 8}, {"\xf5\x80\x80\x80", 0}, {"\xe2\x82", 0},
                  {"\xe2\x82\xac\xe2\x28\xa1", 3}, {"\xf0\x9f\x98", 0}, {"a\xc3", 1}};
    (void)state;
    load("gpt2");
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        size_t count = 9;
        char where[32];
        snprintf(where, sizeof where, "at byte %zu ", broken[i].at);
        fixture_clear(&fixture);
        assert_int_equal(lte_tokenizer_encode(tokenizer, broken[i].bytes, strlen(broken[i].bytes), 0,
                                              ids, MOST_IDS, &count), LTE_ERR_UTF8);
        assert_int_equal(count, 0);
        assert_true(fixture_said(&fixture, where, NULL));
    }
    unload();
}

int main(void)
{
    struct CMUnitTest tests[KINDS + 5];
    size_t n = 0;
    for (; n < KINDS; n++)
        tests[n] = (struct CMUnitTest){kinds[n], test_golden, NULL, NULL, (void *)(uintptr_t)kinds[n]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_stream_is_decode), cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_capacity), cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_invalid_utf8)};
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
