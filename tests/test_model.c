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

#include <cmocka.h>

#include "lib/model.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
