// SPDX-License-Identifier: BSD-2-Clause
// The config of a converted model: the source's own numbers under the names of "lt2".
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/convert.h"
#include "lib/json.h"

// Indexed by the enumerations of lib/model.h; as lib/arch/lt2.c reads them.
static const char *const gates[] = {"none", "element", "head", "query", "query_group"};
static const char *const residuals[] = {"none", "channel", "scalar"};

static enum lte_status check_source(const struct lte_model *m, const char *name)
{
    if (strcmp(m->family, "ouro") && strcmp(m->family, "transformer") && strcmp(m->family, "lt2"))
        return lte_fail(m->context, LTE_ERR_UNSUPPORTED,
                        "%s: is a %s model; those of ouro, transformer and lt2 can be converted", name,
                        m->family);
    for (uint32_t n = 0; n < m->layers; n++)
        if (m->layer[n].mixer != LTE_MIXER_ATTENTION)
            return lte_fail(m->context, LTE_ERR_UNSUPPORTED,
                            "%s: layer %u is not attention; only a model whose layers all are can be "
                            "converted", name, (unsigned)n);
    return LTE_OK;
}

// A config being written; jansson says with NULL and -1 that memory ran out.
struct draft {
    json_t *keys;
    bool failed;
};

static void put(struct draft *d, const char *key, json_t *value)
{
    if (json_object_set_new(d->keys, key, value))
        d->failed = true;
}

static void put_u32(struct draft *d, const char *key, uint32_t value)
{
    put(d, key, json_integer(value));
}

// The shortest number that is this fp32 again.
static void put_real(struct draft *d, const char *key, float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    put(d, key, json_real(strtod(text, NULL)));
}

static void put_token(struct draft *d, const char *key, int32_t id)
{
    if (id >= 0)
        put(d, key, json_integer(id));
}

static void put_sizes(struct draft *d, const struct lte_model *m)
{
    put_u32(d, "hidden_size", m->width);
    put_u32(d, "num_hidden_layers", m->layers);
    put_u32(d, "intermediate_size", m->mlp_width);
    put_u32(d, "vocab_size", m->vocabulary);
    put_real(d, "norm_eps", m->norm_eps);
    put(d, "tie_word_embeddings", json_boolean(m->tied));
    put_token(d, "bos_token_id", m->bos);
    put_token(d, "eos_token_id", m->eos);
}

static void put_attention(struct draft *d, const struct lte_model *m)
{
    const struct lte_attention *a = &m->layer[0].attention;
    put_u32(d, "num_heads", a->heads);
    put_u32(d, "num_kv_heads", a->key_heads);
    put_u32(d, "head_dim", a->head_dim);
    put_real(d, "rope_theta", a->rope_theta);
    put(d, "rope_interleaved", json_boolean(a->rope_pairs));
    put(d, "qkv_bias", json_boolean(a->qkv_bias));
    put(d, "qk_norm", json_boolean(a->qk_norm));
    put(d, "attn_gate", json_string(gates[a->gate]));
}

static void put_loops(struct draft *d, const struct lte_model *m)
{
    const struct lte_looping *l = &m->looping;
    put_u32(d, "num_loops", l->trained);
    put(d, "residual_gate", json_string(residuals[l->residual]));
    put(d, "block_residual", json_boolean(l->block > 0));
    put(d, "out_norms", json_boolean(m->out_norms));
    put(d, "loop_norm", json_boolean(l->norm));
    put(d, "exit_gate", json_boolean(l->exit_gate));
    if (l->exit_gate)
        put_real(d, "early_exit_threshold", l->exit_threshold);
}

// The new layers' heads are those of the attention that they replace.
static void put_gdn(struct draft *d, const struct lte_attention *a)
{
    put(d, "gdn", json_pack("{s:i,s:i,s:i,s:b,s:b}", "num_heads", (int)a->heads, "head_dim",
                            (int)a->head_dim, "expand_v", 1, "use_short_conv", 0, "use_gate", 1));
}

static bool same_row(const uint32_t *window, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (window[i] != window[0])
            return false;
    return true;
}

static size_t write_window(char *text, size_t size, const char *before, uint32_t window)
{
    const int n = window ? snprintf(text, size, "%sSWA=%u", before, (unsigned)window)
                         : snprintf(text, size, "%sfull", before);
    return (size_t)n;
}

// Windows as a text, loops joined by "->"; layers that all have the same are one entry.
static void put_windows(struct draft *d, const struct lte_model *m)
{
    enum { ENTRY = 16 };
    const uint32_t loops = m->looping.window ? m->looping.trained : 1, layers = m->layers;
    const size_t size = (size_t)loops * layers * ENTRY + 1;
    uint32_t *window = malloc(layers * sizeof *window);
    char *text = malloc(size);
    size_t used = 0;
    bool any = false;
    for (uint32_t loop = 0; text && window && loop < loops; loop++) {
        for (uint32_t n = 0; n < layers; n++) {
            window[n] = lte_model_window(m, loop * layers + n);
            any = any || window[n];
        }
        const uint32_t entries = same_row(window, layers) ? 1 : layers;
        for (uint32_t n = 0; n < entries; n++)
            used += write_window(text + used, size - used, n ? "," : loop ? "->" : "", window[n]);
    }
    if (any || !text || !window)
        put(d, "window_pattern", text && window ? json_string(text) : NULL);
    free(window);
    free(text);
}

static void derive(struct draft *d, const struct lte_model *m, const char *layout)
{
    put(d, "model_type", json_string("lt2"));
    put_sizes(d, m);
    put_loops(d, m);
    put(d, "layer_types", json_string(layout));
    put_attention(d, m);
    put_gdn(d, &m->layer[0].attention);
    put_windows(d, m);
}

// The caller's keys win; those of an object in it win within that object.
static void override(struct draft *d, json_t *by)
{
    const char *key;
    int failures = 0;
    json_t *value;
    json_object_foreach(by, key, value) {
        json_t *old = json_object_get(d->keys, key);
        if (json_is_object(old) && json_is_object(value))
            failures += json_object_update(old, value);
        else
            failures += json_object_set(d->keys, key, value);
    }
    d->failed = d->failed || failures;
}

enum lte_status lte_convert_config(const struct lte_model *source, const char *name,
                                   const struct lte_convert_options *options, char **text)
{
    json_t *by = NULL;
    *text = NULL;
    LTE_TRY(check_source(source, name));
    if (options->config)
        LTE_TRY(lte_json_parse(source->context, "the keys given", options->config,
                               strlen(options->config), &by));
    struct draft d = {json_object(), false};
    derive(&d, source, options->layout ? options->layout : "3:1");
    override(&d, by);
    *text = d.failed ? NULL : json_dumps(d.keys, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(d.keys);
    json_decref(by);
    return *text ? LTE_OK : lte_fail_memory(source->context, "the config", 0);
}
