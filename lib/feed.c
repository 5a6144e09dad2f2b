// SPDX-License-Identifier: BSD-2-Clause
// Reading tokens: one session many tokens at a time, or many sessions one token each.
#include "config.h"

#include "lib/candidates.h"
#include "lib/place.h"

static enum lte_status check_tokens(const struct lte_model *model, const uint32_t *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tokens[i] >= model->vocabulary)
            return lte_fail(model->context, LTE_ERR_ARGUMENT,
                            "token %zu is %u: the vocabulary has ids 0..%u", i, (unsigned)tokens[i],
                            (unsigned)model->vocabulary - 1);
    return LTE_OK;
}

static enum lte_status check_room(const struct lte_session *s, size_t count)
{
    if (count <= s->limit - s->position)
        return LTE_OK;
    return lte_fail(s->model->context, LTE_ERR_CONTEXT_FULL,
                    "context full: %zu more tokens after %llu, and max_tokens is %llu", count,
                    (unsigned long long)s->position, (unsigned long long)s->limit);
}

static void find(const struct lte_wanted *w, size_t vocabulary)
{
    for (size_t i = 0; i < w->rows; i++) {
        const float *logits = w->logits + i * vocabulary;
        struct lte_candidate likeliest;
        if (w->count) {
            lte_candidates_find(logits, w->ids, w->count, w->candidates + i * w->count);
        } else {
            lte_candidates_find(logits, w->ids, 1, &likeliest);
            w->best[i] = likeliest.id;
        }
    }
}

static enum lte_status run(struct lte_session *arena, const struct lte_segment *segment,
                           size_t segments,
                           const uint32_t *tokens, size_t rows, const struct lte_wanted *wanted)
{
    if (arena->device)
        return lte_place_compute(segment, segments, tokens, rows, wanted);
    struct lte_exec x = {.graph = arena->model->graph,
                         .context = arena->model->context,
                         .kernels = &arena->model->context->kernels,
                         .memory = lte_session_memory(arena),
                         .tokens = tokens,
                         .segment = segment,
                         .segments = segments,
                         .logits = wanted->logits,
                         .observe = arena->observe,
                         .observe_opaque = arena->observe_opaque};
    lte_exec_run(&x, rows, wanted->rows);
    if (wanted->ids)
        find(wanted, x.graph->vocabulary);
    return LTE_OK;
}

enum lte_status lte_session_feed(struct lte_session *s, const uint32_t *tokens, size_t count,
                                 enum lte_logits want, float *logits)
{
    if (!s || (!tokens && count) || (unsigned)want > LTE_LOGITS_ALL ||
        (want != LTE_LOGITS_NONE && count && !logits))
        return LTE_ERR_ARGUMENT;
    LTE_TRY(check_tokens(s->model, tokens, count));
    LTE_TRY(check_room(s, count));
    for (size_t done = 0; done < count;) {
        const size_t rows = count - done < s->params.batch ? count - done : s->params.batch;
        const bool last = done + rows == count;
        const struct lte_wanted wanted = {
            .rows = want == LTE_LOGITS_ALL ? rows : want == LTE_LOGITS_LAST && last,
            .logits = logits};
        const struct lte_segment segment = {s, 0, rows, s->position};
        LTE_TRY(run(s, &segment, 1, tokens + done, rows, &wanted));
        s->position += rows;
        done += rows;
        if (want == LTE_LOGITS_ALL)
            logits += rows * s->model->vocabulary;
        if (!last && s->progress && s->progress(s->progress_opaque, done, count))
            return LTE_ERR_CANCELLED;
    }
    return LTE_OK;
}

static enum lte_status check_sessions(struct lte_session *const *session, size_t sessions)
{
    for (size_t i = 0; i < sessions; i++) {
        if (!session[i] || session[i]->model != session[0]->model)
            return LTE_ERR_ARGUMENT;
        if (!session[i]->device != !session[0]->device)
            return lte_fail(session[0]->model->context, LTE_ERR_ARGUMENT,
                            "sessions 0 and %zu of one step are on different devices", i);
        for (size_t j = 0; j < i; j++)
            if (session[j] == session[i])
                return lte_fail(session[0]->model->context, LTE_ERR_ARGUMENT,
                                "sessions %zu and %zu of one step are the same", j, i);
    }
    return LTE_OK;
}

// The session whose scratch has room for every other's ops: what one token takes grows with a
// session's own limit. A device looks for that one itself.
static struct lte_session *roomiest(struct lte_session *const *session, size_t sessions)
{
    struct lte_session *most = session[0];
    for (size_t i = 1; i < sessions; i++)
        if (session[i]->params.max_tokens > most->params.max_tokens)
            most = session[i];
    return most;
}

enum { STEP_GROUP = 64 };

// Sessions run together; a row's bits do not depend on it. On a device all of them have room for so
// many.
static size_t group_size(struct lte_session *const *session, size_t sessions,
                         const struct lte_session *arena)
{
    size_t group = STEP_GROUP < arena->params.batch ? STEP_GROUP : arena->params.batch;
    for (size_t i = 0; arena->device && i < sessions; i++)
        group = session[i]->params.batch < group ? session[i]->params.batch : group;
    return group;
}

// What a group of the sessions wants from row `done` on.
static struct lte_wanted wanted_from(const struct lte_wanted *all, size_t done, size_t rows,
                                     size_t vocabulary)
{
    struct lte_wanted w = *all;
    w.rows = all->logits ? rows : 0;
    w.logits = all->logits ? all->logits + done * vocabulary : NULL;
    w.candidates = all->candidates ? all->candidates + done * all->count : NULL;
    w.best = all->best ? all->best + done : NULL;
    return w;
}

static enum lte_status check_step(struct lte_session *const *session, size_t sessions,
                                  const uint32_t *tokens)
{
    LTE_TRY(check_sessions(session, sessions));
    LTE_TRY(check_tokens(session[0]->model, tokens, sessions));
    for (size_t i = 0; i < sessions; i++)
        LTE_TRY(check_room(session[i], 1));
    return LTE_OK;
}

static enum lte_status step_group(struct lte_session *const *session, size_t sessions,
                                  struct lte_session *arena, const uint32_t *tokens,
                                  const struct lte_wanted *wanted)
{
    struct lte_segment segment[STEP_GROUP];
    for (size_t i = 0; i < sessions; i++)
        segment[i] = (struct lte_segment){session[i], i, 1, session[i]->position};
    LTE_TRY(run(arena, segment, sessions, tokens, sessions, wanted));
    for (size_t i = 0; i < sessions; i++)
        session[i]->position++;
    return LTE_OK;
}

static enum lte_status step(struct lte_session *const *session, size_t sessions,
                            const uint32_t *tokens, const struct lte_wanted *all)
{
    LTE_TRY(check_step(session, sessions, tokens));
    struct lte_session *arena = roomiest(session, sessions);
    const size_t group = group_size(session, sessions, arena);
    for (size_t done = 0; done < sessions; done += group) {
        const size_t rows = sessions - done < group ? sessions - done : group;
        const struct lte_wanted wanted =
            wanted_from(all, done, rows, session[0]->model->vocabulary);
        LTE_TRY(step_group(session + done, rows, arena, tokens + done, &wanted));
    }
    return LTE_OK;
}

enum lte_status lte_session_step(struct lte_session *const *session, size_t sessions,
                                 const uint32_t *tokens, float *logits)
{
    if (!session || !sessions || !tokens)
        return LTE_ERR_ARGUMENT;
    return step(session, sessions, tokens, &(struct lte_wanted){.logits = logits});
}

static enum lte_status check_ids(const struct lte_session *session, uint32_t ids)
{
    const struct lte_model *m = session->model;
    if (ids && ids <= m->vocabulary)
        return LTE_OK;
    return lte_fail(m->context, LTE_ERR_ARGUMENT, "ids %u is outside 1..%u", (unsigned)ids,
                    (unsigned)m->vocabulary);
}

enum lte_status lte_session_step_greedy(struct lte_session *const *session, size_t sessions,
                                        const uint32_t *tokens, uint32_t ids, float *logits,
                                        uint32_t *best)
{
    if (!session || !sessions || !tokens || !logits || !best || !session[0])
        return LTE_ERR_ARGUMENT;
    LTE_TRY(check_ids(session[0], ids));
    return step(session, sessions, tokens,
                &(struct lte_wanted){.logits = logits, .ids = ids, .best = best});
}

enum lte_status lte_session_step_candidates(struct lte_session *const *session, size_t sessions,
                                            const uint32_t *tokens, uint32_t ids, uint32_t count,
                                            float *logits, struct lte_candidate *candidates)
{
    if (!session || !sessions || !tokens || !logits || !candidates || !session[0])
        return LTE_ERR_ARGUMENT;
    LTE_TRY(check_ids(session[0], ids));
    if (!count || count > LTE_MOST_CANDIDATES)
        return lte_fail(session[0]->model->context, LTE_ERR_ARGUMENT,
                        "%u candidates: a step gives out 1..%d", (unsigned)count,
                        LTE_MOST_CANDIDATES);
    return step(session, sessions, tokens,
                &(struct lte_wanted){
                    .logits = logits, .ids = ids, .count = count, .candidates = candidates});
}
