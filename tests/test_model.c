// SPDX-License-Identifier: BSD-2-Clause
// Loading models: the one that ships, and every way a folder can be wrong.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model.h"
#include "lib/safetensors_write.h"
#include "tests/fixture.h"

static const char *shipped(void)
{
    return fixture_source("data/lalte-tiny");
}

static void test_shipped(void **state)
{
    struct fixture f;
    struct lte_model *m;
    struct lte_model_info info;
    struct lte_layer_info layer;
    (void)state;
    fixture_open(&f);
    if (lte_model_load(f.context, shipped(), &m) != LTE_OK)
        fail_msg("%s", f.log);
    lte_model_describe(m, &info);
    assert_string_equal(info.family, "hybrid_gated_deltanet");
    assert_int_equal(info.layers, 6);
    assert_int_equal(info.loops, 1);
    assert_int_equal(info.width, 256);
    assert_int_equal(info.vocabulary, 4096);
    assert_int_equal(info.bos, 1);
    assert_int_equal(info.eos, 2);
    assert_int_equal(info.tensors, 107);
    assert_int_equal(info.buffers, 0);
    assert_ptr_equal(m->head, m->embeddings);
    assert_int_equal(lte_model_layer(m, 1, &layer), LTE_OK);
    assert_string_equal(layer.mixer, "lte");
    assert_int_equal(layer.query_heads, 4);
    assert_int_equal(layer.key_heads, 2);
    assert_int_equal(layer.key_dim, 64);
    assert_int_equal(layer.window, 65);
    assert_int_equal(layer.buffer, 64);
    assert_int_equal(layer.sinks, 4);
    assert_int_equal(lte_model_layer(m, 2, &layer), LTE_OK);
    assert_string_equal(layer.mixer, "gdn");
    assert_int_equal(layer.value_dim, 64);
    assert_int_equal(lte_model_layer(m, 6, &layer), LTE_ERR_ARGUMENT);
    assert_string_equal(m->layer[1].attention.evict.conv_weight[2]->name,
                        "model.layers.1.attn.router.conv_stack.convs.2.weight");
    uint64_t bad = 1;
    assert_int_equal(lte_model_check(m, &bad), LTE_OK);
    assert_int_equal(bad, 0);
    assert_non_null(lte_model_tokenizer(m));
    assert_int_equal(lte_tokenizer_size(lte_model_tokenizer(m)), 4096);
    // What the tensors hold is what was counted from the config.
    uint64_t elements = 0, bytes = 0;
    for (size_t i = 0; i < lte_tensors_count(m->tensors); i++) {
        elements += lte_tensors_at(m->tensors, i)->elements;
        bytes += lte_tensor_bytes(lte_tensors_at(m->tensors, i));
    }
    assert_int_equal(info.parameters, elements);
    assert_int_equal(info.weight_bytes, bytes);
    lte_model_free(m);
    assert_true(fixture_close(&f));
}


// A folder with a small fresh model, whose tensors can be taken out, changed and put back.
static const char config[] =
    "{\"model_type\":\"hybrid_gated_deltanet\",\"hidden_size\":32,\"num_hidden_layers\":3,"
    "\"num_heads\":1,\"head_dim\":16,\"expand_v\":1,\"vocab_size\":64,\"tie_word_embeddings\":true,"
    "\"intermediate_size\":16,\"attn\":{\"layers\":[1,2],\"num_heads\":2,\"num_kv_heads\":2,"
    "\"attn_type\":\"lte\",\"window_size\":16,\"conv_size\":[3,3],\"conv_dilation\":[2,2],"
    "\"dropout_prob\":0.1,\"buffer_size\":8,\"sink_size\":2,\"routing_method\":\"sigmoid\","
    "\"routing_grad\":true,\"routing_shared\":\"%s\",\"routing_freeze_steps\":0,"
    "\"l1_lambda_init\":1e-9,\"l1_lambda_min\":1e-9,\"l1_lambda_max\":1.0,\"l1_alpha\":1.5,"
    "\"l1_alpha_neg\":2,\"l1_warmup_steps\":0,\"l1_lambda_initial_steps\":0,"
    "\"l1_lambda_update_steps\":32,\"l1_lambda_shared\":\"%s\",\"l1_lambda_tolerate\":[0.95,1.0]}}";

static void fresh(struct fixture *f, const char *router, const char *lambda)
{
    char text[sizeof config + 32];
    snprintf(text, sizeof text, config, router, lambda);
    fixture_write(f, "config.json", text, strlen(text));
    unlink(fixture_path(f, "model.safetensors"));
    if (lte_model_init(f->context, fixture_path(f, "config.json"), f->folder, LTE_DTYPE_F32, 3))
        fail_msg("%s", f->log);
    fixture_clear(f);
}

struct edit {
    const char *name;         // of the tensor that is changed or added
    enum lte_file_type type;
    unsigned dims;            // REMOVE: it is taken out
    uint64_t shape[4];
};
enum { REMOVE = 99 };

// Writes the model again with one tensor removed, changed or added (filled with zeros).
static void rewrite(struct fixture *f, const struct edit *edit)
{
    static const unsigned char zeros[1 << 16];
    struct lte_tensors *old;
    struct lte_tensor list[128];
    struct lte_writer *w;
    size_t n = 0;
    bool found = false;
    assert_int_equal(lte_tensors_open(f->context, f->folder, &old), LTE_OK);
    const struct lte_tensor new = {.name = edit->name, .type = edit->type, .dims = edit->dims,
                                   .shape = {edit->shape[0], edit->shape[1], edit->shape[2],
                                             edit->shape[3]}};
    for (size_t i = 0; i < lte_tensors_count(old); i++) {
        const struct lte_tensor *t = lte_tensors_at(old, i);
        const bool hit = strcmp(t->name, edit->name) == 0;
        found |= hit;
        if (!hit || edit->dims != REMOVE)
            list[n++] = hit ? new : *t;
    }
    if (!found)
        list[n++] = new;
    assert_int_equal(
        lte_writer_begin(f->context, fixture_path(f, "model.safetensors"), list, n, &w), LTE_OK);
    for (size_t i = 0; i < n; i++) {
        uint64_t elements = 1;
        for (unsigned d = 0; d < list[i].dims; d++)
            elements *= list[i].shape[d];
        list[i].elements = elements;
        assert_int_equal(lte_writer_put(w, list[i].data ? list[i].data : zeros,
                                        (size_t)lte_tensor_bytes(&list[i])),
                         LTE_OK);
    }
    assert_int_equal(lte_writer_finish(w), LTE_OK);
    lte_tensors_close(old);
}

static void test_tensors(void **state)
{
    static const struct bad {
        struct edit edit;
        enum lte_status status;
        const char *says[3];
    } bad[] = {
        {{"model.norm.weight", 0, REMOVE, {0}},
         LTE_ERR_FORMAT,
         {"model.safetensors: tensor", "\"model.norm.weight\" is missing"}},
        {{"model.layers.1.attn.router.conv_stack.proj.bias", 0, REMOVE, {0}},
         LTE_ERR_FORMAT,
         {"router.conv_stack.proj.bias", "missing"}},
        {{"model.norm.weight", LTE_FILE_F32, 1, {31}},
         LTE_ERR_FORMAT,
         {"model.norm.weight", "[31]", "[32]"}},
        {{"model.norm.weight", LTE_FILE_F32, 2, {32, 1}},
         LTE_ERR_FORMAT,
         {"model.norm.weight", "[32, 1]", "[32]"}},
        {{"model.norm.weight", LTE_FILE_F32, 0, {0}}, LTE_ERR_FORMAT, {"model.norm.weight", "[]"}},
        {{"model.embeddings.weight", LTE_FILE_F32, 2, {32, 64}},
         LTE_ERR_FORMAT,
         {"model.embeddings.weight", "[32, 64]", "[64, 32]"}},
        {{"model.norm.weight", LTE_FILE_I32, 1, {32}},
         LTE_ERR_UNSUPPORTED,
         {"model.norm.weight", "I32", "BF16"}},
        {{"model.norm.weight", LTE_FILE_F64, 1, {32}},
         LTE_ERR_UNSUPPORTED,
         {"model.norm.weight", "F64"}},
        {{"model.layers.0.attn.q_proj.bias", LTE_FILE_F32, 1, {32}},
         LTE_ERR_FORMAT,
         {"layers.0.attn.q_proj.bias", "belongs to no part"}},
        {{"model.layers.3.attn_norm.weight", LTE_FILE_F32, 1, {32}},
         LTE_ERR_FORMAT,
         {"layers.3.attn_norm.weight", "belongs to no part"}},
        {{"lm_head.weight", LTE_FILE_F32, 2, {63, 32}},
         LTE_ERR_FORMAT,
         {"lm_head.weight", "[63, 32]"}},
        {{"model.num_kept", LTE_FILE_F32, 2, {3, 2}}, LTE_ERR_FORMAT, {"num_kept", "[2, 2]"}},
    };
    struct fixture f;
    struct lte_model *m;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fresh(&f, "head", "head");
        rewrite(&f, &bad[i].edit);
        fixture_clear(&f);
        const enum lte_status status = lte_model_load(f.context, f.folder, &m);
        if (status != bad[i].status)
            print_message("# %s: %s\n", bad[i].edit.name, lte_status_name(status));
        assert_int_equal(status, bad[i].status);
        assert_null(m);
        assert_true(
            fixture_said(&f, f.folder, bad[i].says[0], bad[i].says[1], bad[i].says[2], NULL));
    }
    assert_true(fixture_close(&f));
}

// Saved buffers are accepted with the shape of their sharing mode, and counted apart.
static void test_buffers(void **state)
{
    static const struct {
        const char *sharing;
        struct edit edit;
    } lambda[] = {
        {"all", {"model.l1_lambda", LTE_FILE_F32, 0, {0}}},
        {"layer", {"model.l1_lambda", LTE_FILE_F32, 1, {2}}},
        {"head", {"model.l1_lambda", LTE_FILE_F32, 2, {2, 2}}},
    };
    static const struct edit kept = {"model.num_kept", LTE_FILE_F32, 2, {2, 2}};
    static const struct edit freq = {"model.layers.2.attn.rotary.inv_freq", LTE_FILE_F32, 1, {8}};
    struct fixture f;
    struct lte_model_info info;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < 3; i++) {
        struct lte_model *m;
        fresh(&f, "head", lambda[i].sharing);
        assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
        lte_model_describe(m, &info);
        const uint32_t tensors = info.tensors;
        const uint64_t bytes = info.weight_bytes;
        lte_model_free(m);
        rewrite(&f, &lambda[i].edit);
        rewrite(&f, &kept);
        rewrite(&f, &freq);
        if (lte_model_load(f.context, f.folder, &m) != LTE_OK)
            fail_msg("%s", f.log);
        lte_model_describe(m, &info);
        assert_int_equal(info.buffers, 3);
        assert_int_equal(info.tensors, tensors);
        assert_int_equal(info.weight_bytes, bytes);
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

// A head that is there although the config says tied is used; a shared router may be saved once.
static void test_twins(void **state)
{
    static const struct edit head = {"lm_head.weight", LTE_FILE_BF16, 2, {64, 32}};
    static const struct edit again = {
        "model.layers.2.attn.router.conv_stack.proj.bias", LTE_FILE_F32, 1, {1}};
    struct fixture f;
    struct lte_model *m;
    (void)state;
    fixture_open(&f);
    fresh(&f, "head", "head");
    rewrite(&f, &head);
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
    assert_ptr_not_equal(m->head, m->embeddings);
    assert_string_equal(m->head->name, "lm_head.weight");
    assert_false(m->tied);
    lte_model_free(m);
    fresh(&f, "layer", "head");
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
    assert_false(m->layer[1].attention.evict.per_head);
    assert_ptr_not_equal(m->layer[1].attention.evict.proj_bias,
                         m->layer[2].attention.evict.proj_bias);
    lte_model_free(m);
    fresh(&f, "all", "head");
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
    assert_ptr_equal(m->layer[1].attention.evict.proj_bias, m->layer[2].attention.evict.proj_bias);
    lte_model_free(m);
    rewrite(&f, &again);
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
    assert_string_equal(m->layer[2].attention.evict.proj_bias->name, again.name);
    lte_model_free(m);
    assert_true(fixture_close(&f));
}

// Overwrites bytes of a tensor in the file.
static void poke(struct fixture *f, const char *tensor, size_t at, const void *bytes, size_t size)
{
    struct lte_tensors *t;
    size_t whole;
    unsigned char *file = fixture_read(fixture_path(f, "model.safetensors"), &whole);
    assert_int_equal(lte_tensors_from_memory(f->context, file, whole, "model.safetensors", &t),
                     LTE_OK);
    const struct lte_tensor *found = lte_tensors_find(t, tensor);
    memcpy(file + ((const unsigned char *)found->data - file) + at, bytes, size);
    lte_tensors_close(t);
    fixture_write(f, "model.safetensors", file, whole);
    free(file);
}

static void test_check(void **state)
{
    static const uint32_t nan = 0x7fc00000, infinity = 0xff800000;
    struct fixture f;
    struct lte_model *m;
    uint64_t bad;
    (void)state;
    fixture_open(&f);
    fresh(&f, "head", "head");
    poke(&f, "model.norm.weight", 4, &nan, 4);
    poke(&f, "model.norm.weight", 124, &infinity, 4);
    poke(&f, "model.embeddings.weight", 400, &infinity, 4);
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
    assert_int_equal(lte_model_check(m, &bad), LTE_OK);
    assert_int_equal(bad, 3);
    assert_true(fixture_said(&f, "\"model.norm.weight\": 2 of 32",
                             "\"model.embeddings.weight\": 1 of", NULL));
    assert_int_equal(lte_model_check(NULL, &bad), LTE_ERR_ARGUMENT);
    lte_model_free(m);
    assert_true(fixture_close(&f));
}

static void test_folders(void **state)
{
    struct fixture f;
    struct lte_model *m;
    (void)state;
    fixture_open(&f);
    assert_int_equal(lte_model_load(f.context, fixture_path(&f, "none"), &m), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/none/config.json: No such file", NULL));
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_ERR_IO);
    fresh(&f, "head", "head");
    unlink(fixture_path(&f, "model.safetensors"));
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/model.safetensors: No such file", NULL));
    fresh(&f, "head", "head");
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_OK);
    assert_null(lte_model_tokenizer(m));
    lte_model_free(m);
    fixture_write(&f, "tokenizer.json", "{", 1);
    assert_int_equal(lte_model_load(f.context, f.folder, &m), LTE_ERR_FORMAT);
    assert_true(fixture_said(&f, "/tokenizer.json", NULL));
    assert_int_equal(lte_model_load(NULL, f.folder, &m), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_model_load(f.context, NULL, &m), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_model_load(f.context, f.folder, NULL), LTE_ERR_ARGUMENT);
    lte_model_free(NULL);
    assert_true(fixture_close(&f));
}

static enum lte_status load_and_free(struct fixture *f, void *opaque)
{
    struct lte_model *m;
    (void)opaque;
    const enum lte_status status = lte_model_load(f->context, f->folder, &m);
    assert_int_equal(m != NULL, status == LTE_OK);
    lte_model_free(m);
    return status;
}

static void test_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    fresh(&f, "head", "head");
    assert_true(fixture_starve(&f, load_and_free, NULL, 10));
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped), cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_buffers), cmocka_unit_test(test_twins),
        cmocka_unit_test(test_check),   cmocka_unit_test(test_folders),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
