// SPDX-License-Identifier: BSD-2-Clause
// Configs of looped models: the published sizes, layouts, every refusal.
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arch/pattern.h"
#include "lib/weights.h"
#include "tests/fixture.h"

static enum lte_status configure(struct fixture *f, const char *text, struct lte_model **m)
{
    char json[2048];
    size_t n = 0;
    for (; text[n] && n + 1 < sizeof json; n++)
        json[n] = text[n] == '\'' ? '"' : text[n];
    fixture_clear(f);
    return lte_model_configure(f->context, "config.json", json, n, m);
}

#define OURO                                                                                      \
    "{'model_type':'ouro','architectures':['OuroForCausalLM'],'attention_dropout':0.0,"           \
    "'head_dim':128,'hidden_act':'silu','hidden_size':2048,'initializer_range':0.02,"             \
    "'intermediate_size':5632,'max_position_embeddings':65536,'max_window_layers':24,"            \
    "'num_attention_heads':16,'num_key_value_heads':16,'rms_norm_eps':1e-6,'rope_scaling':null,"  \
    "'rope_theta':1000000.0,'sliding_window':null,'tie_word_embeddings':false,"                   \
    "'total_ut_steps':4,'early_exit_threshold':1.0,'use_sliding_window':false,'vocab_size':49152"

static void test_published(void **state)
{
    static const struct {
        const char *config;
        uint64_t parameters;
        uint32_t loops, layers, attention;
    } models[] = {
        // Per layer: 4 d^2 + 3 d 5632 + 4 d; and the embeddings, the head, the norm and the gate.
        {OURO ",'num_hidden_layers':24}", 1434652673, 4, 24, 24},
        {OURO ",'num_hidden_layers':48}", 2667974657, 4, 48, 48},
        {"{'model_type':'lt2','preset':'1.3b'}", 1442805248, 4, 20, 4},
        {"{'model_type':'lt2','preset':'1.3b','attn_gate':'none'}", 1426028032, 4, 20, 4},
        {"{'model_type':'lt2','preset':'1.3b','attn_gate':'none','layer_types':'full'}", 1290364928,
         4, 20, 20},
        {"{'model_type':'lt2','preset':'0.6b'}", 441465296, 4, 21, 4},
        // Less the gates, and in each of four layers an indexer: 576 d for queries and key, 128 of
        // the key's norm, 8 d for weights.
        {"{'model_type':'lt2','preset':'1.3b-dsa'}", 1430812672, 4, 20, 4},
        {"{'model_type':'lt2','preset':'0.6b-dsa'}", 439663568, 4, 21, 4},
    };
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct lte_model *m;
        struct lte_model_info info;
        uint32_t attention = 0;
        if (configure(&f, models[i].config, &m) != LTE_OK)
            fail_msg("%s: %s", models[i].config, f.log);
        lte_model_describe(m, &info);
        assert_int_equal(info.parameters, models[i].parameters);
        assert_int_equal(info.loops, models[i].loops);
        assert_int_equal(info.layers, models[i].layers);
        for (uint32_t n = 0; n < m->layers; n++) {
            attention += m->layer[n].mixer != LTE_MIXER_GDN;
            if (m->layer[n].mixer == LTE_MIXER_GDN) {
                assert_int_equal(m->layer[n].gdn.key_dim, 96);
                assert_int_equal(m->layer[n].gdn.value_dim, 192);
            }
        }
        assert_int_equal(attention, models[i].attention);
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

#define LT2                                                                                       \
    "{'model_type':'lt2','hidden_size':32,'num_hidden_layers':5,'num_heads':2,'vocab_size':64"

static char letter_of(enum lte_mixer mixer)
{
    static const char letters[LTE_MIXERS] = {[LTE_MIXER_GDN] = 'g', [LTE_MIXER_ATTENTION] = 'f',
                                             [LTE_MIXER_NSA] = 'n', [LTE_MIXER_DSA] = 'd'};
    return letters[mixer];
}

static void test_layouts(void **state)
{
    static const struct {
        const char *layout, *layers;
        uint32_t block;
    } layouts[] = {
        {"'full'", "fffff", 5},
        {"'gdn'", "ggggg", 5},
        {"'4:1'", "ggggf", 5},
        {"'1:1'", "gfgfg", 2},
        {"'interleaved:1:2:full:gdn'", "fggfg", 3},
        {"'bookend:1'", "fgggf", 5},
        {"'bookend:0'", "ggggg", 5},
        {"'bookend:4'", "fffff", 5},
        {"'gdn,full,gdn,gdn,full'", "gfggf", 5},
        {"['gdn','full','gdn','gdn','full']", "gfggf", 5},
        {"'interleaved:4:1:gdn:dsa'", "ggggd", 5},
        {"'dsa'", "ddddd", 5},
        {"'nsa,dsa,full,dsa,nsa'", "ndfdn", 5},
    };
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        char text[512];
        struct lte_model *m;
        snprintf(text, sizeof text, LT2 ",'block_residual':true,'layer_types':%s}",
                 layouts[i].layout);
        if (configure(&f, text, &m) != LTE_OK)
            fail_msg("%s: %s", text, f.log);
        for (uint32_t n = 0; n < 5; n++)
            assert_int_equal(letter_of(m->layer[n].mixer), layouts[i].layers[n]);
        assert_int_equal(m->looping.block, layouts[i].block);
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

static void test_windows(void **state)
{
    static const struct {
        const char *pattern;
        uint32_t window[2][5];
    } patterns[] = {
        {"full", {{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}},
        {"SWA=3", {{3, 3, 3, 3, 3}, {3, 3, 3, 3, 3}}},
        {"3:1", {{9, 9, 9, 0, 9}, {9, 9, 9, 0, 9}}},
        {"bookend:1", {{0, 9, 9, 9, 0}, {0, 9, 9, 9, 0}}},
        {"SWA=128->full", {{128, 128, 128, 128, 128}, {0, 0, 0, 0, 0}}},
        {"sandwich:2->1:1", {{0, 0, 9, 0, 0}, {9, 0, 9, 0, 9}}},
        {"full,SWA=2,full,full,SWA=7->full", {{0, 2, 0, 0, 7}, {0, 0, 0, 0, 0}}},
    };
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        char text[512];
        struct lte_model *m;
        snprintf(text, sizeof text, LT2 ",'num_loops':2,'window_size':9,'window_pattern':'%s'}",
                 patterns[i].pattern);
        if (configure(&f, text, &m) != LTE_OK)
            fail_msg("%s: %s", text, f.log);
        for (uint32_t s = 0; s < 10; s++)
            assert_int_equal(lte_model_window(m, s), patterns[i].window[s / 5][s % 5]);
        lte_model_free(m);
    }
    assert_true(fixture_close(&f));
}

static void test_refused(void **state)
{
    static const struct {
        const char *config;
        enum lte_status status;
        const char *says[2];
    } cases[] = {
        {LT2 ",'layer_types':'mla'}", LTE_ERR_UNSUPPORTED, {"layer_types", "\"mla\", which this"}},
        {LT2 ",'dsa':{'topk':7}}", LTE_ERR_UNSUPPORTED, {"dsa.topk", "not known"}},
        {LT2 ",'dsa':{'index_topk':0}}", LTE_ERR_FORMAT, {"dsa.index_topk"}},
        {LT2 ",'dsa':{'index_topk':8,'index_first':5,'index_last':4}}", LTE_ERR_FORMAT,
         {"dsa.index_topk", "index_last are 9"}},
        {LT2 ",'dsa':{'index_rope_dim':7}}", LTE_ERR_FORMAT, {"dsa.index_rope_dim", "even"}},
        {LT2 ",'dsa':{'index_head_dim':8,'index_rope_dim':10}}", LTE_ERR_FORMAT, {"index_rope_dim"}},
        {LT2 ",'dsa':{'index_scorer':'dot'}}", LTE_ERR_UNSUPPORTED, {"dsa.index_scorer", "mean_dot"}},
        {LT2 ",'nsa':{'block_counts':2}}", LTE_ERR_FORMAT, {"nsa.block_counts"}},
        {LT2 ",'nsa':{'blocks':2}}", LTE_ERR_UNSUPPORTED, {"nsa.blocks", "not known"}},
        {LT2 ",'layer_types':'nsa','qk_norm':true}", LTE_ERR_UNSUPPORTED, {"qk_norm", "native"}},
        {LT2 ",'layer_types':'interleaved:4:1:cot_gdp:full'}", LTE_ERR_UNSUPPORTED, {"\"cot_gdp\""}},
        {LT2 ",'layer_types':'gdn,full'}", LTE_ERR_FORMAT, {"2 mixers for 5 layers"}},
        {LT2 ",'layer_types':'gdn,full,full,full,full,full'}", LTE_ERR_FORMAT, {"6 mixers for 5"}},
        {LT2 ",'layer_types':'soup'}", LTE_ERR_FORMAT, {"layer_types", "\"soup\""}},
        {LT2 ",'layer_types':''}", LTE_ERR_FORMAT, {"layer_types", "0 mixers"}},
        {LT2 ",'layer_types':'4:'}", LTE_ERR_FORMAT, {"\"4:\""}},
        {LT2 ",'layer_types':'0:0'}", LTE_ERR_FORMAT, {"\"0:0\""}},
        {LT2 ",'layer_types':'4:1:gdn:full'}", LTE_ERR_FORMAT, {"\"4:1:gdn:full\""}},
        {LT2 ",'layer_types':'4294967295:1'}", LTE_ERR_FORMAT, {"layer_types"}},
        {LT2 ",'layer_types':'interleaved:1:1:gdn'}", LTE_ERR_FORMAT, {"layer_types"}},
        {LT2 ",'layer_types':'bookend:x'}", LTE_ERR_FORMAT, {"\"bookend:x\""}},
        {LT2 ",'layer_types':7}", LTE_ERR_FORMAT, {"layer_types", "a list of strings"}},
        {LT2 ",'layer_types':['gdn',7]}", LTE_ERR_FORMAT, {"layer_types", "a list of strings"}},
        {LT2 ",'window_pattern':'random:1:1'}", LTE_ERR_UNSUPPORTED, {"window_pattern", "random"}},
        {LT2 ",'window_pattern':'SWA=0'}", LTE_ERR_FORMAT, {"\"SWA=0\""}},
        {LT2 ",'window_pattern':'SWA=4,full'}", LTE_ERR_FORMAT, {"window_pattern"}},
        {LT2 ",'window_pattern':'full->full'}", LTE_ERR_FORMAT, {"2 loops, num_loops is 4"}},
        {LT2 ",'window_pattern':'full->full->->full'}", LTE_ERR_FORMAT, {"window_pattern"}},
        {LT2 ",'num_loops':0}", LTE_ERR_FORMAT, {"num_loops"}},
        {LT2 ",'num_loops':65}", LTE_ERR_FORMAT, {"num_loops", "65"}},
        {LT2 ",'attn_gate':'half'}", LTE_ERR_UNSUPPORTED, {"attn_gate", "\"query_group\""}},
        {LT2 ",'residual_gate':true}", LTE_ERR_UNSUPPORTED, {"residual_gate", "true"}},
        {LT2 ",'preset':'7b'}", LTE_ERR_UNSUPPORTED, {"preset", "\"1.3b\""}},
        {LT2 ",'use_residual':true}", LTE_ERR_UNSUPPORTED, {"use_residual", "not known"}},
        {LT2 ",'gdn':{'dsa_topk':7}}", LTE_ERR_UNSUPPORTED, {"gdn.dsa_topk", "not known"}},
        {LT2 ",'gdn':{'num_v_heads':3}}", LTE_ERR_FORMAT, {"gdn.num_v_heads"}},
        {LT2 ",'gdn':7}", LTE_ERR_FORMAT, {"gdn", "object"}},
        {"{'model_type':'lt2','num_hidden_layers':5,'num_heads':2}", LTE_ERR_FORMAT,
         {"hidden_size"}},
        {OURO "}", LTE_ERR_FORMAT, {"num_hidden_layers", "missing"}},
        {OURO ",'num_hidden_layers':2,'layer_types':['full_attention']}", LTE_ERR_FORMAT,
         {"layer_types", "layer 1"}},
        {OURO ",'num_hidden_layers':1,'layer_types':['full_attention','full_attention']}",
         LTE_ERR_FORMAT, {"layer_types", "more than 1"}},
        {OURO ",'num_hidden_layers':1,'layer_types':['chunked_attention']}", LTE_ERR_UNSUPPORTED,
         {"layer_types", "\"chunked_attention\""}},
        {OURO ",'num_hidden_layers':1,'attention_bias':true}", LTE_ERR_UNSUPPORTED,
         {"attention_bias"}},
        {OURO ",'num_hidden_layers':1,'ut_mode':3}", LTE_ERR_UNSUPPORTED, {"ut_mode", "not known"}},
        {"{'model_type':'ouro','hidden_size':8,'num_hidden_layers':1,'vocab_size':9,"
         "'intermediate_size':4,'num_attention_heads':2,'rope_scaling':{'rope_type':'yarn'}}",
         LTE_ERR_UNSUPPORTED, {"rope_scaling", "null"}},
        {"{'model_type':'ouro','hidden_size':8,'num_hidden_layers':1,'vocab_size':9,"
         "'intermediate_size':4,'num_attention_heads':3,'num_key_value_heads':2}",
         LTE_ERR_FORMAT, {"num_key_value_heads", "3"}},
        {"{'model_type':'ouro','hidden_size':8,'num_hidden_layers':1,'vocab_size':9,"
         "'intermediate_size':4,'num_attention_heads':8}",
         LTE_ERR_FORMAT, {"head_dim", "even"}},
        {"{'model_type':'ouro','hidden_size':8,'num_hidden_layers':1,'vocab_size':9,"
         "'intermediate_size':4,'num_attention_heads':2,'total_ut_steps':0}",
         LTE_ERR_FORMAT, {"total_ut_steps"}},
        {"{'model_type':'ouro','hidden_size':8,'num_hidden_layers':1,'vocab_size':9,"
         "'intermediate_size':4,'num_attention_heads':2,'early_exit_threshold':0}",
         LTE_ERR_FORMAT, {"early_exit_threshold"}},
    };
    struct fixture f;
    (void)state;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lte_model *m;
        const enum lte_status status = configure(&f, cases[i].config, &m);
        if (status != cases[i].status)
            print_message("# %s: %s: %s\n", cases[i].config, lte_status_name(status), f.log);
        assert_int_equal(status, cases[i].status);
        assert_null(m);
        assert_true(fixture_said(&f, "config.json: ", cases[i].says[0], cases[i].says[1], NULL));
    }
    assert_true(fixture_close(&f));
}

static enum lte_status configure_loops(struct fixture *f, void *opaque)
{
    static const char text[] = "{\"model_type\":\"lt2\",\"hidden_size\":32,\"num_heads\":2,"
                               "\"num_hidden_layers\":2,\"num_loops\":2,"
                               "\"window_pattern\":\"full->SWA=2\"}";
    struct lte_model *m = NULL;
    (void)opaque;
    const enum lte_status status =
        lte_model_configure(f->context, "config.json", text, sizeof text - 1, &m);
    lte_model_free(m);
    return status;
}

static void test_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    assert_true(fixture_starve(&f, configure_loops, NULL, 3));
    assert_true(fixture_close(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_windows),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("looped_config", tests, NULL, NULL);
}
