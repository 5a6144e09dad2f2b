// SPDX-License-Identifier: BSD-2-Clause
// Training of tokenizers: merges against a plain count of all pairs, files that load, what is
// refused.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tokenizer/train.h"
#include "lte.h"
#include "tests/fixture.h"

static const char *const special[] = {"<|endoftext|>", "\"quoted\\\"\n"};

// Text with runs, repetitions, digits, several scripts: words of few kinds, so that ties abound.
static char *make_text(size_t size)
{
    static const char *const parts[] = {
        "the",   " the",  " then",      "aaaa",                     " aaa",  "ababab",
        "   ",   "\n",    " 1234",      "don't",                    "!!!!!", " zebra",
        " zebras", " caf\xc3\xa9", " \xf0\x9f\x98\x80", "\xe4\xb8\xad\xe6\x96\x87"};
    char *text = malloc(size + 32);
    size_t n = 0;
    uint32_t x = 12345;
    assert_non_null(text);
    for (text[0] = '\0'; n < size; n += strlen(text + n)) {
        x = x * 1664525 + 1013904223;
        strcpy(text + n, parts[(x >> 16) % (sizeof parts / sizeof parts[0])]);
    }
    return text;
}

static struct lte_tokenizer *load(struct fixture *f, const char *name)
{
    struct lte_tokenizer *t;
    if (lte_tokenizer_load(f->context, fixture_path(f, name), &t) != LTE_OK)
        fail_msg("%s", f->log);
    return t;
}

static void test_bytes(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    assert_int_equal(lte_tokenizer_train_bytes(f.context, special, 2, fixture_path(&f, "t")),
                     LTE_OK);
    struct lte_tokenizer *t = load(&f, "t");
    assert_int_equal(lte_tokenizer_size(t), 258);
    char *text = make_text(2000);
    const size_t length = strlen(text);
    uint32_t *ids = malloc(length * sizeof *ids), id;
    size_t count;
    assert_int_equal(lte_tokenizer_encode(t, text, length, 0, ids, length, &count), LTE_OK);
    assert_int_equal(count, length);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ids[i], (unsigned char)text[i]);
    assert_int_equal(lte_tokenizer_find(t, special[1], &id), LTE_OK);
    assert_int_equal(id, 257);
    assert_true(lte_tokenizer_is_special(t, 256) && lte_tokenizer_is_special(t, 257));
    free(ids);
    free(text);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

// The same merges by counting everything anew each time.
struct plain {
    uint32_t symbol[64];
    size_t length;
    uint64_t count;
};

static uint64_t count_pair(const struct plain *words, size_t n, uint32_t left, uint32_t right)
{
    uint64_t count = 0;
    for (size_t w = 0; w < n; w++)
        for (size_t i = 0; i + 1 < words[w].length; i++)
            if (words[w].symbol[i] == left && words[w].symbol[i + 1] == right)
                count += words[w].count;
    return count;
}

static struct lte_pair_name best_pair(const struct plain *words, size_t n, uint64_t *best)
{
    struct lte_pair_name name = {0, 0};
    *best = 0;
    for (size_t w = 0; w < n; w++)
        for (size_t i = 0; i + 1 < words[w].length; i++) {
            const uint32_t l = words[w].symbol[i], r = words[w].symbol[i + 1];
            const uint64_t count = count_pair(words, n, l, r);
            const bool lower = l < name.left || (l == name.left && r < name.right);
            if (count > *best || (count == *best && lower)) {
                *best = count;
                name = (struct lte_pair_name){l, r};
            }
        }
    return name;
}

static void merge_plain(struct plain *words, size_t n, struct lte_pair_name pair, uint32_t piece)
{
    for (size_t w = 0; w < n; w++) {
        size_t kept = 0;
        for (size_t i = 0; i < words[w].length; i++) {
            uint32_t *s = words[w].symbol;
            const bool here = i + 1 < words[w].length && s[i] == pair.left &&
                s[i + 1] == pair.right;
            s[kept++] = here ? piece : s[i];
            i += here;
        }
        words[w].length = kept;
    }
}

static size_t plain_words(const struct lte_word_counts *counts, const struct lte_trained *t,
                          struct plain *words)
{
    size_t n = 0;
    for (size_t i = 0; i <= counts->mask; i++) {
        const struct lte_word *w = &counts->slots[i];
        if (!w->text)
            continue;
        words[n] = (struct plain){.length = w->length, .count = w->count};
        assert_true(w->length <= 64 && n < 255);
        for (size_t j = 0; j < w->length; j++)
            for (uint32_t b = 0; b < 256; b++)
                if (lte_trained_piece(t, b)->text[0] == w->text[j])
                    words[n].symbol[j] = b;
        n++;
    }
    return n;
}

static void test_merges(void **state)
{
    struct fixture f;
    struct lte_trained t;
    struct lte_word_counts counts;
    static struct plain words[256];
    (void)state;
    fixture_open(&f);
    char *text = make_text(1500);
    fixture_write(&f, "text", text, strlen(text));
    const char *inputs[] = {fixture_path(&f, "text")};
    assert_int_equal(lte_tokenizer_train_bytes(f.context, NULL, 0, fixture_path(&f, "t")), LTE_OK);
    struct lte_tokenizer *splitter = load(&f, "t");
    assert_int_equal(lte_words_count(splitter, inputs, 1, &counts), LTE_OK);
    assert_int_equal(lte_trained_begin(f.context, NULL, 0, true, &t), LTE_OK);
    const size_t n = plain_words(&counts, &t, words);
    assert_true(n > 50);
    assert_int_equal(lte_trained_merge(&t, &counts, 100000, 2), LTE_OK);
    const struct lte_pair_name *merges = (const void *)t.merges.bytes;
    const size_t merged = t.merges.length / sizeof *merges;
    assert_true(merged > 60);
    for (size_t i = 0; i < merged; i++) {
        uint64_t best;
        const struct lte_pair_name want = best_pair(words, n, &best);
        assert_true(best >= 2);
        assert_true(want.left == merges[i].left && want.right == merges[i].right);
        const struct lte_span *l = lte_trained_piece(&t, want.left);
        const struct lte_span *r = lte_trained_piece(&t, want.right);
        uint32_t piece = 0; // by its spelling
        for (; piece < lte_trained_pieces(&t); piece++) {
            const struct lte_span *p = lte_trained_piece(&t, piece);
            if (p->length == l->length + r->length && !memcmp(p->text, l->text, l->length) &&
                !memcmp(p->text + l->length, r->text, r->length))
                break;
        }
        assert_true(piece < lte_trained_pieces(&t));
        merge_plain(words, n, want, piece);
    }
    uint64_t best;
    best_pair(words, n, &best);
    assert_true(best < 2); // it went on as long as there was something to merge
    lte_words_free(&counts);
    lte_trained_free(&t);
    lte_tokenizer_free(splitter);
    free(text);
    assert_true(fixture_close(&f));
}

static void test_bpe(void **state)
{
    struct fixture f;
    struct lte_tokenizer_train_options o;
    (void)state;
    fixture_open(&f);
    char *text = make_text(20000), input[128];
    const size_t length = strlen(text);
    strcpy(input, fixture_path(&f, "text"));
    fixture_write(&f, "text", text, length);
    const char *inputs[] = {input};
    uint32_t *ids = malloc(length * sizeof *ids), pieces;
    char *back = malloc(length);
    size_t whole = 0;
    for (int digits = 0; digits < 2; digits++) {
        size_t count, n;
        lte_tokenizer_train_init(&o);
        o.vocabulary = 300;
        o.special = special;
        o.special_count = 2;
        o.split_digits = digits;
        assert_int_equal(lte_tokenizer_train_bpe(f.context, inputs, 1, &o, fixture_path(&f, "t"),
                                                 &pieces), LTE_OK);
        assert_int_equal(pieces, 300);
        struct lte_tokenizer *t = load(&f, "t");
        assert_int_equal(lte_tokenizer_size(t), 300);
        assert_true(lte_tokenizer_is_special(t, 0) && lte_tokenizer_is_special(t, 1));
        assert_int_equal(lte_tokenizer_encode(t, text, length, 0, ids, length, &count), LTE_OK);
        assert_true(count < length / 2);
        assert_int_equal(lte_tokenizer_decode(t, ids, count, 0, back, length, &n), LTE_OK);
        assert_true(n == length && !memcmp(text, back, n));
        assert_int_equal(lte_tokenizer_encode(t, "1234", 4, 0, ids, length, &count), LTE_OK);
        assert_int_equal(count == 4, digits);
        whole += count;
        lte_tokenizer_free(t);
    }
    assert_true(whole < 8);
    // Special tokens in the text teach nothing.
    const char *only = "<|endoftext|><|endoftext|><|endoftext|><|endoftext|>";
    fixture_write(&f, "text", only, strlen(only));
    assert_int_equal(lte_tokenizer_train_bpe(f.context, inputs, 1, &o, fixture_path(&f, "t"),
                                             &pieces),
                     LTE_ERR_FORMAT);
    o.special_count = 0;
    assert_int_equal(lte_tokenizer_train_bpe(f.context, inputs, 1, &o, fixture_path(&f, "t"),
                                             &pieces),
                     LTE_OK);
    assert_true(pieces > 256 && pieces < 300);
    free(ids);
    free(back);
    free(text);
    assert_true(fixture_close(&f));
}

static void refuses(struct fixture *f, const char *const *list, size_t count, const char *why)
{
    fixture_clear(f);
    assert_int_equal(lte_tokenizer_train_bytes(f->context, list, count, fixture_path(f, "t")),
                     LTE_ERR_ARGUMENT);
    assert_true(fixture_said(f, why, NULL));
}

static void test_refused(void **state)
{
    struct fixture f;
    struct lte_tokenizer_train_options o;
    char long_one[1026];
    (void)state;
    fixture_open(&f);
    memset(long_one, 'x', 1025);
    long_one[1025] = '\0';
    refuses(&f, (const char *const[]){"<a>", ""}, 2, "special token 1, \"\", is empty");
    refuses(&f, (const char *const[]){"<a>", "<b>", "<a>"}, 3,
            "special token 2, \"<a>\", is there twice");
    refuses(&f, (const char *const[]){"\xc4\xa0"}, 1, "is how a byte is spelled");
    refuses(&f, (const char *const[]){"<\xff>"}, 1, "is not UTF-8");
    refuses(&f, (const char *const[]){long_one}, 1, "longer than 1024");
    fixture_write(&f, "text", "abc", 3);
    const char *inputs[] = {fixture_path(&f, "text")};
    lte_tokenizer_train_init(&o);
    o.special = special;
    o.special_count = 2;
    o.vocabulary = 257;
    assert_int_equal(lte_tokenizer_train_bpe(f.context, inputs, 1, &o, "t", NULL),
                     LTE_ERR_ARGUMENT);
    assert_true(fixture_said(&f, "257", "258", NULL));
    assert_int_equal(lte_tokenizer_train_bpe(f.context, inputs, 0, NULL, "t", NULL),
                     LTE_ERR_FORMAT);
    assert_int_equal(lte_tokenizer_train_bpe(NULL, inputs, 1, NULL, "t", NULL), LTE_ERR_ARGUMENT);
    assert_true(fixture_close(&f));
}

// A piece that would look like a special token in the file is never made.
static void test_clash(void **state)
{
    static const char *const clash[] = {"\xc4\xa0the"}; // how " the" is spelled
    struct fixture f;
    struct lte_tokenizer_train_options o;
    size_t count;
    (void)state;
    fixture_open(&f);
    const char *text = " the the the the the the";
    fixture_write(&f, "text", text, strlen(text));
    const char *inputs[] = {fixture_path(&f, "text")};
    lte_tokenizer_train_init(&o);
    o.special = clash;
    o.special_count = 1;
    assert_int_equal(lte_tokenizer_train_bpe(f.context, inputs, 1, &o, fixture_path(&f, "t"), NULL),
                     LTE_OK);
    struct lte_tokenizer *t = load(&f, "t");
    assert_int_equal(lte_tokenizer_encode(t, " the", 4, 0, NULL, 0, &count), LTE_OK);
    assert_int_equal(count, 2);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

static enum lte_status train_on(struct fixture *f, void *input)
{
    struct lte_tokenizer_train_options o;
    const char *inputs[] = {input};
    lte_tokenizer_train_init(&o);
    o.special = special;
    o.special_count = 2;
    return fixture_spared(
        f, lte_tokenizer_train_bpe(f->context, inputs, 1, &o, fixture_path(f, "t"), NULL));
}

static void test_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    char *text = make_text(3000), input[128];
    fixture_write(&f, "text", text, strlen(text));
    strcpy(input, fixture_path(&f, "text"));
    assert_true(fixture_starve(&f, train_on, input, 20));
    free(text);
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_merges), cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_clash), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
