// SPDX-License-Identifier: BSD-2-Clause
// Objectives of a trainer.
#include "config.h"

#include "lib/train/teaching.h"

#include "lib/graph.h"
#include "lib/train/distill.h"
#include "lib/train/exits.h"

static bool learns_exits(const struct lte_trainer *t)
{
    return t->options.objective == LTE_OBJECTIVE_EXITS ||
           t->options.objective == LTE_OBJECTIVE_EXIT_GATE;
}

static enum lte_status check_exits(const struct lte_trainer *t)
{
    if (!learns_exits(t) || (t->model->looping.exit_gate && t->model->loops > 1))
        return LTE_OK;
    return lte_fail(t->context, LTE_ERR_ARGUMENT,
                    "training: the objective is about leaving loops; this model has %u and %s exit gate",
                    (unsigned)t->model->loops, t->model->looping.exit_gate ? "an" : "no");
}

static bool differs(const struct lte_trainer *t, uint32_t layer)
{
    const struct lte_model *teacher = t->options.teacher;
    return layer < teacher->layers && t->model->layer[layer].mixer != teacher->layer[layer].mixer;
}

static bool any_differs(const struct lte_trainer *t)
{
    for (uint32_t n = 0; n < t->model->layers; n++)
        if (differs(t, n))
            return true;
    return false;
}

static enum lte_status check_alike(const struct lte_trainer *t)
{
    const struct lte_model *a = t->options.teacher, *b = t->model;
    const bool align = t->options.objective == LTE_OBJECTIVE_ALIGN;
    const bool loops = align || t->options.every_loop > 0;
    if (a->vocabulary == b->vocabulary && (!loops || a->loops == b->loops) &&
        (!align || (a->width == b->width && a->layers == b->layers && any_differs(t))))
        return LTE_OK;
    return lte_fail(t->context, LTE_ERR_ARGUMENT,
                    "training: the teacher has %u layers of width %u, run %u times, and a vocabulary of "
                    "%u; the model %u, %u, %u and %u%s", (unsigned)a->layers, (unsigned)a->width,
                    (unsigned)a->loops, (unsigned)a->vocabulary, (unsigned)b->layers,
                    (unsigned)b->width, (unsigned)b->loops, (unsigned)b->vocabulary,
                    align ? ", and none or no layer of another kind to be aligned" : "");
}

static enum lte_status check_teacher(const struct lte_trainer *t)
{
    const struct lte_model *m = t->options.teacher;
    if (!m)
        return LTE_OK;
    if (m->context != t->context)
        return lte_fail(t->context, LTE_ERR_ARGUMENT, "training: the teacher is of another context");
    for (uint32_t n = 0; n < m->layers; n++)
        if (m->layer[n].mixer == LTE_MIXER_LTE)
            return lte_fail(t->context, LTE_ERR_UNSUPPORTED,
                            "training: layer %u of the teacher evicts tokens; such a model cannot be one",
                            (unsigned)n);
    return check_alike(t);
}

static bool of_gate(const struct lte_trainer *t, const struct lte_parameter *q)
{
    const struct lte_looping *l = &t->model->looping;
    return q->weight.slot == &l->exit_weight || q->weight.slot == &l->exit_bias;
}

// Whether it is of a mixer that the teacher has another of.
static bool of_new_mixer(const struct lte_trainer *t, const struct lte_parameter *q)
{
    for (uint32_t n = 0; t->options.teacher && n < t->model->layers; n++) {
        const struct lte_layer *layer = &t->model->layer[n];
        const uintptr_t at = (uintptr_t)q->weight.slot;
        const size_t size = lte_mixer_is_delta(layer->mixer) ? sizeof layer->gdn
                                                             : sizeof layer->attention;
        if (at >= (uintptr_t)&layer->gdn && at - (uintptr_t)&layer->gdn < size)
            return differs(t, n);
    }
    return false;
}

static void mark(const struct lte_trainer *t)
{
    const bool some = t->options.teacher && any_differs(t);
    for (size_t i = 0; i < t->parameters.count; i++) {
        struct lte_parameter *q = &t->parameters.parameter[i];
        const bool gate = of_gate(t, q), fresh = some && of_new_mixer(t, q);
        switch (t->options.objective) {
        case LTE_OBJECTIVE_EXIT_GATE:
            q->frozen = !gate;
            break;
        case LTE_OBJECTIVE_ALIGN:
            q->frozen = !fresh;
            break;
        case LTE_OBJECTIVE_DISTILL:
            q->frozen = gate;
            q->slow = some && !fresh;
            break;
        default:
            break;
        }
    }
}

enum lte_status lte_teaching_graph(struct lte_trainer *t)
{
    const enum lte_objective_kind kind = t->options.objective;
    struct lte_graph_spec spec = {.model = t->model};
    LTE_TRY(check_exits(t));
    LTE_TRY(check_teacher(t));
    spec.exits = learns_exits(t) || (kind == LTE_OBJECTIVE_DISTILL && t->options.every_loop > 0 &&
                                     t->model->loops > 1);
    spec.frozen = kind == LTE_OBJECTIVE_EXIT_GATE;
    if (kind == LTE_OBJECTIVE_ALIGN) {
        spec.model = t->options.teacher;
        spec.student = t->model;
    }
    mark(t);
    return lte_graph_build_training(&spec, &t->graph);
}

enum lte_status lte_teaching_begin(struct lte_trainer *t)
{
    const size_t exits = t->graph->exits, block = t->reverse.plan.block;
    if (t->options.objective == LTE_OBJECTIVE_ALIGN)
        t->reverse.tape.alignment = &t->alignment;
    if (learns_exits(t)) {
        const struct lte_exits_settings s = {
            .exits = exits,
            .rows = block,
            .entropy = t->options.exit_entropy,
            .gate_only = t->options.objective == LTE_OBJECTIVE_EXIT_GATE};
        return lte_exits_new(t->context, &s, &t->objective);
    }
    if (t->options.objective != LTE_OBJECTIVE_DISTILL)
        return LTE_OK;
    const struct lte_distill_settings s = {.limits = t->reverse.tape.limits,
                                           .exits = exits,
                                           .block = block,
                                           .temperature = t->options.temperature};
    return lte_distill_new(t->options.teacher, &s, &t->objective);
}

void lte_teaching_end(struct lte_trainer *t)
{
    if (learns_exits(t))
        lte_exits_free(t->context, t->objective);
    else
        lte_distill_free(t->objective);
    t->objective = NULL;
}

void lte_teaching_step(struct lte_trainer *t, bool training)
{
    if (t->options.objective == LTE_OBJECTIVE_DISTILL)
        lte_distill_every(t->objective, training && (double)t->step < t->options.every_loop *
                                                                          (double)t->options.steps &&
                                            t->graph->exits > 1);
}

struct lte_objective *lte_teaching_micro(struct lte_trainer *t, float scale, uint32_t micros)
{
    const double rows = (double)t->batch.rows;
    if (t->options.objective == LTE_OBJECTIVE_ALIGN)
        t->alignment = (struct lte_alignment){
            .scale = (float)(1 / (rows * (double)t->graph->aligned * micros))};
    if (t->objective)
        t->objective->scale =
            t->options.objective == LTE_OBJECTIVE_DISTILL ? (float)(1 / (rows * micros)) : scale;
    return t->objective;
}

double lte_teaching_loss(const struct lte_trainer *t, const struct lte_loss *result, size_t targets)
{
    const double rows = (double)t->batch.rows;
    if (t->options.objective == LTE_OBJECTIVE_ALIGN)
        return t->alignment.sum / (rows * (double)t->graph->aligned);
    if (t->options.objective == LTE_OBJECTIVE_DISTILL)
        return result->sum / rows;
    return targets ? result->sum / (double)targets : 0;
}

size_t lte_teaching_bytes(const struct lte_trainer *t)
{
    return t->options.objective == LTE_OBJECTIVE_DISTILL ? lte_distill_bytes(t->objective) : 0;
}
