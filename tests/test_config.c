// SPDX-License-Identifier: BSD-2-Clause
// Configs alone: the published models' counts, every key's default and every refusal.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/weights.h"
#include "tests/fixture.h"

#define COMMON                                                                                   \
    "'bos_token_id':1,'eos_token_id':2,'hidden_act':'swish','hidden_ratio':4,"                   \
    "'intermediate_size':null,'initializer_range':0.006,'max_position_embeddings':4096,"         \
    "'num_hidden_layers':24,'fuse_cross_entropy':true,'use_cache':true,"
#define GDN                                                                                      \
    "'attn_mode':'chunk','conv_size':4,'expand_v':1,'use_gate':true,'use_short_conv':true,"      \
    "'num_heads':8,'norm_eps':1e-6,"
#define ODD "'layers':[1,3,5,7,9,11,13,15,17,19,21,23],"
#define LTE                                                                                      \
    "'attn_type':'lte','qkv_bias':false,'window_size':768,'rope_theta':10000,"                   \
    "'conv_size':[3,3,3],'conv_dilation':[2,2,2],'dropout_prob':0.1,'buffer_size':512,"          \
    "'sink_size':4,'routing_method':'sigmoid','routing_grad':true,'routing_shared':'head',"      \
    "'routing_freeze_steps':0,'l1_lambda_init':1e-9,'l1_lambda_min':1e-9,'l1_lambda_max':1.0,"   \
    "'l1_alpha':1.5,'l1_alpha_neg':2,'l1_warmup_steps':0,'l1_lambda_initial_steps':0,"           \
    "'l1_lambda_update_steps':32,'l1_lambda_shared':'head','l1_lambda_tolerate':[0.95,1.0]"
#define SMALL "'hidden_size':1024,'tie_word_embeddings':true,"
#define LARGE "'hidden_size':2048,'tie_word_embeddings':false,"
#define ATTN_04 "'attn':{" ODD "'num_heads':16,'num_kv_heads':16,"
#define ATTN_14 "'attn':{" ODD "'num_heads':32,'num_kv_heads':8,"
#define PLAIN "'model_type':'gated_deltanet',"
#define HYBRID "'model_type':'hybrid_gated_deltanet',"

#define LALTE "{" HYBRID COMMON GDN SMALL "'head_dim':128," ATTN_04 LTE "}}"

#define NSA "'num_heads':32,'num_kv_heads':2,'head_dim':64,'block_size':64,'block_counts':16,'window_size':512"
#define NSA_MODEL "{'model_type':'nsa'," COMMON SMALL NSA "}"

static const struct published {
    const char *name, *config;
    uint64_t parameters;
    uint32_t tensors;
    const char *mixers[2];
    uint32_t window;
} published[] = {
    {"transformer 0.4B",
     "{'model_type':'transformer'," COMMON SMALL "'num_heads':16,'rope_theta':10000.0}",
     341099520,
     218,
     {"attention", "attention"},
     0},
    {"transformer 1.4B",
     "{'model_type':'transformer'," COMMON LARGE
     "'num_heads':32,'num_kv_heads':8,'rope_theta':10000.0}",
     1213302784,
     219,
     {"attention", "attention"},
     0},
    {"gated_delta_net 0.4B",
     "{" PLAIN COMMON GDN SMALL "'head_dim':128,'attn':null}",
     366956928,
     434,
     {"gdn", "gdn"},
     0},
    {"gated_delta_net 1.4B",
     "{" PLAIN COMMON GDN LARGE "'head_dim':256}",
     1466343808,
     435,
     {"gdn", "gdn"},
     0},
    {"attn 0.4B",
     "{" PLAIN COMMON GDN SMALL "'head_dim':128," ATTN_04 "'window_size':null}}",
     354028224,
     326,
     {"gdn", "attention"},
     0},
    {"attn 1.4B",
     "{" PLAIN COMMON GDN LARGE "'head_dim':256," ATTN_14 "'window_size':null}}",
     1339823296,
     327,
     {"gdn", "attention"},
     0},
    {"swa 0.4B",
     "{" PLAIN COMMON GDN SMALL "'head_dim':128," ATTN_04 "'window_size':1024}}",
     354028224,
     326,
     {"gdn", "window"},
     1024},
    {"swa 1.4B",
     "{" PLAIN COMMON GDN LARGE "'head_dim':256," ATTN_14 "'window_size':1024}}",
     1339823296,
     327,
     {"gdn", "window"},
     1024},
    {"laLTE 0.4B", LALTE, 360246144, 422, {"gdn", "lte"}, 769},
    {"laLTE 1.4B",
     "{" HYBRID COMMON GDN LARGE "'head_dim':256," ATTN_14 LTE "}}",
     1342932256,
     423,
     {"gdn", "lte"},
     769},
    {"nsa 0.4B", NSA_MODEL, 349750272, 242, {"nsa", "nsa"}, 512},
    {"nsa 1.4B", "{'model_type':'nsa'," COMMON LARGE NSA "}", 1180272640, 243, {"nsa", "nsa"}, 512},
    {"hybrid nsa 0.4B",
     "{" HYBRID COMMON GDN SMALL "'head_dim':128,'attn':{" ODD "'attn_type':'nsa'," NSA "}}",
     358353600,
     338,
     {"gdn", "nsa"},
     512},
    {"hybrid nsa 1.4B",
     "{" HYBRID COMMON GDN LARGE "'head_dim':256,'attn':{" ODD "'attn_type':'nsa'," NSA "}}",
     1323308224,
     339,
     {"gdn", "nsa"},
     512},
};

// JSON written with single quotes.
static char *json_text(const char *text)
{
    char *copy = strdup(text);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

static enum lte_status configure(struct fixture *f, const char *text, struct lte_model **m)
{
    char *json = json_text(text);
    fixture_clear(f);
    const enum lte_status status =
        lte_model_configure(f->context, "config.json", json, strlen(json), m);
    free(json);
    return status;
}

static void test_published(void **state)
{
    struct fixture f;
    struct lte_model *m;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        const struct published *p = &published[i];
        struct lte_model_info info;
        print_message("# %s\n", p->name);
        if (configure(&f, p->config, &m) != LTE_OK)
            fail_msg("%s: %s", p->name, f.log);
        lte_model_describe(m, &info);
        assert_int_equal(info.parameters, p->parameters);
        assert_int_equal(info.tensors, p->tensors);
        assert_int_equal(info.vocabulary, 32000);
        assert_int_equal(m->mlp_width, info.width == 1024 ? 2816 : 5632);
        for (uint32_t n = 0; n < info.layers; n++) {
            struct lte_layer_info layer;
            assert_int_equal(lte_model_layer(m, n, &layer), LTE_OK);
            assert_string_equal(layer.mixer, p->mixers[n % 2]);
            assert_int_equal(layer.window, strcmp(layer.mixer, "gdn") ? p->window : 0);
        }
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

// Parameters of one weight name's family: what the walk says about them.
struct wanted {
    const char *part;
    uint64_t elements, tensors, buffers;
};

static enum lte_status sum_part(void *arg, const struct lte_weight *w)
{
    struct wanted *want = arg;
    if (!strstr(w->name, want->part))
        return LTE_OK;
    want->buffers += !w->slot;
    if (w->slot && !w->twin) {
        want->elements += w->elements;
        want->tensors++;
    }
    return LTE_OK;
}

static void expect_part(struct fixture *f, const char *config, const char *part, uint64_t elements,
                        uint64_t tensors)
{
    struct lte_model *m;
    struct wanted want = {.part = part};
    if (configure(f, config, &m) != LTE_OK)
        fail_msg("%s", f->log);
    assert_int_equal(lte_model_walk(m, sum_part, &want), LTE_OK);
    assert_int_equal(want.elements, elements);
    assert_int_equal(want.tensors, tensors);
    lte_model_free(m);
}

static void test_parts(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    expect_part(&f, LALTE, ".router.", 6217920, 12 * 8);
    expect_part(&f, published[9].config, ".router.", 3108960, 12 * 8);
    expect_part(&f, LALTE, "layers.0.attn.", 5271696, 13);
    expect_part(&f, LALTE, "layers.1.attn.", 4712464, 12);
    expect_part(&f, published[9].config, "layers.0.attn.", 21029136, 13);
    expect_part(&f, published[9].config, "layers.1.attn.", 10744840, 12);
    expect_part(&f, LALTE, "lm_head", 0, 0);
    assert_true(fixture_close(&f));
}

// A config that is LALTE with one key set (or, with NULL, removed); "attn." reaches inside.
static char *patched(const char *base, const char *key, const char *value)
{
    char *text = json_text(base);
    json_t *config = json_loads(text, 0, NULL), *object = config;
    assert_non_null(config);
    free(text);
    if (strncmp(key, "attn.", 5) == 0) {
        object = json_object_get(config, "attn");
        key += 5;
    }
    if (value) {
        char *json = json_text(value);
        assert_int_equal(
            json_object_set_new(object, key, json_loads(json, JSON_DECODE_ANY, NULL)), 0);
        free(json);
    } else {
        assert_int_equal(json_object_del(object, key), 0);
    }
    text = json_dumps(config, 0);
    json_decref(config);
    return text;
}

struct patch {
    const char *key, *value;
    enum lte_status status;
    const char *says[3];
};

// LTE_OK: accepted, and says[] are in the log (warnings).
static void try_patches(const char *base, const struct patch *patches, size_t count)
{
    struct fixture f;
    fixture_open(&f);
    for (size_t i = 0; i < count; i++) {
        const struct patch *p = &patches[i];
        struct lte_model *m;
        char *text = patched(base, p->key, p->value);
        const enum lte_status status = configure(&f, text, &m);
        if (status != p->status)
            print_message("# %s = %s: %s: %s\n", p->key, p->value, lte_status_name(status), f.log);
        assert_int_equal(status, p->status);
        assert_true((m != NULL) == (status == LTE_OK));
        if (status != LTE_OK)
            assert_true(fixture_said(&f, "config.json: ", p->key, NULL));
        assert_true(fixture_said(&f, p->says[0] ? p->says[0] : "", p->says[1], p->says[2], NULL));
        lte_model_free(m);
        free(text);
    }
    assert_true(fixture_close(&f));
}
#define TRY(base, patches) try_patches(base, patches, sizeof patches / sizeof patches[0])

#define BAD LTE_ERR_FORMAT
#define NOT LTE_ERR_UNSUPPORTED

static const struct patch model_keys[] = {
    {"model_type", "'mamba'", NOT, {"\"mamba\"", "\"transformer\", \"gated_deltanet\""}},
    {"model_type", "7", NOT, {"7"}},
    {"model_type", NULL, BAD, {"missing"}},
    {"hidden_size", NULL, BAD, {"missing"}},
    {"hidden_size", "0", BAD, {"0", "from 1 to"}},
    {"hidden_size", "-1", BAD, {"-1"}},
    {"hidden_size", "1024.0", BAD, {"1024"}},
    {"hidden_size", "'1024'", BAD, {"\"1024\""}},
    {"hidden_size", "1099511627776", BAD, {"1099511627776"}},
    {"hidden_size", "[1]", BAD, {"a list"}},
    {"hidden_size", "{}", BAD, {"an object"}},
    {"num_hidden_layers", "100000", BAD, {"100000"}},
    {"num_hidden_layers", NULL, BAD, {"missing"}},
    {"vocab_size", "0", BAD, {"0"}},
    {"vocab_size", "32768", LTE_OK, {NULL}},
    {"bos_token_id", "32000", BAD, {"32000", "31999"}},
    {"eos_token_id", "null", LTE_OK, {NULL}},
    {"eos_token_id", "-2", BAD, {"-2"}},
    {"hidden_act", "'gelu'", NOT, {"\"gelu\"", "\"swish\", \"silu\""}},
    {"hidden_act", "'silu'", LTE_OK, {NULL}},
    {"hidden_ratio", "0", BAD, {"0"}},
    {"intermediate_size", "0", BAD, {"0"}},
    {"intermediate_size", "1000", LTE_OK, {NULL}},
    {"norm_eps", "-1e-6", BAD, {"-1e-06"}},
    {"norm_eps", NULL, LTE_OK, {NULL}},
    {"initializer_range", "'x'", BAD, {"\"x\""}},
    {"tie_word_embeddings", "1", BAD, {"1", "true or false"}},
    {"fuse_norm", "3", BAD, {"3"}},
    {"fuse_norm", "false", LTE_OK, {NULL}},
    {"torch_dtype", "'bfloat16'", LTE_OK, {NULL}},
    {"dtype", "'float32'", LTE_OK, {NULL}},
    {"architectures", "['X']", LTE_OK, {NULL}},
    {"auto_map", "{'a':'b'}", LTE_OK, {NULL}},
    {"transformers_version", "'4.49.0'", LTE_OK, {NULL}},
    {"pad_token_id", "2", LTE_OK, {NULL}},
    {"attnres_block_size", "4", NOT, {"not known"}},
    {"rope_scaling", "{}", NOT, {"not known"}},
};

static const struct patch gdn_keys[] = {
    {"num_heads", NULL, BAD, {"missing"}},
    {"num_heads", "0", BAD, {"0"}},
    {"head_dim", "0", BAD, {"0"}},
    {"head_dim", NULL, LTE_OK, {NULL}},
    {"expand_v", "0.001", BAD, {"0.001", "128"}},
    {"expand_v", "65", BAD, {"65"}},
    {"expand_v", "1.5", LTE_OK, {NULL}},
    {"conv_size", "0", BAD, {"0"}},
    {"use_gate", "false", LTE_OK, {NULL}},
    {"use_short_conv", "false", LTE_OK, {NULL}},
    {"use_gate", "'yes'", BAD, {"\"yes\""}},
    {"conv_bias", "false", NOT, {"not known"}},
};

static const struct patch hybrid_keys[] = {
    {"num_v_heads", "16", LTE_OK, {"num_v_heads is 16", "without effect"}},
    {"allow_neg_eigval", "true", LTE_OK, {"allow_neg_eigval", "without effect"}},
    {"allow_neg_eigval", "false", LTE_OK, {NULL}},
    {"attn", "7", BAD, {"object"}},
    {"attn", "null", LTE_OK, {NULL}},
    {"attn.layers", NULL, BAD, {"missing"}},
    {"attn.layers", "3", BAD, {"list"}},
    {"attn.layers", "[24]", BAD, {"24", "23"}},
    {"attn.layers", "[3,3]", BAD, {"layer 3 twice"}},
    {"attn.layers", "[]", LTE_OK, {NULL}},
    {"attn.num_heads", NULL, BAD, {"missing"}},
    {"attn.num_heads", "3", BAD, {"3", "1024"}},
    {"attn.num_heads", "1024", BAD, {"1024", "heads of 1"}},
    {"attn.num_kv_heads", "3", BAD, {"3", "16"}},
    {"attn.num_kv_heads", NULL, LTE_OK, {NULL}},
    {"attn.rope_theta", "0", BAD, {"0"}},
    {"attn.qkv_bias", "true", LTE_OK, {NULL}},
    {"attn.attn_type", "'moba'", NOT, {"\"moba\"", "\"lte\""}},
    {"attn.window_size", NULL, BAD, {"missing"}},
    {"attn.window_size", "null", BAD, {"missing"}},
    {"attn.window_size", "0", BAD, {"0"}},
    {"attn.window_size", "-1", BAD, {"-1"}},
    {"attn.window_size", "5", NOT, {"5", "6 tokens ahead"}},
    {"attn.window_size", "6", LTE_OK, {NULL}},
    {"attn.buffer_size", "3", NOT, {"3", "4 sinks"}},
    {"attn.buffer_size", "4", LTE_OK, {NULL}},
    {"attn.buffer_size", "0", BAD, {"0"}},
    {"attn.sink_size", "-1", BAD, {"-1"}},
    {"attn.sink_size", "0", LTE_OK, {NULL}},
    {"attn.conv_size", "[3,4,3]", NOT, {"even size 4"}},
    {"attn.conv_size", "[3,3]", BAD, {"3", "2"}},
    {"attn.conv_size", "[]", BAD, {"0"}},
    {"attn.conv_size", "[3,'x',3]", BAD, {"\"x\""}},
    {"attn.conv_size", "[3,3,3,3,3,3,3,3,3]", NOT, {"9 entries", "8"}},
    {"attn.conv_size", "[1,3,5]", LTE_OK, {NULL}},
    {"attn.conv_dilation", "[0,2,2]", BAD, {"0"}},
    {"attn.conv_dilation", NULL, BAD, {"missing"}},
    {"attn.dropout_prob", "1.5", BAD, {"1.5"}},
    {"attn.routing_method", "'tanh'", NOT, {"\"tanh\"", "\"sigmoid\", \"relu\""}},
    {"attn.routing_method", "'relu'", LTE_OK, {NULL}},
    {"attn.routing_shared", "'none'", NOT, {"\"none\"", "\"head\", \"layer\", \"all\""}},
    {"attn.routing_shared", "'layer'", LTE_OK, {NULL}},
    {"attn.routing_shared", "'all'", LTE_OK, {NULL}},
    {"attn.routing_grad", "0", BAD, {"0"}},
    {"attn.routing_freeze_steps", "-1", BAD, {"-1"}},
    {"attn.l1_lambda_init", "-1", BAD, {"-1"}},
    {"attn.l1_alpha", NULL, BAD, {"missing"}},
    {"attn.l1_lambda_update_steps", "0", BAD, {"0"}},
    {"attn.l1_lambda_shared", "'x'", NOT, {"\"x\""}},
    {"attn.l1_lambda_tolerate", "[1.0]", BAD, {"two"}},
    {"attn.l1_lambda_tolerate", "[1.0,0.9]", BAD, {"two rising"}},
    {"attn.receptive_margin", "7", LTE_OK, {NULL}},
    {"attn.qk_norm", "true", NOT, {"not known"}},
    {"attn.block_size", "64", NOT, {"not known"}},
};

static const struct patch plain_keys[] = {
    {"num_v_heads", "16", LTE_OK, {NULL}},
    {"num_v_heads", "12", BAD, {"12", "8"}},
    {"num_v_heads", "null", LTE_OK, {NULL}},
    {"allow_neg_eigval", "true", LTE_OK, {NULL}},
    {"attn.window_size", "0", BAD, {"0"}},
    {"attn.window_size", NULL, LTE_OK, {NULL}},
    {"attn.qk_norm", "true", LTE_OK, {NULL}},
    {"attn.attn_type", "'lte'", NOT, {"not known"}},
    {"qk_norm", "true", NOT, {"not known"}},
};

static const struct patch transformer_keys[] = {
    {"window_size", "-5", BAD, {"-5"}},
    {"window_size", "100", LTE_OK, {NULL}},
    {"qk_norm", "true", LTE_OK, {NULL}},
    {"qkv_bias", "true", LTE_OK, {NULL}},
    {"num_kv_heads", "null", LTE_OK, {NULL}},
    {"rope_theta", NULL, LTE_OK, {NULL}},
    {"attn", "{}", NOT, {"not known"}},
    {"head_dim", "64", NOT, {"not known"}},
};

static const struct patch nsa_keys[] = {
    {"num_heads", NULL, BAD, {"missing"}},
    {"num_kv_heads", "3", BAD, {"3", "32"}},
    {"num_kv_heads", NULL, LTE_OK, {NULL}},
    {"head_dim", "63", BAD, {"63", "even"}},
    {"head_dim", NULL, LTE_OK, {NULL}},
    {"head_dim", "128", LTE_OK, {NULL}},
    {"block_size", NULL, BAD, {"missing"}},
    {"block_size", "0", BAD, {"0"}},
    {"block_counts", "2", BAD, {"2", "3 blocks"}},
    {"block_counts", "3", LTE_OK, {NULL}},
    {"window_size", "null", BAD, {"missing"}},
    {"qkv_bias", "true", LTE_OK, {NULL}},
    {"rope_theta", "0", BAD, {"0"}},
    {"qk_norm", "true", NOT, {"not known"}},
};

static void test_keys(void **state)
{
    (void)state;
    TRY(LALTE, model_keys);
    TRY(LALTE, gdn_keys);
    TRY(LALTE, hybrid_keys);
    TRY(published[4].config, plain_keys);
    TRY(published[0].config, transformer_keys);
    TRY(NSA_MODEL, nsa_keys);
}

// What a key that is accepted does.
static void test_meaning(void **state)
{
    struct fixture f;
    struct lte_model *m;
    (void)state;
    fixture_open(&f);
    char *text = patched(LALTE, "expand_v", "1.503");
    assert_int_equal(configure(&f, text, &m), LTE_OK);
    assert_int_equal(m->layer[0].gdn.value_dim, 192); // int(128 * 1.503)
    assert_int_equal(m->layer[0].gdn.conv_size, 4);
    assert_float_equal(m->norm_eps, 1e-6f, 0);
    lte_model_free(m);
    free(text);
    text = patched(LALTE, "use_short_conv", "false");
    assert_int_equal(configure(&f, text, &m), LTE_OK);
    assert_int_equal(m->layer[0].gdn.conv_size, 0);
    lte_model_free(m);
    expect_part(&f, text, "conv1d", 0, 0);
    free(text);
    text = patched(LALTE, "initializer_range", NULL);
    assert_int_equal(configure(&f, text, &m), LTE_OK);
    assert_float_equal(m->init_range, 0.006, 0); // the hybrid class's default; the others' is 0.02
    lte_model_free(m);
    free(text);
    text = patched(published[0].config, "initializer_range", NULL);
    assert_int_equal(configure(&f, text, &m), LTE_OK);
    assert_float_equal(m->init_range, 0.02, 0);
    lte_model_free(m);
    free(text);
    text = patched(LALTE, "eos_token_id", NULL);
    assert_int_equal(configure(&f, text, &m), LTE_OK);
    assert_int_equal(m->eos, -1);
    assert_int_equal(m->bos, 1);
    lte_model_free(m);
    free(text);
    text = patched(LALTE, "attn.routing_shared", "'all'");
    expect_part(&f, text, ".router.",
                64 * 128 * 3 + 64 + 32 * 64 * 3 + 32 + 16 * 32 * 3 + 16 + 16 + 1, 8);
    free(text);
    text = patched(LALTE, "attn.routing_shared", "'layer'");
    expect_part(&f, text, ".router.",
                12 * (64 * 128 * 3 + 64 + 32 * 64 * 3 + 32 + 16 * 32 * 3 + 16 + 16 + 1), 12 * 8);
    free(text);
    text = patched(published[4].config, "num_v_heads", "16");
    expect_part(&f, text, "layers.0.attn.A_log", 16, 1);
    expect_part(&f, text, "layers.0.attn.o_proj", 1024 * 16 * 128, 1);
    free(text);
    text = patched(published[0].config, "qkv_bias", "true");
    expect_part(&f, text, "layers.0.attn.q_proj.bias", 1024, 1);
    free(text);
    text = patched(published[0].config, "qk_norm", "true");
    expect_part(&f, text, "layers.0.attn.k_norm.weight", 64, 1);
    free(text);
    assert_int_equal(configure(&f,
                               "{'model_type':'transformer','hidden_size':6,'num_heads':3,"
                               "'num_hidden_layers':1,'hidden_ratio':0.001}",
                               &m),
                     LTE_OK);
    assert_int_equal(m->mlp_width, 256);
    lte_model_free(m);
    assert_true(fixture_close(&f));
}

static void test_syntax(void **state)
{
    static const struct lie {
        const char *text, *says;
    } lies[] = {
        {"", "config.json:"},
        {"{", "config.json:1:"},
        {"{\n'a':1,\n'a':2}", "config.json:3:"},
        {"{'a':1}x", "config.json:1:"},
        {"[]", "object"},
        {"{'a':99999999999999999999}", "too big"},
        {"{'a':NaN}", "config.json:1:"},
        {"{'model_type':'\\u0000'}", "config.json:1:"},
    };
    struct fixture f;
    struct lte_model *m;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        assert_int_equal(configure(&f, lies[i].text, &m), LTE_ERR_FORMAT);
        assert_null(m);
        assert_true(fixture_said(&f, lies[i].says, NULL));
    }
    assert_true(fixture_close(&f));
}

static enum lte_status configure_lalte(struct fixture *f, void *json)
{
    struct lte_model *m = NULL;
    const enum lte_status status =
        lte_model_configure(f->context, "config.json", json, strlen(json), &m);
    lte_model_free(m);
    return status;
}

static void test_memory(void **state)
{
    struct fixture f;
    char *json = json_text(LALTE);
    (void)state;
    fixture_open(&f);
    assert_true(fixture_starve(&f, configure_lalte, json, 2));
    free(json);
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_keys),      cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_syntax),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
