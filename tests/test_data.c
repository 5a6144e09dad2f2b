// SPDX-License-Identifier: BSD-2-Clause
// Sources of training data: token files, packing, the tasks, mixtures, and that the same step
// always gives the same micro-batch.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/data/draw.h"
#include "lib/data/inputs.h"
#include "lte.h"
#include "tests/fixture.h"

enum { ROWS = 1024 };

struct batch {
    uint32_t token[ROWS], target[ROWS];
    size_t segment[ROWS];
    struct lte_batch view;
};

static struct lte_batch *room(struct batch *b)
{
    memset(b->token, 0xee, sizeof b->token);
    memset(b->target, 0xee, sizeof b->target);
    b->view = (struct lte_batch){b->token, b->target, b->segment, ROWS, ROWS};
    return &b->view;
}

static void draw(struct lte_data *data, uint64_t step, uint32_t micro, struct batch *b)
{
    assert_int_equal(lte_data_batch(data, step, micro, room(b)), LTE_OK);
    size_t rows = 0;
    assert_true(b->view.segments > 0);
    for (size_t i = 0; i < b->view.segments; i++) {
        assert_true(b->segment[i] > 0);
        rows += b->segment[i];
    }
    assert_int_equal(rows, b->view.rows);
}

static bool same_batch(const struct batch *a, const struct batch *b)
{
    return a->view.rows == b->view.rows && a->view.segments == b->view.segments &&
           !memcmp(a->token, b->token, a->view.rows * sizeof a->token[0]) &&
           !memcmp(a->target, b->target, a->view.rows * sizeof a->target[0]) &&
           !memcmp(a->segment, b->segment, a->view.segments * sizeof a->segment[0]);
}

// Ids stay below the vocabulary, the same step gives the same batch in any order, others differ,
// and the batch never outgrows what lte_data_size() says.
static void check_source(struct lte_data *data)
{
    static struct batch first[6], again;
    uint32_t rows, segments;
    lte_data_size(data, &rows, &segments);
    for (uint64_t step = 0; step < 6; step++) {
        draw(data, step, 0, &first[step]);
        assert_true(first[step].view.rows <= rows && first[step].view.segments <= segments);
        for (size_t i = 0; i < first[step].view.rows; i++) {
            assert_true(first[step].token[i] < lte_data_vocabulary(data));
            assert_true(first[step].target[i] < lte_data_vocabulary(data) ||
                        first[step].target[i] == LTE_IGNORE);
        }
        assert_true(!step || !same_batch(&first[step], &first[step - 1]));
    }
    for (uint64_t step = 6; step-- > 0;) {
        draw(data, step, 0, &again);
        assert_true(same_batch(&first[step], &again));
    }
}

static struct lte_data_options sizes(uint32_t rows, uint32_t shortest, uint32_t longest)
{
    struct lte_data_options o;
    lte_data_options_init(&o);
    o.rows = rows;
    o.shortest = shortest;
    o.longest = longest;
    return o;
}

static void test_permute(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 300; n += n < 20 ? 1 : 37) {
        bool seen[300] = {false};
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t j = lte_permute(7 * n, n, i);
            assert_true(j < n && !seen[j]);
            seen[j] = true;
        }
    }
    size_t fixed = 0, same = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        fixed += lte_permute(1, 1000, i) == i;
        same += lte_permute(1, 1000, i) == lte_permute(2, 1000, i);
    }
    assert_true(fixed < 12 && same < 12); // one each is what to expect
    assert_true(lte_permute(3, UINT64_C(1) << 62, 5) < UINT64_C(1) << 62);
}

// A tokenizer of bytes, read from a file of its own.
static struct lte_tokenizer *bytes_tokenizer(struct fixture *f)
{
    static const char *const special[] = {"<|endoftext|>"};
    struct lte_tokenizer *t;
    const char *path = fixture_path(f, "bytes.json");
    assert_int_equal(lte_tokenizer_train_bytes(f->context, special, 1, path), LTE_OK);
    assert_int_equal(lte_tokenizer_load(f->context, path, &t), LTE_OK);
    return t;
}

static void write_text(struct fixture *f, const char *name, const char *text)
{
    fixture_write(f, name, text, strlen(text));
}

// Three documents of 300, 1 and 41 bytes with an end each; written to "tokens".
static void make_tokens(struct fixture *f, const struct lte_tokenizer *tokenizer)
{
    char text[400];
    struct lte_tokens_info info;
    struct lte_tokenize_options o;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < 300; i++)
        text[i] = (char)(' ' + i % 90);
    memcpy(text + 300, "\n==\n\n==\nb\n==\n", 14);
    memcpy(text + 313, "The quick brown fox jumps over the dog...", 42);
    write_text(f, "three", text);
    lte_tokenize_options_init(&o);
    o.separator = "\n==\n";
    char input[128];
    strcpy(input, fixture_path(f, "three"));
    const char *inputs[] = {input};
    assert_int_equal(lte_data_tokenize(f->context, tokenizer, inputs, 1, &o,
                                       fixture_path(f, "tokens"), &info), LTE_OK);
    assert_int_equal(info.documents, 3);
    assert_int_equal(info.tokens, 300 + 1 + 41 + 3);
    assert_int_equal(info.end, 256);
    assert_int_equal(info.vocabulary, 257);
}

static void test_tokenize(void **state)
{
    struct fixture f;
    struct lte_tokens_info info;
    struct lte_data *data;
    static struct batch b;
    (void)state;
    fixture_open(&f);
    struct lte_tokenizer *t = bytes_tokenizer(&f);
    char folder[128], path[256];
    strcpy(folder, fixture_path(&f, "in"));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/sub", folder);
    mkdir(path, 0777);
    write_text(&f, "in/b", "second");
    write_text(&f, "in/a", "first");
    write_text(&f, "in/sub/x", "third");
    write_text(&f, "in/.hidden", "never");
    write_text(&f, "in/empty", "");
    const char *inputs[] = {folder};
    assert_int_equal(lte_data_tokenize(f.context, t, inputs, 1, NULL, fixture_path(&f, "tokens"),
                                       NULL), LTE_OK);
    assert_int_equal(lte_data_tokens(f.context, fixture_path(&f, "tokens"), &info), LTE_OK);
    assert_int_equal(info.tokens, 5 + 6 + 5 + 3);
    assert_int_equal(info.documents, 3);
    const struct lte_data_options o = sizes(32, 32, 32);
    assert_int_equal(lte_data_text(f.context, fixture_path(&f, "tokens"), 0, &o, &data), LTE_OK);
    draw(data, 3, 0, &b);
    const char *want = "first#second#third#";
    assert_int_equal(b.view.rows, 18);
    for (size_t i = 0; i < 18; i++) {
        assert_int_equal(b.token[i], want[i] == '#' ? 256 : want[i]);
        assert_int_equal(b.target[i], want[i + 1] == '#' ? 256 : want[i + 1]);
    }
    lte_data_free(data);

    write_text(&f, "in/b", "sec\xffond");
    assert_int_equal(lte_data_tokenize(f.context, t, inputs, 1, NULL, fixture_path(&f, "tokens"),
                                       NULL), LTE_ERR_UTF8);
    assert_true(fixture_said(&f, "in/b: not UTF-8 at byte 3 (0xff)", NULL));
    assert_int_equal(lte_data_tokens(f.context, fixture_path(&f, "tokens"), &info), LTE_OK); // kept
    snprintf(path, sizeof path, "%s/empty", folder);
    inputs[0] = path;
    assert_int_equal(lte_data_tokenize(f.context, t, inputs, 1, NULL, fixture_path(&f, "none"),
                                       NULL),
                     LTE_ERR_FORMAT);
    inputs[0] = "/no/such/file";
    assert_int_equal(lte_data_tokenize(f.context, t, inputs, 1, NULL, fixture_path(&f, "none"),
                                       NULL),
                     LTE_ERR_IO);
    struct lte_tokenize_options wrong = {.end = "<none>"};
    assert_int_equal(lte_data_tokenize(f.context, t, inputs, 1, &wrong, fixture_path(&f, "none"),
                                       NULL), LTE_ERR_ARGUMENT);
    assert_true(fixture_said(&f, "\"<none>\"", NULL));
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

static void test_parts(void **state)
{
    (void)state;
    assert_int_equal(lte_part_length("abc", 3, 4), 3);
    assert_int_equal(lte_part_length("ab\ncd\nefgh", 10, 8), 6);
    assert_int_equal(lte_part_length("ab\ncd\n\nef", 9, 8), 3);
    assert_int_equal(lte_part_length("abcd\n\n efgh", 11, 8), 6);
    assert_int_equal(lte_part_length("abcdefgh", 8, 5), 5);
    assert_int_equal(lte_part_length("abc\xe2\x82\xac" "def", 9, 5), 3);
    assert_int_equal(lte_part_length("\xf0\x9f\x98\x80" "\xf0\x9f\x98\x80", 8, 7), 4);
}

// In one epoch every row of the stream comes once, for any sizes; in the next in another order.
static void check_epochs(struct fixture *f, bool separate, uint32_t rows, uint32_t shortest,
                         uint32_t longest)
{
    enum { TOKENS = 345 };
    static struct batch all, b;
    struct lte_data *whole, *data;
    const struct lte_data_options w = sizes(ROWS, ROWS, ROWS);
    struct lte_data_options o = sizes(rows, shortest, longest);
    o.micro_batches = 2;
    assert_int_equal(lte_data_text(f->context, fixture_path(f, "tokens"), separate, &w, &whole),
                     LTE_OK);
    draw(whole, 0, 0, &all);
    assert_int_equal(all.view.rows, TOKENS - 1);
    assert_int_equal(all.view.segments, separate ? 3 : 1);
    assert_int_equal(lte_data_text(f->context, fixture_path(f, "tokens"), separate, &o, &data),
                     LTE_OK);
    const size_t pieces = (TOKENS - 1 + longest - 1) / longest;
    uint64_t sums[2] = {0}, seen = 0, order[2] = {0};
    for (size_t i = 0; i < TOKENS - 1; i++)
        sums[0] += (uint64_t)all.token[i] * 1000003 + all.target[i] * UINT64_C(7919);
    // Whole epochs end where pieces and items of a step do: pieces micro-batches are items epochs.
    const size_t items = rows / longest, batches = pieces;
    for (size_t i = 0; i < batches; i++) {
        draw(data, i / 2, (uint32_t)(i % 2), &b);
        for (size_t j = 0; j < b.view.rows; j++)
            sums[1] += (uint64_t)b.token[j] * 1000003 + b.target[j] * UINT64_C(7919);
        seen += b.view.rows;
        order[i >= batches / 2] = order[i >= batches / 2] * 31 + b.token[0];
        for (size_t s = 0, at = 0; s < b.view.segments; at += b.segment[s++])
            for (size_t j = 0; separate && j + 1 < b.segment[s]; j++)
                assert_true(b.token[at + j] != 256); // an end of text is last in its sequence
    }
    assert_int_equal(seen, items * (TOKENS - 1));
    assert_int_equal(sums[1], items * sums[0]);
    check_source(data);
    lte_data_free(data);
    lte_data_free(whole);
}

static void test_text(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    struct lte_tokenizer *t = bytes_tokenizer(&f);
    make_tokens(&f, t);
    for (int separate = 0; separate < 2; separate++) {
        check_epochs(&f, separate, 32, 32, 32);
        check_epochs(&f, separate, 100, 7, 33);
        check_epochs(&f, separate, 64, 1, 16);
        check_epochs(&f, separate, 43, 43, 43); // divides the rows
        check_epochs(&f, separate, 7, 1, 1);
    }
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

// Every byte of the header and the ends, changed: refused, or a batch of valid ids; every length
// of file.
static void test_broken_tokens(void **state)
{
    struct fixture f;
    struct lte_data *data;
    static struct batch b;
    size_t size, refused = 0;
    (void)state;
    fixture_open(&f);
    struct lte_tokenizer *t = bytes_tokenizer(&f);
    make_tokens(&f, t);
    unsigned char *bytes = fixture_read(fixture_path(&f, "tokens"), &size);
    const struct lte_data_options o = sizes(ROWS, 16, 64);
    for (size_t n = 0; n < size; n += n < 80 ? 1 : 13) {
        fixture_write(&f, "bad", bytes, n);
        assert_int_equal(lte_data_text(f.context, fixture_path(&f, "bad"), 1, &o, &data),
                         LTE_ERR_FORMAT);
        assert_null(data);
    }
    for (size_t i = 0; i < size; i++)
        for (unsigned bit = 0; bit < 8; bit += 1 + (i > 64) * 3) {
            bytes[i] ^= (unsigned char)(1 << bit);
            fixture_write(&f, "bad", bytes, size);
            enum lte_status s = lte_data_text(f.context, fixture_path(&f, "bad"), 1, &o, &data);
            for (uint64_t step = 0; s == LTE_OK && step < 2; step++)
                s = lte_data_batch(data, step, 0, room(&b));
            assert_true(s == LTE_OK || s == LTE_ERR_FORMAT);
            refused += s != LTE_OK;
            for (size_t j = 0; s == LTE_OK && j < b.view.rows; j++)
                assert_true(b.token[j] < lte_data_vocabulary(data));
            lte_data_free(data);
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    assert_true(refused > 200);
    fixture_clear(&f);
    bytes[8] = 9;
    fixture_write(&f, "bad", bytes, size);
    assert_int_equal(lte_data_text(f.context, fixture_path(&f, "bad"), 0, &o, &data),
                     LTE_ERR_FORMAT);
    assert_true(fixture_said(&f, "bad: version 9", NULL));
    free(bytes);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

static void check_mqar_sequence(const struct lte_mqar_options *o, const uint32_t *token,
                                const uint32_t *target, size_t n, size_t pairs)
{
    const size_t context = 2 * pairs * o->passes;
    const uint32_t half = o->vocabulary / 2;
    size_t answers = 0;
    for (size_t p = 0; p < pairs; p++) {
        const uint32_t key = token[2 * p], value = token[2 * p + 1];
        assert_true(key >= o->first + 1 && key < o->first + half);
        assert_true(value >= o->first + half && value < o->first + o->vocabulary);
        for (size_t q = 0; q < p; q++)
            assert_true(token[2 * q] != key && token[2 * q + 1] != value);
        for (size_t pass = 0; pass < o->passes; pass++)
            assert_memory_equal(token + 2 * pairs * pass, token, 2 * pairs * sizeof *token);
    }
    for (size_t i = 0; i < n; i++) {
        if (target[i] == LTE_IGNORE) {
            assert_true(i < context || o->random_others || i % 2 || token[i] == o->first);
            continue;
        }
        assert_true(i >= context && (i - context) % 2 == 0);
        size_t p = 0;
        while (p < pairs && token[2 * p] != token[i])
            p++;
        assert_true(p < pairs);
        assert_int_equal(target[i], token[2 * p + 1]);
        answers++;
    }
    assert_int_equal(answers, pairs); // each key is asked for once: places are distinct
}

static void test_mqar(void **state)
{
    static const struct {
        uint32_t n, pairs, passes, vocabulary, first;
        int random;
    } cases[] = {{64, 4, 1, 8192, 0, 1}, {512, 64, 1, 8192, 0, 0}, {128, 8, 2, 8192, 3, 0},
                 {16, 4, 1, 17, 0, 1}, {256, 16, 1, 512, 0, 0}};
    struct fixture f;
    struct lte_data *data;
    static struct batch b;
    (void)state;
    fixture_open(&f);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct lte_mqar_options m;
        lte_mqar_options_init(&m);
        m.vocabulary = cases[c].vocabulary;
        m.first = cases[c].first;
        m.fewest = m.pairs = cases[c].pairs;
        m.passes = cases[c].passes;
        m.random_others = cases[c].random;
        const struct lte_data_options o = sizes(ROWS, cases[c].n, cases[c].n);
        assert_int_equal(lte_data_mqar(f.context, &m, &o, &data), LTE_OK);
        double early = 0, asked = 0;
        for (uint64_t step = 0; step < 40; step++) {
            draw(data, step, 0, &b);
            assert_int_equal(b.view.segments, ROWS / cases[c].n);
            for (size_t s = 0; s < b.view.segments; s++)
                check_mqar_sequence(&m, b.token + s * cases[c].n, b.target + s * cases[c].n,
                                    cases[c].n, cases[c].pairs);
            const size_t context = 2 * m.pairs * m.passes;
            for (size_t i = context; i < cases[c].n; i++)
                if (b.target[i] != LTE_IGNORE) {
                    asked++;
                    early += i < context + (cases[c].n - context) / 4;
                }
        }
        if (cases[c].n == 64) // four of 28 places, the first seven have 2.59 of 3.93 of the weight
            assert_true(early / asked > 0.55 && early / asked < 0.68);
        check_source(data);
        lte_data_free(data);
    }
    assert_true(fixture_close(&f));
}

static void test_ranges(void **state)
{
    struct fixture f;
    struct lte_data *data;
    static struct batch b;
    struct lte_mqar_options m;
    (void)state;
    fixture_open(&f);
    lte_mqar_options_init(&m);
    m.fewest = 2;
    m.pairs = 64;
    const struct lte_data_options o = sizes(ROWS, 9, 300);
    assert_int_equal(lte_data_mqar(f.context, &m, &o, &data), LTE_OK);
    bool most[65] = {false};
    for (uint64_t step = 0; step < 50; step++) {
        draw(data, step, 0, &b);
        for (size_t s = 0, at = 0; s < b.view.segments; at += b.segment[s++]) {
            size_t answers = 0;
            assert_true(b.segment[s] % 2 == 0 && b.segment[s] >= 8 && b.segment[s] <= 300);
            for (size_t i = 0; i < b.segment[s]; i++)
                answers += b.target[at + i] != LTE_IGNORE;
            assert_true(answers >= 2 && answers <= 64 && 4 * answers <= b.segment[s]);
            most[answers] = true;
            check_mqar_sequence(&m, b.token + at, b.target + at, b.segment[s], answers);
        }
    }
    assert_true(most[2] && most[20]);
    check_source(data);
    lte_data_free(data);

    struct lte_data_options bad = sizes(ROWS, 7, 300);
    assert_int_equal(lte_data_mqar(f.context, &m, &bad, &data), LTE_ERR_ARGUMENT);
    assert_true(fixture_said(&f, "2 pairs take 8 tokens, a sequence has 6", NULL));
    bad = sizes(ROWS, 20, 10);
    assert_int_equal(lte_data_mqar(f.context, &m, &bad, &data), LTE_ERR_ARGUMENT);
    bad = sizes(8, 10, 10);
    assert_int_equal(lte_data_mqar(f.context, &m, &bad, &data), LTE_ERR_ARGUMENT);
    m.vocabulary = 300;
    assert_int_equal(lte_data_mqar(f.context, &m, &o, &data), LTE_ERR_ARGUMENT);
    assert_null(data);
    assert_true(fixture_close(&f));
}

static void test_copy(void **state)
{
    struct fixture f;
    struct lte_data *data;
    static struct batch b;
    const struct lte_copy_options c = {.first = 5, .symbols = 50000, .shortest = 3, .longest = 40};
    (void)state;
    fixture_open(&f);
    for (int all = 0; all < 2; all++) {
        struct lte_data_options o = sizes(ROWS, 10, 200);
        o.all_targets = all;
        assert_int_equal(lte_data_copy(f.context, &c, &o, &data), LTE_OK);
        for (uint64_t step = 0; step < 20; step++) {
            draw(data, step, 0, &b);
            for (size_t s = 0, at = 0; s < b.view.segments; at += b.segment[s++]) {
                const uint32_t *token = b.token + at, *target = b.target + at;
                const size_t n = b.segment[s];
                size_t period = 1; // of so many symbols hardly two are alike
                while (period < n && memcmp(token, token + period, (n - period) * sizeof *token))
                    period++;
                assert_true(n >= 10 && n <= 200 && period >= 3 && period <= 40 && period <= n / 2);
                for (size_t i = 0; i < n; i++) {
                    assert_true(token[i] >= 5 && token[i] < 50005);
                    assert_int_equal(target[i], i >= period || all ? token[(i + 1) % period]
                                                                   : LTE_IGNORE);
                }
            }
        }
        check_source(data);
        lte_data_free(data);
    }
    assert_true(fixture_close(&f));
}

static size_t occurrences(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

static const char essay[] =
    "It was a cold day. \"Was it?\" he asked. Nobody knew the answer to this! So they walked on,\n"
    "slowly and without a word, until the sun went down. Then it was night.  The end is near\n";

static void check_sample(struct lte_data *data, int variant, uint64_t index, uint32_t tokens,
                         double depth, const struct lte_tokenizer *t)
{
    struct lte_niah_sample s;
    size_t count;
    assert_int_equal(lte_data_niah_sample(data, index, tokens, depth, &s), LTE_OK);
    assert_int_equal(strlen(s.prompt), s.prompt_length);
    assert_int_equal(strlen(s.answer), s.answer_length);
    assert_int_equal(s.answer_length, variant == 3 ? 36 : 7);
    assert_int_equal(lte_tokenizer_encode(t, s.prompt, s.prompt_length, 0, NULL, 0, &count),
                     LTE_OK);
    assert_int_equal(count, s.tokens);
    assert_true(count <= tokens && count + 90 > tokens); // a sentence of noise
    assert_int_equal(occurrences(s.prompt, s.answer), 1);
    assert_int_equal(occurrences(s.prompt, variant == 3 ? "magic uuid" : "magic number"), 4);
    const char *needle = strstr(s.prompt, "One of the special magic ");
    assert_ptr_equal(needle, s.prompt + s.needle);
    assert_true(strstr(needle, s.answer) < strchr(needle + 40, '.'));
    assert_true(!strncmp(s.prompt, "A special magic ", 16));
    const char *end = s.prompt + s.prompt_length - 30;
    assert_string_equal(end, "tioned in the provided text is");
    if (variant == 3)
        assert_true(s.answer[14] == '4' && strchr("89ab", s.answer[19]));
    if (depth >= 0 && s.depth != 0)
        assert_true(s.depth <= depth / 100 && s.depth > depth / 100 - 0.2);
    if (depth == 0)
        assert_true(strchr(s.prompt, '\n') + 1 == needle);
}

static void test_niah_sample(void **state)
{
    struct fixture f;
    struct lte_data *data;
    struct lte_niah_options n;
    struct lte_niah_sample a, b;
    (void)state;
    fixture_open(&f);
    struct lte_tokenizer *t = bytes_tokenizer(&f);
    write_text(&f, "essay", essay);
    char path[128];
    strcpy(path, fixture_path(&f, "essay"));
    for (int variant = 1; variant <= 3; variant++) {
        lte_niah_options_init(&n);
        n.tokenizer = t;
        n.variant = variant;
        n.haystack = path;
        const struct lte_data_options o = sizes(ROWS, 600, 1000);
        if (lte_data_niah(f.context, &n, &o, &data) != LTE_OK)
            fail_msg("%s", f.log);
        for (uint64_t i = 0; i < 20; i++) {
            check_sample(data, variant, i, 1000 + 97 * (uint32_t)i, -1, t);
            check_sample(data, variant, i, 1500, 5 * (double)i, t);
        }
        check_sample(data, variant, 9, 20000, 50, t);
        assert_int_equal(lte_data_niah_sample(data, 0, 800, 100, &a), LTE_OK);
        assert_true(a.depth == 1 && strstr(a.prompt + a.needle, ".\nWhat is the special magic "));
        assert_int_equal(lte_data_niah_sample(data, 0, 100, -1, &a), LTE_ERR_ARGUMENT);
        lte_data_free(data);
    }
    // From the first word, each sentence in its place.
    n.variant = 2;
    n.random_start = 0;
    const struct lte_data_options o = sizes(ROWS, 600, 1000);
    assert_int_equal(lte_data_niah(f.context, &n, &o, &data), LTE_OK);
    assert_int_equal(lte_data_niah_sample(data, 3, 900, 50, &b), LTE_OK);
    assert_true(strstr(b.prompt, "I will quiz you about the number afterwards.\nIt was a cold day. "
                                 "\"Was it?\" he asked. "));
    lte_data_free(data);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

static void test_niah_batch(void **state)
{
    struct fixture f;
    struct lte_data *data;
    struct lte_niah_options n;
    static struct batch b;
    (void)state;
    fixture_open(&f);
    struct lte_tokenizer *t = bytes_tokenizer(&f);
    lte_niah_options_init(&n);
    n.tokenizer = t;
    struct lte_data_options o = sizes(ROWS, 450, 900);
    assert_int_equal(lte_data_niah(f.context, &n, &o, &data), LTE_OK);
    for (uint64_t step = 0; step < 20; step++) {
        draw(data, step, 0, &b);
        for (size_t s = 0, at = 0; s < b.view.segments; at += b.segment[s++]) {
            char text[ROWS + 1], answer[16];
            size_t answers = 0;
            for (size_t i = 0; i < b.segment[s]; i++) {
                text[i] = (char)b.token[at + i];
                if (b.target[at + i] != LTE_IGNORE)
                    answer[answers++] = (char)b.target[at + i];
            }
            text[b.segment[s]] = '\0';
            assert_int_equal(answers, 9); // " 1234567."
            answer[answers] = '\0';
            // The input ends before the stop.
            assert_memory_equal(text + b.segment[s] - 8, answer, 8);
            assert_int_equal(answer[8], '.');
            answer[8] = '\0';
            assert_int_equal(occurrences(text, answer), 2);
            assert_true(b.segment[s] <= 900);
        }
    }
    check_source(data);
    lte_data_free(data);
    o = sizes(ROWS, 300, 900);
    assert_int_equal(lte_data_niah(f.context, &n, &o, &data), LTE_ERR_ARGUMENT);
    assert_true(fixture_said(&f, "the shortest sequence 300", NULL));
    n.variant = 2;
    assert_int_equal(lte_data_niah(f.context, &n, &o, &data), LTE_ERR_ARGUMENT);
    n.haystack = fixture_path(&f, "blank");
    write_text(&f, "blank", " \n ");
    assert_int_equal(lte_data_niah(f.context, &n, &o, &data), LTE_ERR_FORMAT);
    lte_tokenizer_free(t);
    assert_true(fixture_close(&f));
}

static struct lte_data *copy_source(struct fixture *f, uint32_t first, uint32_t length)
{
    struct lte_data *data;
    const struct lte_copy_options c = {.first = first, .symbols = 10, .shortest = 3, .longest = 9};
    const struct lte_data_options o = sizes(ROWS, length, length);
    assert_int_equal(lte_data_copy(f->context, &c, &o, &data), LTE_OK);
    return data;
}

static void test_combinations(void **state)
{
    struct fixture f;
    struct lte_data *data, *mixed;
    static struct batch b;
    (void)state;
    fixture_open(&f);
    struct lte_data *parts[] = {copy_source(&f, 0, 20), copy_source(&f, 100, 30),
                                copy_source(&f, 200, 40)};
    const double weights[] = {3, 1, 0}, negative[] = {3, -1, 0}, nothing[] = {0, 0, 0};
    const struct lte_data_options o = sizes(500, 1, 1), small = sizes(30, 1, 1);
    assert_int_equal(lte_data_mix(f.context, parts, negative, 3, &o, &mixed), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_data_mix(f.context, parts, nothing, 3, &o, &mixed), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_data_mix(f.context, parts, weights, 3, &small, &mixed), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_data_mix(f.context, parts, weights, 3, &o, &mixed), LTE_OK);
    assert_int_equal(lte_data_vocabulary(mixed), 210);
    size_t drawn[3] = {0};
    for (uint64_t step = 0; step < 100; step++) {
        draw(mixed, step, 0, &b);
        assert_true(b.view.rows > 460 && b.view.rows <= 500);
        for (size_t s = 0, at = 0; s < b.view.segments; at += b.segment[s++]) {
            const size_t source = b.token[at] / 100;
            assert_int_equal(b.segment[s], 20 + 10 * source);
            drawn[source]++;
        }
    }
    assert_int_equal(drawn[2], 0);
    assert_true(drawn[0] > 2.6 * drawn[1] && drawn[0] < 3.5 * drawn[1]);
    check_source(mixed);

    struct lte_data *phases[] = {copy_source(&f, 300, 12), mixed};
    const uint64_t first[] = {0, 5}, late[] = {1, 5}, falling[] = {0, 0};
    assert_int_equal(lte_data_phases(f.context, phases, late, 2, &data), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_data_phases(f.context, phases, falling, 2, &data), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_data_phases(f.context, phases, first, 2, &data), LTE_OK);
    uint32_t rows;
    lte_data_size(data, &rows, NULL);
    assert_int_equal(rows, ROWS);
    for (uint64_t step = 0; step < 10; step++) {
        draw(data, step, 0, &b);
        assert_int_equal(b.token[0] >= 300, step < 5);
        assert_true(step < 5 ? b.view.rows == 1020 : b.view.rows <= 500);
    }
    assert_int_equal(lte_data_batch(data, 0, 1, room(&b)), LTE_ERR_ARGUMENT);
    b.view.rows = ROWS - 1;
    assert_int_equal(lte_data_batch(data, 0, 0, &b.view), LTE_ERR_SPACE);
    assert_true(fixture_said(&f, "1024 rows", NULL));
    lte_data_free(data);
    lte_data_free(NULL);
    assert_true(fixture_close(&f));
}

// Micro-batches by turns, also where they are told apart by phases, and item by item in a mixture.
static void test_turns(void **state)
{
    struct fixture f;
    struct lte_data *parts[3], *turns, *data, *mixed;
    static struct batch b;
    (void)state;
    fixture_open(&f);
    struct lte_data_options o = sizes(500, 20, 20);
    o.micro_batches = 3;
    for (uint32_t i = 0; i < 3; i++) {
        const struct lte_copy_options copy = {100 * i, .symbols = 10, .shortest = 3, .longest = 9};
        assert_int_equal(lte_data_copy(f.context, &copy, &o, &parts[i]), LTE_OK);
    }
    assert_int_equal(lte_data_turns(f.context, parts, 0, &turns), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_data_turns(f.context, NULL, 2, &turns), LTE_ERR_ARGUMENT);
    assert_null(turns);
    assert_int_equal(lte_data_turns(f.context, parts, 2, &turns), LTE_OK);
    check_source(turns);
    struct lte_data *both[] = {parts[2], turns};
    const uint64_t first[] = {0, 4};
    assert_int_equal(lte_data_phases(f.context, both, first, 2, &data), LTE_OK);
    for (uint64_t step = 0; step < 8; step++)
        for (uint32_t micro = 0; micro < 3; micro++) {
            draw(data, step, micro, &b);
            assert_int_equal(b.view.rows, 500);
            for (size_t row = 0; row < b.view.rows; row++)
                assert_int_equal(b.token[row] / 100, step < 4 ? 2 : micro % 2);
        }

    const double weight = 1;
    size_t drawn[3] = {0};
    assert_int_equal(lte_data_mix(f.context, &data, &weight, 1, &o, &mixed), LTE_OK);
    for (uint64_t step = 3; step < 6; step++) {
        draw(mixed, step, 0, &b);
        for (size_t s = 0; s < b.view.segments; s++)
            drawn[b.token[20 * s] / 100]++;
    }
    assert_int_equal(drawn[2], 25);
    assert_true(drawn[0] > 20 && drawn[1] > 20 && drawn[0] + drawn[1] == 50);
    lte_data_free(mixed);
    assert_true(fixture_close(&f));
}

// What makers are given.
struct ingredients {
    struct lte_tokenizer *tokenizer;
    struct lte_data_options options;
    char essay[128];
};

// Takes the first micro-batch of a source if it was made.
static enum lte_status draw_one(enum lte_status made, struct lte_data *const *data)
{
    static struct batch b;
    const enum lte_status status = made == LTE_OK ? lte_data_batch(*data, 0, 0, room(&b)) : made;
    lte_data_free(*data);
    return status;
}

static enum lte_status use_text(struct fixture *f, void *opaque)
{
    const struct ingredients *i = opaque;
    struct lte_data *data;
    const char *path = fixture_path(f, "tokens");
    return draw_one(lte_data_text(f->context, path, 1, &i->options, &data), &data);
}

static enum lte_status use_mqar(struct fixture *f, void *opaque)
{
    const struct ingredients *i = opaque;
    struct lte_data *data;
    return draw_one(lte_data_mqar(f->context, NULL, &i->options, &data), &data);
}

static enum lte_status use_niah(struct fixture *f, void *opaque)
{
    const struct ingredients *i = opaque;
    struct lte_niah_options n;
    struct lte_data *data;
    lte_niah_options_init(&n);
    n.tokenizer = i->tokenizer;
    n.variant = 2;
    n.haystack = i->essay;
    return draw_one(lte_data_niah(f->context, &n, &i->options, &data), &data);
}

static enum lte_status tokenize_essay(struct fixture *f, void *opaque)
{
    const struct ingredients *i = opaque;
    const char *inputs[] = {i->essay};
    return lte_data_tokenize(f->context, i->tokenizer, inputs, 1, NULL, fixture_path(f, "out"),
                             NULL);
}

static void test_memory(void **state)
{
    fixture_call *const calls[] = {use_text, use_mqar, use_niah, tokenize_essay};
    struct fixture f;
    struct ingredients i = {.options = sizes(ROWS, 500, 600)};
    (void)state;
    fixture_open(&f);
    i.tokenizer = bytes_tokenizer(&f);
    make_tokens(&f, i.tokenizer);
    write_text(&f, "essay", essay);
    strcpy(i.essay, fixture_path(&f, "essay"));
    for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++)
        assert_true(fixture_starve(&f, calls[k], &i, 2));
    lte_tokenizer_free(i.tokenizer);
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permute),     cmocka_unit_test(test_tokenize),
        cmocka_unit_test(test_parts),       cmocka_unit_test(test_text),
        cmocka_unit_test(test_broken_tokens), cmocka_unit_test(test_mqar),
        cmocka_unit_test(test_ranges),      cmocka_unit_test(test_copy),
        cmocka_unit_test(test_niah_sample), cmocka_unit_test(test_niah_batch),
        cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_turns), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
