// SPDX-License-Identifier: BSD-2-Clause
// Conversion: the same logits where nothing was replaced, what replaced layers take over, refusals,
// bad files, no memory.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lte/convert.h"
#include "tests/check.h"
#include "tests/fixture.h"
#include "tests/inside.h"

enum { TOKENS = 33 };

static void set_text(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; from[n] && n + 1 < size; n++)
        to[n] = from[n] == '\'' ? '"' : from[n];
    to[n] = 0;
}

// A fresh model in folder `name` from a config.
static void make(struct fixture *f, const char *name, const char *config, enum lte_dtype type)
{
    char json[2048], file[64];
    set_text(json, sizeof json, config);
    snprintf(file, sizeof file, "%s.json", name);
    fixture_write(f, file, json, strlen(json));
    if (lte_model_init(f->context, fixture_path(f, file), fixture_path(f, name), type, 5) != LTE_OK)
        exit(99);
}

static enum lte_status convert(struct fixture *f, const char *from, const char *to,
                               const char *layout, const char *config)
{
    struct lte_convert_options o;
    char json[512];
    lte_convert_options_init(&o);
    o.layout = layout;
    if (config) {
        set_text(json, sizeof json, config);
        o.config = json;
    }
    o.seed = 9;
    return lte_convert(f->context, fixture_path(f, from), fixture_path(f, to), &o);
}

static struct lte_model *load(struct fixture *f, const char *name)
{
    struct lte_model *m;
    if (lte_model_load(f->context, fixture_path(f, name), &m) == LTE_OK)
        return m;
    printf("Bail out! %s\n", f->log);
    exit(99);
}

static void forget(struct fixture *f, const char *name)
{
    static const char *const files[] = {"config.json", "tokenizer.json", "model.safetensors"};
    char path[64];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        unlink(fixture_path(f, path));
    }
    rmdir(fixture_path(f, name));
}

static bool exists(struct fixture *f, const char *name)
{
    return access(fixture_path(f, name), F_OK) == 0;
}

static float *logits_of(const struct lte_model *m)
{
    float *logits = malloc((size_t)TOKENS * m->vocabulary * sizeof *logits);
    struct lte_session *s = inside_session(m, 16);
    uint32_t ids[TOKENS];
    for (uint32_t i = 0; i < TOKENS; i++)
        ids[i] = (i * 7 + i * i % 5) % m->vocabulary;
    if (lte_session_feed(s, ids, TOKENS, LTE_LOGITS_ALL, logits) != LTE_OK)
        exit(99);
    lte_session_free(s);
    return logits;
}

#define OURO                                                                                     \
    "{'model_type':'ouro','hidden_size':32,'num_hidden_layers':4,'vocab_size':61,"               \
    "'intermediate_size':40,'num_attention_heads':4,'num_key_value_heads':2,'head_dim':12,"      \
    "'initializer_range':0.2,'total_ut_steps':3,'early_exit_threshold':0.7,"                     \
    "'rms_norm_eps':1e-6,'rope_theta':1e6"
#define PLAIN                                                                                    \
    "{'model_type':'transformer','hidden_size':32,'num_hidden_layers':4,'vocab_size':61,"        \
    "'intermediate_size':40,'num_heads':4,'initializer_range':0.2"
#define LT2                                                                                      \
    "{'model_type':'lt2','hidden_size':32,'num_hidden_layers':4,'vocab_size':61,"                \
    "'intermediate_size':40,'num_heads':4,'num_kv_heads':2,'num_loops':2,"                       \
    "'gate_init_range':0.3,'initializer_range':0.2"

static const struct source {
    const char *name, *config;
    enum lte_dtype type;
} sources[] = {
    {"ouro", OURO "}", LTE_DTYPE_F32},
    {"ouro, tied, windows, bf16",
     OURO ",'tie_word_embeddings':true,'sliding_window':9,'bos_token_id':1,'eos_token_id':2,"
          "'layer_types':['full_attention','sliding_attention','full_attention','full_attention']}",
     LTE_DTYPE_BF16},
    {"transformer", PLAIN ",'num_kv_heads':4,'norm_eps':1e-5}", LTE_DTYPE_F16},
    {"transformer, norms, biases, window",
     PLAIN ",'num_kv_heads':1,'qk_norm':true,'qkv_bias':true,'window_size':7}", LTE_DTYPE_F32},
    {"lt2", LT2 ",'window_pattern':'SWA=7->full,SWA=5,full,full'}", LTE_DTYPE_F32},
    {"lt2, gate from q", LT2 ",'attn_gate':'query','residual_gate':'scalar'}", LTE_DTYPE_F32},
    {"lt2, gate from q by groups",
     LT2 ",'attn_gate':'query_group','block_residual':true,'residual_gate':'none'}", LTE_DTYPE_BF16},
    {"lt2, gate by element", LT2 ",'attn_gate':'element','rope_interleaved':false}", LTE_DTYPE_F32},
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

static void check_same(struct fixture *f, const struct source *s)
{
    make(f, "from", s->config, s->type);
    fixture_clear(f);
    if (convert(f, "from", "to", "full", NULL) != LTE_OK)
        exit(99);
    struct lte_model *from = load(f, "from"), *to = load(f, "to");
    float *a = logits_of(from), *b = logits_of(to);
    check_ok(!strcmp(to->family, "lt2") && from->parameters == to->parameters &&
                 !memcmp(a, b, (size_t)TOKENS * from->vocabulary * sizeof *a),
             "%s: all layers full gives the same logits", s->name);
    free(a);
    free(b);
    lte_model_free(from);
    lte_model_free(to);
    forget(f, "to");
}

static bool same_tensor(const struct lte_tensor *a, const struct lte_tensor *b)
{
    return a && b && a->type == b->type && lte_tensor_bytes(a) == lte_tensor_bytes(b) &&
           !memcmp(a->data, b->data, (size_t)lte_tensor_bytes(a));
}

// Row `row` of a equals row `from` of b.
static bool same_row(const struct lte_tensor *a, size_t row, const struct lte_tensor *b, size_t from)
{
    const size_t bytes = (size_t)a->shape[1] * lte_dtype_size((enum lte_dtype)a->type);
    return a->type == b->type &&
           !memcmp((const char *)a->data + row * bytes, (const char *)b->data + from * bytes, bytes);
}

// Where row r of head h of q lies in the source, said here once more.
static size_t q_row(const struct lte_attention *a, size_t h, size_t r)
{
    const size_t d = a->head_dim, group = a->heads / a->key_heads;
    if (a->gate == LTE_GATE_QUERY)
        return h * 2 * d + r;
    if (a->gate == LTE_GATE_QUERY_GROUP)
        return h / group * (2 * group * d) + h % group * d + r;
    return h * d + r;
}

static bool took_over(const struct lte_gdn *g, const struct lte_attention *a)
{
    bool good = same_tensor(g->o_proj, a->o_proj) && g->heads == a->heads &&
                g->key_dim == a->head_dim && g->value_dim == a->head_dim && !g->conv_size && g->gate;
    for (size_t h = 0; good && h < a->heads; h++)
        for (size_t r = 0; r < a->head_dim; r++) {
            const size_t row = h * a->head_dim + r;
            const size_t shared = h / (a->heads / a->key_heads) * a->head_dim + r;
            good = good && same_row(g->q_proj, row, a->q_proj, q_row(a, h, r)) &&
                   same_row(g->k_proj, row, a->k_proj, shared) &&
                   same_row(g->v_proj, row, a->v_proj, shared);
        }
    return good;
}

static bool same_layer(const struct lte_layer *a, const struct lte_layer *b)
{
    return same_tensor(a->attn_norm, b->attn_norm) && same_tensor(a->mlp_norm, b->mlp_norm) &&
           (!a->attn_out_norm || (same_tensor(a->attn_out_norm, b->attn_out_norm) &&
                                  same_tensor(a->mlp_out_norm, b->mlp_out_norm))) &&
           same_tensor(a->gate_proj, b->gate_proj) && same_tensor(a->up_proj, b->up_proj) &&
           same_tensor(a->down_proj, b->down_proj);
}

static void check_replaced(struct fixture *f, const struct source *s)
{
    make(f, "from", s->config, s->type);
    fixture_clear(f);
    if (convert(f, "from", "to", "gdn,gdn,gdn,full", NULL) != LTE_OK)
        exit(99);
    struct lte_model *from = load(f, "from"), *to = load(f, "to");
    bool good = same_tensor(from->embeddings, to->embeddings) && same_tensor(from->norm, to->norm) &&
                same_tensor(from->head, to->head) && to->loops == from->loops &&
                (!from->looping.exit_weight ||
                 (same_tensor(from->looping.exit_weight, to->looping.exit_weight) &&
                  same_tensor(from->looping.exit_bias, to->looping.exit_bias))) &&
                (!from->looping.residual_weight ||
                 same_tensor(from->looping.residual_weight, to->looping.residual_weight));
    for (uint32_t n = 0; n < 4; n++) {
        const struct lte_layer *a = &from->layer[n], *b = &to->layer[n];
        good = good && same_layer(a, b) && (b->mixer == LTE_MIXER_GDN) == (n < 3);
        if (n < 3)
            good = good && took_over(&b->gdn, &a->attention);
        else
            good = good && same_tensor(a->attention.q_proj, b->attention.q_proj) &&
                   same_tensor(a->attention.o_proj, b->attention.o_proj);
    }
    float *logits = logits_of(to);
    uint64_t bad = 0;
    lte_model_check(to, &bad);
    for (size_t i = 0; i < (size_t)TOKENS * to->vocabulary; i++)
        bad += !(logits[i] > -1e6f && logits[i] < 1e6f);
    check_ok(good && !bad, "%s: replaced layers take over q, k, v and o, others everything", s->name);
    free(logits);
    lte_model_free(from);
    lte_model_free(to);
    forget(f, "to");
}

#define DSA(top) \
    "{'dsa':{'index_n_heads':3,'index_head_dim':8,'index_topk':" top ",'index_last':4}}"

// Sparse layers take over all of attention, whose logits they give while they select every token.
static void check_sparse(struct fixture *f, const struct source *s)
{
    make(f, "from", s->config, s->type);
    fixture_clear(f);
    if (convert(f, "from", "to", "dsa", DSA("64")) != LTE_OK)
        exit(99);
    struct lte_model *from = load(f, "from"), *to = load(f, "to");
    float *a = logits_of(from), *b = logits_of(to);
    bool good = true;
    for (uint32_t n = 0; n < 4; n++)
        good = good && to->layer[n].mixer == LTE_MIXER_DSA &&
               same_layer(&from->layer[n], &to->layer[n]) &&
               same_tensor(from->layer[n].attention.q_proj, to->layer[n].attention.q_proj) &&
               same_tensor(from->layer[n].attention.o_proj, to->layer[n].attention.o_proj);
    const double error = inside_error(b, a, (size_t)TOKENS * from->vocabulary);
    check_ok(good && error < 1e-5, "%s: layers that select all tokens give the same logits, %.1e",
             s->name, error);
    free(a);
    free(b);
    lte_model_free(from);
    lte_model_free(to);
    forget(f, "to");
}

// Whether the weights of an indexer are as lte_model_init() draws them.
static bool is_fresh(const struct lte_indexer *i, double range)
{
    const struct lte_tensor *drawn[] = {i->q_proj, i->k_proj, i->weights_proj};
    bool good = true;
    for (size_t t = 0; t < 3; t++) {
        const float *x = drawn[t]->data;
        double sum = 0;
        for (size_t k = 0; k < drawn[t]->elements; k++)
            sum += (double)x[k] * x[k];
        const double size = sqrt(sum / (double)drawn[t]->elements);
        good = good && drawn[t]->type == LTE_FILE_F32 && size > 0.7 * range && size < 1.4 * range;
    }
    for (size_t k = 0; k < i->dim; k++)
        good = good && ((const float *)i->k_norm->data)[k] == 1 &&
               ((const float *)i->k_norm_bias->data)[k] == 0;
    return good;
}

// One sequence, another in every step.
static enum lte_status sequence(void *opaque, uint64_t step, uint32_t micro, struct lte_batch *batch)
{
    (void)opaque;
    (void)micro;
    for (size_t i = 0; i < batch->rows; i++) {
        batch->token[i] = (uint32_t)((i * i + (step + 3) * i % 17 * 5) % 61);
        batch->target[i] = (uint32_t)(i * 7 % 61);
    }
    batch->segment[0] = batch->rows;
    batch->segments = 1;
    return LTE_OK;
}

static bool taught_indexers(struct fixture *f, const char *folder, double loss[2])
{
    struct lte_train_options o;
    struct lte_train_report report;
    struct lte_trainer *t;
    lte_train_options_init(&o);
    o.steps = 20;
    o.rows = o.longest = 64;
    o.warmup_steps = 2;
    o.learning_rate = 0.02;
    o.index_only = 1;
    if (lte_trainer_load(f->context, fixture_path(f, folder), NULL, &o, &t) != LTE_OK)
        exit(99);
    for (uint64_t step = 0; step < o.steps; step++) {
        if (lte_trainer_step(t, sequence, NULL, &report) != LTE_OK)
            exit(99);
        loss[step > 0] = report.index_loss;
    }
    const bool saved = lte_trainer_save(t, fixture_path(f, "taught")) == LTE_OK;
    lte_trainer_free(t);
    return saved;
}

// Gated DeltaNet and sparse layers from one source; then indexers that learn, and nothing else.
static void check_gdn_dsa(struct fixture *f)
{
    double loss[2];
    make(f, "from", OURO "}", LTE_DTYPE_F32);
    if (convert(f, "from", "to", "interleaved:3:1:gdn:dsa", DSA("8")) != LTE_OK ||
        !taught_indexers(f, "to", loss))
        exit(99);
    struct lte_model *from = load(f, "from"), *to = load(f, "to"), *taught = load(f, "taught");
    bool good = to->layer[3].mixer == LTE_MIXER_DSA, kept = true;
    for (uint32_t n = 0; n < 3; n++) {
        good = good && took_over(&to->layer[n].gdn, &from->layer[n].attention);
        kept = kept && same_tensor(to->layer[n].gdn.a_proj, taught->layer[n].gdn.a_proj) &&
               same_tensor(to->layer[n].gdn.o_proj, taught->layer[n].gdn.o_proj);
    }
    const struct lte_attention *a = &to->layer[3].attention, *b = &taught->layer[3].attention;
    good = good && same_tensor(a->k_proj, from->layer[3].attention.k_proj);
    check_ok(good, "gdn and dsa: both take over what they can");
    check_ok(is_fresh(&a->index, to->init_range), "the indexer is fresh");
    kept = kept && same_tensor(a->q_proj, b->q_proj) && same_tensor(to->head, taught->head);
    check_ok(kept && !same_tensor(a->index.q_proj, b->index.q_proj) && loss[1] < 0.8 * loss[0],
             "index_only: it alone learns, its loss falls from %.3f to %.3f", loss[0], loss[1]);
    lte_model_free(from);
    lte_model_free(to);
    lte_model_free(taught);
    forget(f, "to");
    unlink(fixture_path(f, "taught/optimizer.safetensors"));
    forget(f, "taught");
    forget(f, "from");
}

// Mixers without a counterpart start afresh; what stands around them comes along.
static void check_afresh(struct fixture *f)
{
    make(f, "from", OURO "}", LTE_DTYPE_F32);
    if (convert(f, "from", "to", "retnet,hgrn2,mamba2,nsa", NULL) != LTE_OK)
        exit(99);
    struct lte_model *from = load(f, "from"), *to = load(f, "to");
    bool good = true;
    uint64_t bad = 0;
    for (uint32_t n = 0; n < 4; n++)
        good = good && same_layer(&from->layer[n], &to->layer[n]);
    float *logits = logits_of(to);
    lte_model_check(to, &bad);
    for (size_t i = 0; i < (size_t)TOKENS * to->vocabulary; i++)
        bad += !(logits[i] > -1e6f && logits[i] < 1e6f);
    check_ok(good && !bad && same_tensor(from->layer[3].attention.v_proj, to->layer[3].attention.v_proj),
             "retnet, hgrn2 and mamba2 start afresh, nsa with the source's attention");
    free(logits);
    lte_model_free(from);
    lte_model_free(to);
    forget(f, "to");
    forget(f, "from");
}

// The same seed gives the same bytes, whatever the threads; fresh weights are drawn by the recipe.
static void check_seed(struct fixture *f)
{
    struct lte_convert_options o;
    struct lte_context *two = inside_context(NULL, 2);
    size_t size[3];
    unsigned char *bytes[3];
    static const char *const file[] = {"a/model.safetensors", "b/model.safetensors",
                                       "c/model.safetensors"};
    make(f, "from", sources[0].config, LTE_DTYPE_F32);
    lte_convert_options_init(&o);
    o.seed = 3;
    bool good = lte_convert(f->context, fixture_path(f, "from"), fixture_path(f, "a"), &o) == LTE_OK &&
                lte_convert(two, fixture_path(f, "from"), fixture_path(f, "b"), &o) == LTE_OK &&
                lte_convert(two, fixture_path(f, "from"), fixture_path(f, "c"), NULL) == LTE_OK;
    for (size_t i = 0; i < 3; i++)
        bytes[i] = fixture_read(fixture_path(f, file[i]), &size[i]);
    good = good && bytes[0] && bytes[1] && bytes[2] && size[0] == size[1] && size[0] == size[2] &&
           !memcmp(bytes[0], bytes[1], size[0]) && memcmp(bytes[0], bytes[2], size[0]);
    struct lte_model *m = load(f, "a");
    uint32_t attention = 0;
    for (uint32_t n = 0; n < m->layers; n++)
        attention += m->layer[n].mixer == LTE_MIXER_ATTENTION;
    check_ok(good && attention == 1 && m->layer[3].mixer == LTE_MIXER_ATTENTION,
             "the same seed gives the same bytes; every fourth layer stays by default");
    lte_model_free(m);
    for (size_t i = 0; i < 3; i++)
        free(bytes[i]);
    lte_close(two);
    forget(f, "a");
    forget(f, "b");
    forget(f, "c");
}

static void refused(struct fixture *f, const char *from, const char *layout, const char *config,
                    enum lte_status want, const char *said)
{
    fixture_clear(f);
    const enum lte_status got = convert(f, from, "to", layout, config);
    check_ok(got == want && fixture_said(f, said, NULL) && !exists(f, "to"), "refused: %s", said);
}

static void check_refused(struct fixture *f)
{
    make(f, "from", sources[0].config, LTE_DTYPE_F32);
    make(f, "mixed", LT2 ",'layer_types':'3:1'}", LTE_DTYPE_F32);
    make(f, "blocks", LT2 ",'block_residual':true}", LTE_DTYPE_F32);
    make(f, "linear", "{'model_type':'gated_deltanet','hidden_size':32,'num_hidden_layers':1,"
                      "'num_heads':2,'head_dim':8,'vocab_size':61}", LTE_DTYPE_F32);
    refused(f, "none", "full", NULL, LTE_ERR_IO, "none/config.json");
    refused(f, "mixed", "full", NULL, LTE_ERR_UNSUPPORTED, "layer 0 is not attention");
    refused(f, "linear", "full", NULL, LTE_ERR_UNSUPPORTED, "is a gated_deltanet model");
    refused(f, "blocks", "2:1", NULL, LTE_ERR_UNSUPPORTED, "layout that lists every layer");
    refused(f, "from", "4:1,full", NULL, LTE_ERR_FORMAT, "layer_types: has \"4:1,full\"");
    refused(f, "from", "gdn,full", NULL, LTE_ERR_FORMAT, "lists 2 mixers for 4 layers");
    refused(f, "from", "conv", NULL, LTE_ERR_FORMAT, "which is no mixer");
    refused(f, "from", "full", "[]", LTE_ERR_FORMAT, "the keys given");
    refused(f, "from", "full", "{'gdns':{}}", LTE_ERR_UNSUPPORTED, "gdns");
    refused(f, "from", "full", "{'model_type':'x'}", LTE_ERR_UNSUPPORTED, "model_type");
    refused(f, "from", "full", "{'hidden_size':64}", LTE_ERR_FORMAT, "has shape");
    refused(f, "from", "gdn", "{'gdn':{'head_dim':16}}", LTE_ERR_UNSUPPORTED, "4 heads of 12 make 48");
    fixture_clear(f);
    check_ok(convert(f, "from", "mixed", "full", NULL) == LTE_ERR_IO &&
                 fixture_said(f, "mixed/model.safetensors: already there", NULL),
             "nothing is overwritten");
    check_ok(lte_convert(f->context, NULL, "x", NULL) == LTE_ERR_ARGUMENT &&
                 lte_convert(f->context, "x", NULL, NULL) == LTE_ERR_ARGUMENT &&
                 lte_convert(NULL, "x", "y", NULL) == LTE_ERR_ARGUMENT, "null pointers");
}

// Whatever byte of the source's files is wrong, or however early they end: an answer, and no file
// where it is not a model.
static void check_damage(struct fixture *f)
{
    static const char *const files[] = {"from/config.json", "from/model.safetensors"};
    bool good = true;
    unsigned refusals = 0;
    for (size_t i = 0; i < 2; i++) {
        make(f, "from", sources[0].config, LTE_DTYPE_F32);
        size_t size;
        unsigned char *bytes = fixture_read(fixture_path(f, files[i]), &size);
        for (size_t n = 0; n < 150; n++) {
            const size_t at = (n * n * 7 + n) % (size < 4000 ? size : 4000);
            const unsigned char old = bytes[at];
            bytes[at] ^= (unsigned char)(1 << n % 7);
            fixture_write(f, files[i], bytes, n % 3 ? size : at);
            fixture_clear(f);
            const enum lte_status status = convert(f, "from", "to", "3:1", NULL);
            good = good && (status == LTE_OK || (!exists(f, "to") && f->log[0]));
            refusals += status != LTE_OK;
            forget(f, "to");
            bytes[at] = old;
        }
        fixture_write(f, files[i], bytes, size);
        free(bytes);
        forget(f, "from");
    }
    check_ok(good && refusals > 150, "%u of 300 damaged sources were refused", refusals);
}

static void check_memory(struct fixture *f)
{
    make(f, "from", sources[1].config, sources[1].type);
    fixture_write(f, "from/tokenizer.json", "{}", 2);
    enum lte_status status = LTE_ERR_MEMORY;
    const size_t live = f->live;
    bool good = true;
    size_t n = 1;
    for (; status != LTE_OK && n < 500; n++) {
        fixture_clear(f);
        f->fail_at = n;
        status = convert(f, "from", "to", "2:2", NULL);
        f->fail_at = 0;
        good = good && f->live == live &&
               (status == LTE_OK || (status == LTE_ERR_MEMORY && !exists(f, "to")));
    }
    check_ok(good && n > 15 && n < 500 && exists(f, "to/tokenizer.json"),
             "out of memory at any of %zu allocations", n - 1);
}

int main(int argc, char **argv)
{
    struct fixture f;
    check_begin(argc, argv, "convert");
    fixture_open(&f);
    for (size_t i = 0; i < SOURCES; i++) {
        check_same(&f, &sources[i]);
        forget(&f, "from");
        check_replaced(&f, &sources[i]);
        forget(&f, "from");
    }
    for (size_t i = 0; i < SOURCES; i += 7) {
        check_sparse(&f, &sources[i]);
        forget(&f, "from");
    }
    check_gdn_dsa(&f);
    check_afresh(&f);
    check_seed(&f);
    forget(&f, "from");
    check_refused(&f);
    forget(&f, "from");
    check_damage(&f);
    check_memory(&f);
    check_ok(fixture_close(&f), "nothing is left");
    return check_end();
}
