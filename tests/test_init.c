// SPDX-License-Identifier: BSD-2-Clause
// Fresh models: the numbers they are drawn from, their distribution, and the files they leave.
#include "config.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model.h"
#include "lib/random.h"
#include "tests/fixture.h"

static void test_functions(void **state)
{
    double worst = 0, worst_exp = 0;
    (void)state;
    for (int i = -2000; i <= 2000; i++) {
        const double x = exp(i * 0.05), y = i * 0.049;
        worst = fmax(worst, fabs(lte_exact_log(x) - log(x)) / fmax(fabs(log(x)), 1e-3));
        worst_exp = fmax(worst_exp, fabs(lte_exact_exp(y) - exp(y)) / exp(y));
    }
    for (int i = 1; i < 200; i++) {
        const double x = i * 0.001;
        worst = fmax(worst, fabs(lte_exact_expm1(x) - expm1(x)) / expm1(x));
    }
    print_message("# worst relative error of log and expm1 %.2g, of exp %.2g\n", worst, worst_exp);
    assert_true(worst < 1e-14 && worst_exp < 1e-12);
}

// Pinned: these may never change, or seeds stop naming models.
static void test_pinned(void **state)
{
    const uint64_t key = lte_random_key(42, "model.norm.weight");
    (void)state;
    assert_true(key == UINT64_C(0x94dc7f3ee7f25b7a));
    assert_true(lte_random_bits(key, 0) == UINT64_C(0x8e541692760f7cdf));
    assert_true(lte_random_normal(key, 0) == 0x1.2047403495991p-3);
    assert_true(lte_random_normal(key, 1) == 0x1.859380f34629dp+0);
    assert_true(lte_random_normal(key, 123456789) == 0x1.3c0ef6a2691abp-2);
    assert_true(lte_random_key(43, "model.norm.weight") != key);
    assert_true(lte_random_key(42, "model.norm.weighu") != key);
}

// Mean, deviation, skew, kurtosis and tails of a million normals.
static void test_normal(void **state)
{
    enum { N = 1000000 };
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    unsigned beyond2 = 0, beyond4 = 0;
    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        const double x = lte_random_normal(1, i);
        m1 += x;
        m2 += x * x;
        m3 += x * x * x;
        m4 += x * x * x * x;
        beyond2 += fabs(x) > 2;
        beyond4 += fabs(x) > 4;
    }
    print_message("# mean %.4f variance %.4f skew %.4f kurtosis %.4f, %u beyond 2, %u beyond 4\n",
                  m1 / N, m2 / N, m3 / N, m4 / N, beyond2, beyond4);
    assert_true(fabs(m1 / N) < 0.005);      // five standard errors each
    assert_true(fabs(m2 / N - 1) < 0.0071);
    assert_true(fabs(m3 / N) < 0.0194);
    assert_true(fabs(m4 / N - 3) < 0.049);
    assert_true(abs((int)beyond2 - 45500) < 1050);
    assert_true(beyond4 > 30 && beyond4 < 110); // 63.3 expected
}

static const char small_config[] =
    "{\"model_type\":\"hybrid_gated_deltanet\",\"hidden_size\":64,\"num_hidden_layers\":2,"
    "\"num_heads\":2,\"head_dim\":32,\"expand_v\":1,\"vocab_size\":512,\"initializer_range\":0.006,"
    "\"tie_word_embeddings\":false,\"attn\":{\"layers\":[1],\"num_heads\":2,\"num_kv_heads\":1,"
    "\"attn_type\":\"lte\",\"window_size\":16,\"conv_size\":[3,3],\"conv_dilation\":[2,2],"
    "\"dropout_prob\":0.1,\"buffer_size\":8,\"sink_size\":2,\"routing_method\":\"sigmoid\","
    "\"routing_grad\":true,\"routing_shared\":\"head\",\"routing_freeze_steps\":0,"
    "\"l1_lambda_init\":1e-9,\"l1_lambda_min\":1e-9,\"l1_lambda_max\":1.0,\"l1_alpha\":1.5,"
    "\"l1_alpha_neg\":2,\"l1_warmup_steps\":0,\"l1_lambda_initial_steps\":0,"
    "\"l1_lambda_update_steps\":32,\"l1_lambda_shared\":\"head\","
    "\"l1_lambda_tolerate\":[0.95,1.0]}}";

static enum lte_status init(struct fixture *f, const char *folder, enum lte_dtype dtype,
                            uint64_t seed)
{
    fixture_write(f, "c.json", small_config, strlen(small_config));
    fixture_clear(f);
    return lte_model_init(f->context, fixture_path(f, "c.json"), fixture_path(f, folder), dtype,
                          seed);
}

static struct lte_model *load(struct fixture *f, const char *folder)
{
    struct lte_model *m;
    if (lte_model_load(f->context, fixture_path(f, folder), &m) != LTE_OK)
        fail_msg("%s", f->log);
    return m;
}

struct moments {
    double mean, deviation, low, high;
};

static struct moments measure(const struct lte_model *m, const char *name)
{
    const struct lte_tensor *t = lte_tensors_find(m->tensors, name);
    struct moments r = {0, 0, DBL_MAX, -DBL_MAX};
    assert_non_null(t);
    assert_int_equal(t->type, LTE_FILE_F32);
    for (uint64_t i = 0; i < t->elements; i++) {
        float x;
        memcpy(&x, (const unsigned char *)t->data + 4 * i, sizeof x);
        r.mean += x;
        r.deviation += (double)x * x;
        r.low = fmin(r.low, x);
        r.high = fmax(r.high, x);
    }
    r.mean /= (double)t->elements;
    r.deviation = sqrt(r.deviation / (double)t->elements);
    return r;
}

static void expect_normal(const struct lte_model *m, const char *name, double deviation)
{
    const struct moments r = measure(m, name);
    print_message("# %s: mean %.2g deviation %.6f, wanted %.6f\n", name, r.mean, r.deviation,
                  deviation);
    assert_true(fabs(r.deviation / deviation - 1) < 0.1);
    assert_true(fabs(r.mean) < deviation * 0.15);
    assert_true(r.high > 2 * deviation);
}

static void expect_uniform(const struct lte_model *m, const char *name, double bound)
{
    const struct moments r = measure(m, name);
    print_message("# %s: %.5f to %.5f, bound %.5f\n", name, r.low, r.high, bound);
    assert_true(r.low >= -bound && r.high <= bound);
    assert_true(r.low < -0.8 * bound && r.high > 0.8 * bound);
}

static void expect_constant(const struct lte_model *m, const char *name, double value)
{
    const struct moments r = measure(m, name);
    assert_true(r.low == value && r.high == value);
}

static void test_rules(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    assert_int_equal(init(&f, "m", LTE_DTYPE_F32, 1), LTE_OK);
    struct lte_model *m = load(&f, "m");
    const double depth = sqrt(2 * 2);
    expect_normal(m, "model.embeddings.weight", 0.006);
    expect_normal(m, "lm_head.weight", 0.006);
    expect_normal(m, "model.layers.0.attn.q_proj.weight", 0.006);
    expect_normal(m, "model.layers.0.attn.q_conv1d.weight", 0.006);
    expect_normal(m, "model.layers.1.attn.router.conv_stack.convs.0.weight", sqrt(2.0 / (64 * 3)));
    expect_normal(m, "model.layers.1.attn.router.conv_stack.convs.1.weight", sqrt(2.0 / (32 * 3)));
    expect_uniform(m, "model.layers.1.attn.router.conv_stack.convs.0.bias", 1 / sqrt(64 * 3));
    expect_constant(m, "model.layers.1.attn.router.conv_stack.proj.bias", 0.5);
    expect_constant(m, "model.norm.weight", 1);
    expect_constant(m, "model.layers.0.attn.o_norm.weight", 1);
    expect_uniform(m, "model.layers.0.attn.o_proj.weight", 1 / sqrt(64) / depth);
    expect_uniform(m, "model.layers.1.mlp.down_proj.weight", 1 / sqrt(256) / depth);
    const struct moments a = measure(m, "model.layers.0.attn.A_log");
    assert_true(a.high <= log(16));
    const struct moments dt = measure(m, "model.layers.0.attn.dt_bias");
    assert_true(log1p(exp(dt.low)) > 0.00099 && log1p(exp(dt.high)) < 0.101);
    uint64_t bad;
    assert_int_equal(lte_model_check(m, &bad), LTE_OK);
    assert_int_equal(bad, 0);
    lte_model_free(m);
    assert_true(fixture_close(&f));
}

static uint64_t hash_file(struct fixture *f, const char *name)
{
    size_t size;
    unsigned char *bytes = fixture_read(fixture_path(f, name), &size);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    free(bytes);
    return hash;
}

// The whole file, pinned for each type; any machine, any number of threads.
static void test_reproducible(void **state)
{
    static const uint64_t pinned[] = {UINT64_C(0x6d9c9e610c1ad7f1), UINT64_C(0x0fbf673c59fde998),
                                      UINT64_C(0xb7b3350f57a0937a)};
    struct fixture f;
    char name[32];
    (void)state;
    fixture_open(&f);
    for (unsigned dtype = 0; dtype < 3; dtype++) {
        snprintf(name, sizeof name, "m%u", dtype);
        assert_int_equal(init(&f, name, (enum lte_dtype)dtype, 7), LTE_OK);
        struct lte_model *m = load(&f, name);
        assert_int_equal(m->embeddings->type, dtype);
        assert_int_equal(m->norm->type, LTE_FILE_F32);
        assert_int_equal((uintptr_t)m->embeddings->data % 4, 0);
        lte_model_free(m);
        snprintf(name, sizeof name, "m%u/model.safetensors", dtype);
        print_message("# %s: 0x%016llx\n", name, (unsigned long long)hash_file(&f, name));
        assert_true(hash_file(&f, name) == pinned[dtype]);
    }
    assert_int_equal(init(&f, "other", LTE_DTYPE_F32, 8), LTE_OK);
    assert_true(hash_file(&f, "other/model.safetensors") != pinned[0]);
    assert_true(hash_file(&f, "other/config.json") == hash_file(&f, "c.json"));
    assert_true(fixture_close(&f));
}

static bool exists(struct fixture *f, const char *name)
{
    struct stat st;
    return stat(fixture_path(f, name), &st) == 0;
}

static void test_refusals(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    assert_int_equal(init(&f, "m", LTE_DTYPE_BF16, 1), LTE_OK);
    assert_int_equal(init(&f, "m", LTE_DTYPE_BF16, 1), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/m/model.safetensors: already there", NULL));
    assert_int_equal(unlink(fixture_path(&f, "m/model.safetensors")), 0);
    assert_int_equal(init(&f, "m", LTE_DTYPE_BF16, 1), LTE_OK); // the same config.json may stay
    assert_int_equal(unlink(fixture_path(&f, "m/model.safetensors")), 0);
    fixture_write(&f, "m/config.json", "{}", 2);
    assert_int_equal(init(&f, "m", LTE_DTYPE_BF16, 1), LTE_ERR_IO);
    assert_true(fixture_said(&f, "/m/config.json: already there and different", NULL));
    assert_false(exists(&f, "m/model.safetensors"));
    assert_int_equal(init(&f, "no/such/folder", LTE_DTYPE_BF16, 1), LTE_ERR_IO);
    assert_int_equal(init(&f, "c.json", LTE_DTYPE_BF16, 1), LTE_ERR_IO);
    assert_int_equal(init(&f, "new", (enum lte_dtype)3, 1), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_model_init(f.context, NULL, "x", LTE_DTYPE_F32, 1), LTE_ERR_ARGUMENT);
    assert_int_equal(lte_model_init(f.context, "/nonexistent", "x", LTE_DTYPE_F32, 1), LTE_ERR_IO);
    fixture_write(&f, "bad.json", "{}", 2);
    assert_int_equal(lte_model_init(f.context, fixture_path(&f, "bad.json"),
                                    fixture_path(&f, "new"), LTE_DTYPE_F32, 1),
                     LTE_ERR_FORMAT);
    assert_false(exists(&f, "new"));
    assert_true(fixture_close(&f));
}

// A failure leaves nothing on the disk.
static enum lte_status init_whole(struct fixture *f, void *opaque)
{
    (void)opaque;
    const enum lte_status status = lte_model_init(f->context, fixture_path(f, "c.json"),
                                                  fixture_path(f, "m"), LTE_DTYPE_F16, 1);
    assert_int_equal(exists(f, "m"), status == LTE_OK);
    return status;
}

static void test_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    fixture_write(&f, "c.json", small_config, strlen(small_config));
    assert_true(fixture_starve(&f, init_whole, NULL, 10));
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),    cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_normal),       cmocka_unit_test(test_rules),
        cmocka_unit_test(test_reproducible), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
