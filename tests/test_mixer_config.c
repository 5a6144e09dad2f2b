// SPDX-License-Identifier: BSD-2-Clause
// Configs of the families of linear mixers: every key's default, and every refusal by name.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/weights.h"
#include "tests/fixture.h"

#define BAD LTE_ERR_FORMAT
#define NOT LTE_ERR_UNSUPPORTED
#define MODEL(type) "{'model_type':'" type "','hidden_size':64,'num_hidden_layers':2"
#define KDA MODEL("kda") ",'num_heads':2,'head_dim':16"
#define DELTA MODEL("delta_net") ",'num_heads':4"
#define RETNET MODEL("retnet") ",'num_heads':4"
#define HGRN2 MODEL("hgrn2") ",'expand_ratio':16"
#define MAMBA2 MODEL("mamba2") ",'head_dim':16"
#define LT2 "{'model_type':'lt2','hidden_size':64,'num_hidden_layers':2,'num_heads':4,'layer_types':"

struct config_case {
    const char *config;
    enum lte_status status;
    const char *says[2];
};

// What is taken, and what is refused and why.
static const struct config_case cases[] = {
    {KDA "}", LTE_OK, {NULL}},
    {KDA ",'num_v_heads':4,'allow_neg_eigval':true,'safe_gate':true,'lower_bound':-5}", LTE_OK, {NULL}},
    {KDA ",'lower_bound':null,'use_short_conv':false,'expand_v':1.5}", LTE_OK, {NULL}},
    {KDA ",'num_v_heads':3}", BAD, {"num_v_heads", "no multiple"}},
    {KDA ",'lower_bound':0.5}", BAD, {"lower_bound", "0.5"}},
    {KDA ",'expand_v':1e4}", BAD, {"expand_v"}},
    {KDA ",'conv_size':0}", BAD, {"conv_size"}},
    {KDA ",'safe_gate':1}", BAD, {"safe_gate", "true or false"}},
    {MODEL("kda") ",'head_dim':100000}", BAD, {"head_dim"}},
    {KDA ",'use_gate':true}", NOT, {"use_gate", "not known"}},
    {KDA ",'attn':{'layers':[0],'num_heads':2,'buffer_size':4}}", NOT, {"attn.buffer_size"}},
    {KDA ",'attnres_block_size':null}", LTE_OK, {NULL}},
    {KDA ",'attnres_block_size':4}", NOT, {"attnres_block_size"}},

    {DELTA "}", LTE_OK, {NULL}},
    {DELTA ",'use_gate':true,'allow_neg_eigval':true,'use_output_norm':true,'qk_norm':'l2'}", LTE_OK, {NULL}},
    {MODEL("delta_net") ",'num_heads':3}", BAD, {"expand_k", "num_heads 3"}},
    {DELTA ",'expand_v':0.01}", BAD, {"expand_v"}},
    {DELTA ",'qk_norm':'sum'}", NOT, {"qk_norm", "\"l2\""}},
    {DELTA ",'qk_activation':'elu'}", NOT, {"qk_activation", "\"silu\""}},
    {DELTA ",'use_beta':false}", NOT, {"use_beta"}},
    {DELTA ",'head_dim':16}", NOT, {"head_dim", "not known"}},

    {RETNET "}", LTE_OK, {NULL}},
    {RETNET ",'num_kv_heads':2,'expand_k':0.5,'expand_v':1,'use_output_gate':false}", LTE_OK, {NULL}},
    {RETNET ",'feature_map':null,'conv_size':4,'use_short_conv':false}", LTE_OK, {NULL}},
    {RETNET ",'feature_map':'silu','hidden_act':'silu'}", LTE_OK, {NULL}},
    {RETNET ",'use_short_conv':true}", LTE_OK, {"use_short_conv", "without effect"}},
    {RETNET ",'num_kv_heads':3}", BAD, {"num_kv_heads", "3"}},
    {RETNET ",'expand_k':0.3}", BAD, {"expand_k", "num_heads 4"}},
    {MODEL("retnet") ",'num_heads':64}", BAD, {"expand_k", "pairs"}},
    {RETNET ",'feature_map':'relu'}", NOT, {"feature_map", "\"relu\""}},
    {RETNET ",'hidden_act':'gelu'}", NOT, {"hidden_act", "\"gelu\""}},
    {RETNET ",'gate_fn':'swish'}", NOT, {"gate_fn", "not known"}},
    {RETNET ",'attn':{'layers':[0,0],'num_heads':2}}", BAD, {"attn.layers", "twice"}},

    {HGRN2 "}", LTE_OK, {NULL}},
    {HGRN2 ",'num_heads':4,'use_lower_bound':false,'conv_size':4}", LTE_OK, {NULL}},
    {MODEL("hgrn2") ",'expand_ratio':null,'num_heads':2}", LTE_OK, {NULL}},
    {HGRN2 ",'num_heads':2}", BAD, {"num_heads", "4"}},
    {MODEL("hgrn2") ",'expand_ratio':24}", BAD, {"expand_ratio", "24"}},
    {MODEL("hgrn2") ",'expand_ratio':24,'use_lower_bound':false}", LTE_OK, {NULL}},
    {MODEL("hgrn2") ",'num_heads':3}", BAD, {"num_heads", "3"}},
    {MODEL("hgrn2") ",'expand_ratio':65}", BAD, {"expand_ratio", "65"}},
    {HGRN2 ",'use_short_conv':true}", NOT, {"use_short_conv"}},
    {HGRN2 ",'use_lower_bound':0}", BAD, {"use_lower_bound"}},
    {HGRN2 ",'expand_v':2}", NOT, {"expand_v", "not known"}},

    {MAMBA2 "}", LTE_OK, {NULL}},
    {MAMBA2 ",'dt_limit':[0.0,Infinity],'A_init_range':[1,16],'conv_init':null,'num_heads':8}", LTE_OK, {NULL}},
    {MAMBA2 ",'dt_limit':[0.1,{'__float__':'Infinity'}],'D_has_hdim':true,'use_bias':true}", LTE_OK, {NULL}},
    {MAMBA2 ",'rms_norm':false,'time_step_min':0.01,'time_step_max':0.2,'time_step_floor':1e-3,"
            "'time_step_limit':[0,Infinity],'time_step_rank':256,'layer_norm_epsilon':1e-6}", LTE_OK, {NULL}},
    {MAMBA2 ",'rms_norm':true,'rmsnorm':true}", BAD, {"rms_norm", "rmsnorm"}},
    {MAMBA2 ",'num_heads':7}", BAD, {"num_heads", "8"}},
    {MAMBA2 ",'n_groups':3}", BAD, {"n_groups", "3"}},
    {MODEL("mamba2") ",'head_dim':48}", BAD, {"head_dim", "128"}},
    {MAMBA2 ",'dt_limit':[2,1]}", BAD, {"dt_limit"}},
    {MAMBA2 ",'dt_limit':[1]}", BAD, {"dt_limit"}},
    {MAMBA2 ",'dt_limit':['Infinity',1]}", BAD, {"dt_limit", "\"Infinity\""}},
    {MAMBA2 ",'A_init_range':[0,16]}", BAD, {"A_init_range"}},
    {MAMBA2 ",'dt_max':1e-4}", BAD, {"dt_max"}},
    {MAMBA2 ",'conv_kernel':0}", BAD, {"conv_kernel"}},
    {MAMBA2 ",'hidden_act':'relu'}", NOT, {"hidden_act"}},
    {MAMBA2 ",'intermediate_size':64}", NOT, {"intermediate_size", "not known"}},
    {MAMBA2 ",'attn':{'layers':[0],'num_heads':2}}", NOT, {"attn", "not known"}},

    {LT2 "['kda','mamba2']}", LTE_OK, {NULL}},
    {LT2 "'hgrn2','hgrn2':{'expand_ratio':32}}", LTE_OK, {NULL}},
    {LT2 "'deltanet','deltanet':{'expand_k':0.5}}", LTE_OK, {NULL}},
    {LT2 "'retnet','retnet':{'gate':1}}", NOT, {"retnet.gate", "not known"}},
    {LT2 "'full','kda':{'num_v_heads':3}}", BAD, {"kda.num_v_heads"}},
    {LT2 "'hgrn2','hgrn2':{'use_lower_bound':true}}", NOT, {"hgrn2.use_lower_bound", "not known"}},
    {LT2 "'mamba2','mamba2':{'state_size':0}}", BAD, {"mamba2.state_size"}},
};

static enum lte_status configure(struct fixture *f, const char *text, struct lte_model **m)
{
    char json[1024];
    size_t n = 0;
    for (; text[n] && n + 1 < sizeof json; n++)
        json[n] = text[n] == '\'' ? '"' : text[n];
    fixture_clear(f);
    return lte_model_configure(f->context, "config.json", json, n, m);
}

static void test_keys(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct config_case *c = &cases[i];
        struct lte_model *m;
        const enum lte_status status = configure(&f, c->config, &m);
        if (status != c->status)
            print_message("# %s: %s: %s\n", c->config, lte_status_name(status), f.log);
        assert_int_equal(status, c->status);
        if (c->says[0])
            assert_true(fixture_said(&f, "config.json: ", c->says[0], c->says[1], NULL));
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

// Counted by hand from the reference's layers; what `lte info` says of a layer.
static void test_sizes(void **state)
{
    static const struct {
        const char *config, *mixer;
        uint64_t parameters;
        uint32_t key_heads, value_heads, key_dim, value_dim;
    } models[] = {
        // 2 layers of q and k 64x64, v, g and o 64x128 each, a norm of 32, an MLP of 3x64x256 and
        // two norms; embeddings and head of 32000x64, a norm
        {RETNET "}", "retnet", 2 * (2 * 4096 + 3 * 8192 + 32 + 3 * 16384 + 128) + 2 * 2048000 + 64,
         4, 4, 16, 32},
        {RETNET ",'num_kv_heads':2}", "retnet",
         2 * (4096 + 2048 + 4096 + 2 * 8192 + 32 + 3 * 16384 + 128) + 2 * 2048000 + 64, 2, 2, 16, 32},
        {HGRN2 "}", "hgrn2", 2 * (4 * 4096 + 64 + 3 * 16384 + 128) + 2 * 2048000 + 64 + 128, 4, 4, 16, 16},
        // in_proj of 128 + 128 + 2*128 + 8 rows, out_proj, 384 channels of 4 taps and a bias, three
        // numbers a head, two norms
        {MAMBA2 "}", "mamba2", 2 * (520 * 64 + 8192 + 384 * 5 + 24 + 128 + 64) + 2 * 2048000 + 64,
         1, 8, 128, 16},
    };
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct lte_model *m;
        struct lte_model_info info;
        struct lte_layer_info layer;
        if (configure(&f, models[i].config, &m) != LTE_OK)
            fail_msg("%s", f.log);
        lte_model_describe(m, &info);
        assert_int_equal(info.parameters, models[i].parameters);
        assert_int_equal(lte_model_layer(m, 1, &layer), LTE_OK);
        assert_string_equal(layer.mixer, models[i].mixer);
        assert_int_equal(layer.key_heads, models[i].key_heads);
        assert_int_equal(layer.value_heads, models[i].value_heads);
        assert_int_equal(layer.key_dim, models[i].key_dim);
        assert_int_equal(layer.value_dim, models[i].value_dim);
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

static enum lte_status check_decay(void *arg, const struct lte_weight *w)
{
    // Of Mamba2: matrices and the convolution decay, all else scales or shifts.
    size_t *seen = arg;
    const bool decays = strstr(w->name, "proj.weight") || strstr(w->name, "conv1d.weight") ||
                        strstr(w->name, "embeddings") || strstr(w->name, "lm_head");
    assert_int_equal(w->scale, !decays);
    ++*seen;
    return LTE_OK;
}

static void test_decay(void **state)
{
    static const char *const configs[] = {MAMBA2 ",'use_bias':true}", HGRN2 "}"};
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < 2; i++) {
        struct lte_model *m;
        size_t seen = 0;
        assert_int_equal(configure(&f, configs[i], &m), LTE_OK);
        assert_int_equal(lte_model_walk(m, check_decay, &seen), LTE_OK);
        assert_int_equal(seen, i ? 2 * 10 + 4 : 2 * 11 + 3);
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_decay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
