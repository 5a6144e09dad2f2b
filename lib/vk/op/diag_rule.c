// SPDX-License-Identifier: BSD-2-Clause
// diag_rule on the device: a workgroup a block of 16 columns of a head's state, a token at a time.
#include "config.h"

#include "lib/vk/ops.h"
#include "simd/delta_rule.h"

enum {
    LANES = 8,  // threads that share a column
    KEYS = 512  // values of a key, at most
};
_Static_assert((int)LTE_DIAG_ADDS == (int)LTE_RULE_ADDS &&
                   (int)LTE_DIAG_ERASES == (int)LTE_RULE_ERASES &&
                   (int)LTE_DIAG_WEIGHS == (int)LTE_RULE_WEIGHS,
               "of the graph and of the shader");

// Tells the shader where a source lies, and gives what is to be bound.
static struct lte_vk_range source(struct lte_vk_encoder *e, const struct lte_op *op,
                                  const struct lte_rule_source *s, unsigned which,
                                  struct lte_diag_params *p)
{
    p->stride[which] = lte_vk_width(e, op->in[s->in]);
    p->column[which] = (uint32_t)s->column;
    p->group[which] = (uint32_t)(op->diag_rule.heads / s->heads);
    return lte_vk_value(e, op->in[s->in]);
}

// Log decays of every row, or of none: then row after row takes the same ones.
static struct lte_vk_range decays(struct lte_vk_encoder *e, const struct lte_op *op,
                                  struct lte_diag_params *p)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    if (!d->fixed)
        return source(e, op, &d->decay, LTE_DIAG_DECAY, p);
    p->group[LTE_DIAG_DECAY] = 1;
    return lte_vk_weight(e, d->fixed, d->heads * sizeof *d->fixed);
}

static struct lte_vk_range betas(struct lte_vk_encoder *e, const struct lte_op *op,
                                 struct lte_diag_params *p)
{
    p->group[LTE_DIAG_BETA] = 1;
    if (op->diag_rule.step == LTE_RULE_ADDS)
        return lte_vk_none();
    return source(e, op, &op->diag_rule.beta, LTE_DIAG_BETA, p);
}

void lte_vk_encode_diag_rule(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_diag_rule_op *d = &op->diag_rule;
    struct lte_diag_params p = {.key_dim = (uint32_t)d->key_dim,
                                .value_dim = (uint32_t)d->value_dim,
                                .decays = (uint32_t)d->decays,
                                .step = d->step};
    struct lte_vk_call call = {
        .kernel = LTE_VK_diag_rule,
        .constant = {(uint32_t)(d->key_dim + LANES - 1) / LANES},
        .bind = {e->segments, source(e, op, &d->q, LTE_DIAG_Q, &p),
                 source(e, op, &d->k, LTE_DIAG_K, &p), source(e, op, &d->v, LTE_DIAG_V, &p),
                 decays(e, op, &p), betas(e, op, &p)},
        .push = &p,
        .x = (d->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS,
        .y = d->heads};
    if (d->key_dim > KEYS)
        lte_vk_refuse(e, "%zu values a key, at most %d", d->key_dim, KEYS);
    for (size_t i = 0; i < e->groups; i++) {
        p.segment = e->group[i].first;
        call.bind[6] = lte_vk_state(e, &e->group[i], op);
        call.bind[7] = lte_vk_value(e, op->out);
        call.z = e->group[i].count;
        lte_vk_run(e, &call);
    }
}
