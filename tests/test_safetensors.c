// SPDX-License-Identifier: BSD-2-Clause
// The safetensors reader: what it accepts, and that each lie a file can tell is refused by name.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/safetensors.h"
#include "tests/fixture.h"

// A file: length, header, `data` bytes of data numbered 0, 1, ...
struct image {
    unsigned char bytes[2048];
    size_t size;
};

static void build(struct image *m, const char *header, size_t data)
{
    const size_t n = strlen(header);
    memset(m->bytes, 0, 8);
    m->bytes[0] = (unsigned char)n;
    m->bytes[1] = (unsigned char)(n >> 8);
    memcpy(m->bytes + 8, header, n);
    for (size_t i = 0; i < data; i++)
        m->bytes[8 + n + i] = (unsigned char)i;
    m->size = 8 + n + data;
}

// In memory, at the end of a block of its own: a read past the end is seen by valgrind and asan.
static enum lte_status open_image(struct fixture *f, const struct image *m, struct lte_tensors **t)
{
    static unsigned char *copy;
    free(copy);
    copy = malloc(m->size ? m->size : 1);
    memcpy(copy, m->bytes, m->size);
    return lte_tensors_from_memory(f->context, copy, m->size, "x.safetensors", t);
}

static const char good_header[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"b\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[3,19]},"
    "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
    "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[19,19]},"
    "\"scalar\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[19,21]}}   ";
enum { GOOD_DATA = 21 };

static void test_good(void **state)
{
    struct fixture f;
    struct image m;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    build(&m, good_header, GOOD_DATA);
    assert_int_equal(open_image(&f, &m, &t), LTE_OK);
    assert_int_equal(lte_tensors_count(t), 4);
    const struct lte_tensor *b = lte_tensors_find(t, "b");
    assert_non_null(b);
    assert_int_equal(b->type, LTE_FILE_F32);
    assert_int_equal(b->dims, 2);
    assert_int_equal(b->shape[1], 2);
    assert_int_equal(b->elements, 4);
    assert_int_equal(*(const unsigned char *)b->data, 3); // unaligned is legal
    assert_string_equal(b->file, "x.safetensors");
    const struct lte_tensor *scalar = lte_tensors_find(t, "scalar");
    assert_int_equal(scalar->dims, 0);
    assert_int_equal(scalar->elements, 1);
    assert_int_equal(lte_tensors_find(t, "empty")->elements, 0);
    assert_null(lte_tensors_find(t, "c"));
    assert_string_equal(lte_tensors_at(t, 0)->name, "a");
    assert_string_equal(lte_tensors_metadata(t, "format"), "pt");
    assert_null(lte_tensors_metadata(t, "other"));
    lte_tensors_close(t);
    build(&m, "{}", 0);
    assert_int_equal(open_image(&f, &m, &t), LTE_OK);
    assert_int_equal(lte_tensors_count(t), 0);
    assert_null(lte_tensors_find(t, "a"));
    lte_tensors_close(t);
    assert_true(fixture_close(&f));
}

// Every proper prefix of a good file is refused, and so is a file with bytes behind the data.
static void test_truncated(void **state)
{
    struct fixture f;
    struct image m;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    build(&m, good_header, GOOD_DATA);
    const size_t whole = m.size;
    for (m.size = 0; m.size <= whole + 1; m.size++) {
        if (m.size == whole)
            continue;
        fixture_clear(&f);
        assert_int_equal(open_image(&f, &m, &t), LTE_ERR_FORMAT);
        assert_null(t);
        assert_true(fixture_said(&f, "x.safetensors", NULL));
    }
    assert_true(fixture_close(&f));
}

#define T(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct lie {
    const char *header;
    size_t data;
    enum lte_status status;
    const char *says[3];
} lies[] = {
    {"[]", 0, LTE_ERR_FORMAT, {"'{'"}},
    {" {}", 0, LTE_ERR_FORMAT, {"'{'"}},
    {"{} x", 0, LTE_ERR_FORMAT, {"x.safetensors:1:"}},
    {"{\"a\":1}", 0, LTE_ERR_FORMAT, {"\"a\"", "not an object"}},
    {"{\"\xff\":1}", 0, LTE_ERR_FORMAT, {"x.safetensors:1:", "0xff"}},
    {"{\"a\\u0000\":1}", 0, LTE_ERR_FORMAT, {"x.safetensors:1:"}},
    {"{" T("a", "U8", "[1]", "[0,1]") "," T("a", "U8", "[1]", "[1,2]") "}",
     2,
     LTE_ERR_FORMAT,
     {"duplicate", "\"a\""}},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, LTE_ERR_FORMAT, {"\"a\"", "no dtype"}},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, LTE_ERR_FORMAT, {"\"a\"", "no shape"}},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, LTE_ERR_FORMAT, {"\"a\"", "data_offsets"}},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}",
     1,
     LTE_ERR_FORMAT,
     {"\"a\"", "besides"}},
    {"{" T("a", "F8_E4M3", "[1]", "[0,1]") "}", 1, LTE_ERR_UNSUPPORTED, {"\"a\"", "\"F8_E4M3\""}},
    {"{" T("a", "U8", "[-1]", "[0,1]") "}", 1, LTE_ERR_FORMAT, {"\"a\"", "shape[0]"}},
    {"{" T("a", "U8", "[1.0]", "[0,1]") "}", 1, LTE_ERR_FORMAT, {"\"a\"", "shape[0]"}},
    {"{" T("a", "U8", "[99999999999999999999]", "[0,1]") "}", 1, LTE_ERR_FORMAT, {"integer"}},
    {"{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}",
     1,
     LTE_ERR_UNSUPPORTED,
     {"\"a\"", "9 dimensions"}},
    {"{" T("a", "U8", "[4294967296,4294967296]", "[0,0]") "}",
     0,
     LTE_ERR_FORMAT,
     {"\"a\"", "overflows", "4294967296"}},
    {"{" T("a", "F32", "[4611686018427387904]", "[0,0]") "}",
     0,
     LTE_ERR_FORMAT,
     {"\"a\"", "4611686018427387904"}},
    {"{" T("a", "F32", "[2]", "[0,4]") "}",
     4,
     LTE_ERR_FORMAT,
     {"\"a\"", "2 elements of 4", "[0, 4]"}},
    {"{" T("a", "U8", "[1]", "[1,0]") "}", 1, LTE_ERR_FORMAT, {"\"a\"", "[1, 0]"}},
    {"{" T("a", "U8", "[1]", "[-1,0]") "}", 1, LTE_ERR_FORMAT, {"\"a\"", "[-1, 0]"}},
    {"{" T("a", "U8", "[1]", "[0,1,2]") "}", 1, LTE_ERR_FORMAT, {"\"a\"", "pair"}},
    {"{" T("a", "U8", "[5]", "[0,5]") "}", 4, LTE_ERR_FORMAT, {"\"a\"", "byte 5", "4 bytes"}},
    {"{" T("a", "U8", "[1]", "[9223372036854775806,9223372036854775807]") "}",
     1,
     LTE_ERR_FORMAT,
     {"\"a\"", "9223372036854775807"}},
    {"{" T("a", "U8", "[3]", "[0,3]") "," T("b", "U8", "[2]", "[2,4]") "}",
     4,
     LTE_ERR_FORMAT,
     {"\"b\"", "byte 2", "\"a\""}},
    {"{" T("a", "U8", "[3]", "[0,3]") "," T("b", "U8", "[0]", "[1,1]") "}",
     3,
     LTE_ERR_FORMAT,
     {"\"b\"", "byte 1", "\"a\""}},
    {"{" T("a", "U8", "[1]", "[0,1]") "," T("b", "U8", "[1]", "[2,3]") "}",
     3,
     LTE_ERR_FORMAT,
     {"\"b\"", "hole"}},
    {"{" T("a", "U8", "[1]", "[1,2]") "}", 2, LTE_ERR_FORMAT, {"\"a\"", "hole"}},
    {"{" T("a", "U8", "[1]", "[0,1]") "}", 2, LTE_ERR_FORMAT, {"byte 1 of 2"}},
    {"{\"__metadata__\":[]}", 0, LTE_ERR_FORMAT, {"__metadata__"}},
    {"{\"__metadata__\":{\"k\":1}}", 0, LTE_ERR_FORMAT, {"__metadata__", "\"k\""}},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
     0,
     LTE_ERR_FORMAT,
     {"x.safetensors:1", "nested"}},
    {"{\"a\\nb\":1}", 0, LTE_ERR_FORMAT, {"\"a?b\""}},
};

static void test_lies(void **state)
{
    struct fixture f;
    struct image m;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        const struct lie *lie = &lies[i];
        build(&m, lie->header, lie->data);
        fixture_clear(&f);
        const enum lte_status status = open_image(&f, &m, &t);
        if (status != lie->status)
            print_message("# %s: %s\n", lie->header, lte_status_name(status));
        assert_int_equal(status, lie->status);
        assert_null(t);
        assert_true(
            fixture_said(&f, "x.safetensors", lie->says[0], lie->says[1], lie->says[2], NULL));
    }
    assert_true(fixture_close(&f));
}

static void test_length(void **state)
{
    static const unsigned char lengths[][8] = {
        {0},                                                // no header
        {0, 0xe1, 0xf5, 5},                                 // 100000000: more than the file has
        {1, 0xe1, 0xf5, 5},                                 // above the limit
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},   // wraps when 8 is added
        {0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    struct fixture f;
    struct image m;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        build(&m, good_header, GOOD_DATA);
        memcpy(m.bytes, lengths[i], 8);
        fixture_clear(&f);
        assert_int_equal(open_image(&f, &m, &t), LTE_ERR_FORMAT);
        assert_true(fixture_said(&f, "x.safetensors", "header", NULL));
    }
    assert_true(fixture_close(&f));
}

static void write_image(struct fixture *f, const char *name, const char *header, size_t data)
{
    struct image m;
    build(&m, header, data);
    fixture_write(f, name, m.bytes, m.size);
}

static enum lte_status open_sharded(struct fixture *f, const char *index, struct lte_tensors **t)
{
    write_image(f, "s1.safetensors", "{" T("a", "U8", "[1]", "[0,1]") "}", 1);
    write_image(f, "s2.safetensors",
                "{" T("b", "U8", "[1]", "[0,1]") "," T("c", "U8", "[1]", "[1,2]") "}", 2);
    fixture_write(f, "model.safetensors.index.json", index, strlen(index));
    fixture_clear(f);
    fixture_path(f, "");
    return lte_tensors_open(f->context, f->folder, t);
}

static void test_shards(void **state)
{
    static const struct lie bad[] = {
        {"{\"weight_map\":[]}", 0, LTE_ERR_FORMAT, {"index.json", "weight_map"}},
        {"{\"weight_map\":{}}", 0, LTE_ERR_FORMAT, {"index.json", "0 files"}},
        {"{\"weight_map\":{\"a\":1}}", 0, LTE_ERR_FORMAT, {"index.json", "\"a\""}},
        {"{\"weight_map\":{\"a\":\"../s1.safetensors\"}}",
         0,
         LTE_ERR_FORMAT,
         {"index.json", "\"a\"", "\"../s1.safetensors\""}},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", 0, LTE_ERR_FORMAT, {"\"/etc/passwd\""}},
        {"{\"weight_map\":{\"a\":\"s9.safetensors\"}}", 0, LTE_ERR_IO, {"s9.safetensors"}},
        {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"d\":\"s1.safetensors\"}}",
         0,
         LTE_ERR_FORMAT,
         {"index.json", "\"d\"", "s1.safetensors"}},
        {"{\"weight_map\":{\"b\":\"s2.safetensors\"}}", 0, LTE_ERR_FORMAT, {"index.json", "\"c\""}},
        {"{\"weight_map\":{\"a\":\"s2.safetensors\",\"b\":\"s2.safetensors\","
         "\"c\":\"s1.safetensors\"}}",
         0,
         LTE_ERR_FORMAT,
         {"index.json", "\"a\"", "s1.safetensors, not in s2.safetensors"}},
    };
    struct fixture f;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    assert_int_equal(open_sharded(&f,
                                  "{\"metadata\":{\"total_size\":3},\"weight_map\":{"
                                  "\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\","
                                  "\"c\":\"s2.safetensors\"}}",
                                  &t),
                     LTE_OK);
    assert_int_equal(lte_tensors_count(t), 3);
    assert_non_null(strstr(lte_tensors_find(t, "c")->file, "s2.safetensors"));
    assert_int_equal(*(const unsigned char *)lte_tensors_find(t, "c")->data, 1);
    lte_tensors_close(t);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_sharded(&f, bad[i].header, &t), bad[i].status);
        assert_null(t);
        assert_true(fixture_said(&f, bad[i].says[0], bad[i].says[1], bad[i].says[2], NULL));
    }
    // The same name in two shards.
    write_image(&f, "s3.safetensors", "{" T("a", "U8", "[1]", "[0,1]") "}", 1);
    assert_int_equal(open_sharded(&f,
                                  "{\"weight_map\":{\"a\":\"s1.safetensors\","
                                  "\"z\":\"s3.safetensors\"}}",
                                  &t),
                     LTE_ERR_FORMAT);
    assert_true(fixture_said(&f, "\"a\"", "s1.safetensors", "s3.safetensors", NULL));
    assert_true(fixture_close(&f));
}

static void test_files(void **state)
{
    struct fixture f;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    assert_int_equal(lte_tensors_open(f.context, fixture_path(&f, "none"), &t), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/none: No such file", NULL));
    assert_int_equal(lte_tensors_open(f.context, f.folder, &t), LTE_ERR_IO); // an empty folder
    assert_true(fixture_said(&f, "/model.safetensors: No such file", NULL));
    assert_int_equal(lte_tensors_open(f.context, "/dev/null", &t), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/dev/null: not a regular file", NULL));
    fixture_write(&f, "empty.safetensors", "", 0);
    assert_int_equal(lte_tensors_open(f.context, fixture_path(&f, "empty.safetensors"), &t),
                     LTE_ERR_FORMAT);
    assert_true(fixture_said(&f, "empty.safetensors: 0 bytes", NULL));
    assert_true(fixture_close(&f));
}

static enum lte_status open_and_close(struct fixture *f, void *opaque)
{
    struct lte_tensors *t;
    (void)opaque;
    const enum lte_status status = lte_tensors_open(f->context, f->folder, &t);
    assert_int_equal(t != NULL, status == LTE_OK);
    if (status != LTE_OK)
        assert_true(fixture_said(f, "out of memory", NULL));
    lte_tensors_close(t);
    return status;
}

static void test_memory(void **state)
{
    struct fixture f;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    assert_int_equal(open_sharded(&f, "{\"weight_map\":{\"a\":\"s1.safetensors\"}}", &t), LTE_OK);
    lte_tensors_close(t);
    assert_true(fixture_starve(&f, open_and_close, NULL, 8));
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_lies),   cmocka_unit_test(test_length),
        cmocka_unit_test(test_shards), cmocka_unit_test(test_files),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
