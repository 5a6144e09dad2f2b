// SPDX-License-Identifier: BSD-2-Clause
// Which ops of a model may run together, and that no others may.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/fusion.h"
#include "lib/model.h"
#include "lte.h"
#include "tests/check.h"

static struct lte_model *load(struct lte_context **context)
{
    struct lte_options o;
    struct lte_model *model;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/data/lalte-tiny", getenv("top_srcdir"));
    lte_options_init(&o);
    if (lte_open(&o, context) != LTE_OK || lte_model_load(*context, folder, &model) != LTE_OK)
        exit(99);
    return model;
}

// How many ops of the kind are done by another op.
static size_t taken(const struct lte_graph *g, enum lte_op_kind kind)
{
    size_t n = 0;
    for (size_t k = 0; k < g->ops; k++) {
        bool with = false;
        for (size_t i = 0; i < g->ops && g->op[k].kind == kind; i++) {
            const struct lte_fusion f = lte_fusion(g, i);
            with = with || (i != k && f.first <= k && k <= f.last);
        }
        n += with;
    }
    return n;
}

static size_t count(const struct lte_graph *g, enum lte_op_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < g->ops; i++)
        n += g->op[i].kind == kind;
    return n;
}

static void all_of_a_model(const struct lte_graph *g)
{
    static const enum lte_op_kind kind[] = {LTE_OP_RMSNORM, LTE_OP_ADD, LTE_OP_SWIGLU, LTE_OP_L2NORM,
                                            LTE_OP_DELTA_GATES, LTE_OP_LTE_SCORE,
                                            LTE_OP_SHORT_CONV, LTE_OP_GATED_NORM};
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        check_ok(count(g, kind[i]) && taken(g, kind[i]) == count(g, kind[i]), "every %s is taken",
                 lte_op_table[kind[i]]->name);
}

// The first op of the kind that goes with another, and which.
static size_t first_fused(const struct lte_graph *g, enum lte_op_kind kind, size_t *with)
{
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_fusion f = lte_fusion(g, i);
        for (size_t k = f.first; k <= f.last; k++)
            if (k != i && g->op[k].kind == kind) {
                *with = i;
                return k;
            }
    }
    exit(99);
}

static bool alone(const struct lte_graph *g, size_t i, size_t neighbour)
{
    const struct lte_fusion f = lte_fusion(g, i);
    return neighbour < f.first || neighbour > f.last;
}

// A value that an op far away reads as well, or that belongs to the residual stream, is made.
static void seen_by_others(struct lte_graph *g, enum lte_op_kind kind)
{
    size_t with;
    const size_t op = first_fused(g, kind, &with);
    const bool makes = op < with || kind == LTE_OP_GATED_NORM;
    const lte_value v = makes ? g->op[op].out : g->op[op].in[1];
    lte_value *last = &g->op[g->ops - 1].in[3];
    const lte_value kept = *last, stream = g->layer_output[1];
    *last = v;
    check_ok(alone(g, with, op), "%s of a value with another reader is not taken",
             lte_op_table[kind]->name);
    *last = kept;
    g->layer_output[1] = v;
    check_ok(alone(g, with, op), "nor of one in the residual stream");
    g->layer_output[1] = stream;
    check_ok(!alone(g, with, op), "%s is taken again", lte_op_table[kind]->name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "fusion");
    struct lte_context *context;
    struct lte_model *model = load(&context);
    all_of_a_model(model->graph);
    seen_by_others(model->graph, LTE_OP_RMSNORM);
    seen_by_others(model->graph, LTE_OP_ADD);
    seen_by_others(model->graph, LTE_OP_SWIGLU);
    seen_by_others(model->graph, LTE_OP_L2NORM);
    seen_by_others(model->graph, LTE_OP_LTE_SCORE);
    seen_by_others(model->graph, LTE_OP_SHORT_CONV);
    seen_by_others(model->graph, LTE_OP_GATED_NORM);
    struct lte_op *norm = &model->graph->op[0];
    while (norm->kind != LTE_OP_RMSNORM)
        norm++;
    const size_t i = (size_t)(norm - model->graph->op) + 1, width = norm->norm.width;
    norm->norm.width = width / 2;
    norm->norm.vectors = 2;
    check_ok(alone(model->graph, i, i - 1), "a norm of half the columns is not taken");
    norm->norm.width = width;
    norm->norm.vectors = 1;
    const size_t head = model->graph->head;
    model->graph->head = i;
    check_ok(alone(model->graph, i, i - 1), "nor one on the other side of the output head");
    model->graph->head = head;
    lte_model_free(model);
    lte_close(context);
    return check_end();
}
