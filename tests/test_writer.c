// SPDX-License-Identifier: BSD-2-Clause
// The safetensors writer: what it writes reads back, and a file appears complete or not at all.
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/atomic_file.h"
#include "lib/safetensors_write.h"
#include "tests/fixture.h"

static const struct lte_tensor list[] = {
    {.name = "b", .type = LTE_FILE_F32, .dims = 2, .shape = {2, 3}},
    {.name = "a \"quoted\"\n\xc3\xa9", .type = LTE_FILE_BF16, .dims = 1, .shape = {3}},
    {.name = "scalar", .type = LTE_FILE_I64, .dims = 0},
    {.name = "none", .type = LTE_FILE_U8, .dims = 2, .shape = {0, 5}},
};
enum { COUNT = sizeof list / sizeof list[0], DATA = 24 + 6 + 8 };

static size_t files_in(struct fixture *f)
{
    size_t count = 0;
    DIR *dir = opendir(f->folder);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

// Puts `size` bytes, counted upwards, in pieces of `piece`.
static enum lte_status write_bytes(struct fixture *f, const char *name, size_t size, size_t piece)
{
    struct lte_writer *w;
    unsigned char data[256];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)i;
    const enum lte_status status =
        lte_writer_begin(f->context, fixture_path(f, name), list, COUNT, &w);
    if (status != LTE_OK)
        return status;
    for (size_t at = 0; at < size; at += piece) {
        const size_t n = size - at < piece ? size - at : piece;
        if (lte_writer_put(w, data + at, n) != LTE_OK) {
            lte_writer_abandon(w);
            return LTE_ERR_IO;
        }
    }
    return lte_writer_finish(w);
}

static void test_round_trip(void **state)
{
    struct fixture f;
    struct lte_tensors *t;
    (void)state;
    fixture_open(&f);
    for (size_t piece = 1; piece <= DATA; piece++) { // each replaces the one before
        assert_int_equal(write_bytes(&f, "x.safetensors", DATA, piece), LTE_OK);
        if (lte_tensors_open(f.context, fixture_path(&f, "x.safetensors"), &t) != LTE_OK)
            fail_msg("%s", f.log);
        assert_int_equal(lte_tensors_count(t), COUNT);
        unsigned char first = 0;
        for (size_t i = 0; i < COUNT; i++) {
            const struct lte_tensor *got = lte_tensors_find(t, list[i].name);
            assert_non_null(got);
            assert_int_equal(got->type, list[i].type);
            assert_int_equal(got->dims, list[i].dims);
            assert_memory_equal(got->shape, list[i].shape, got->dims * sizeof got->shape[0]);
            if (got->elements)
                assert_int_equal(*(const unsigned char *)got->data, first);
            first += (unsigned char)lte_tensor_bytes(got);
        }
        assert_int_equal((uintptr_t)lte_tensors_find(t, "b")->data % 8, 0);
        assert_string_equal(lte_tensors_metadata(t, "format"), "pt");
        lte_tensors_close(t);
        assert_int_equal(files_in(&f), 1);
    }
    assert_true(fixture_close(&f));
}

static void test_incomplete(void **state)
{
    struct fixture f;
    struct lte_writer *w;
    struct stat st;
    (void)state;
    fixture_open(&f);
    fixture_write(&f, "x.safetensors", "old", 3);
    assert_int_equal(write_bytes(&f, "x.safetensors", DATA - 1, 7), LTE_ERR_ARGUMENT);
    assert_true(fixture_said(&f, "x.safetensors: 37 bytes", "38", NULL));
    assert_int_equal(write_bytes(&f, "x.safetensors", DATA + 1, 7), LTE_ERR_ARGUMENT);
    assert_int_equal(
        lte_writer_begin(f.context, fixture_path(&f, "x.safetensors"), list, COUNT, &w), LTE_OK);
    assert_int_equal(files_in(&f), 2); // the temporary file
    lte_writer_abandon(w);
    lte_writer_abandon(NULL);
    assert_int_equal(files_in(&f), 1);
    assert_int_equal(stat(fixture_path(&f, "x.safetensors"), &st), 0);
    assert_int_equal(st.st_size, 3); // what had the name still has it
    assert_true(fixture_close(&f));
}

static void test_places(void **state)
{
    struct fixture f;
    struct lte_atomic_file file;
    (void)state;
    fixture_open(&f);
    assert_int_equal(write_bytes(&f, "no/folder", DATA, 7), LTE_ERR_IO);
    assert_true(fixture_said(&f, "no/folder", "No such file", NULL));
    fixture_write(&f, "plain", "x", 1);
    assert_int_equal(write_bytes(&f, "plain/x", DATA, 7), LTE_ERR_IO);
    // A folder has the name: the rename fails, and nothing is left behind.
    assert_int_equal(mkdir(fixture_path(&f, "taken"), 0777), 0);
    assert_int_equal(write_bytes(&f, "taken", DATA, 7), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/taken: ", NULL));
    assert_int_equal(files_in(&f), 2);
    // Two at once do not meet.
    assert_int_equal(lte_atomic_begin(f.context, fixture_path(&f, "both"), &file), LTE_OK);
    assert_int_equal(lte_atomic_write(f.context, fixture_path(&f, "both"), "second", 6), LTE_OK);
    assert_int_equal(lte_atomic_put(&file, "first", 5), LTE_OK);
    assert_int_equal(lte_atomic_finish(&file), LTE_OK);
    size_t size;
    char *text = fixture_read(fixture_path(&f, "both"), &size);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "first", 5);
    free(text);
    assert_true(fixture_close(&f));
}

static enum lte_status write_x(struct fixture *f, void *opaque)
{
    (void)opaque;
    const enum lte_status status = write_bytes(f, "x", DATA, 7);
    assert_int_equal(files_in(f), status == LTE_OK);
    return status;
}

static void test_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    fixture_path(&f, "");
    assert_true(fixture_starve(&f, write_x, NULL, 2));
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
