// SPDX-License-Identifier: BSD-2-Clause
// Walking chunks of tokens, forwards from state to state and backwards from the last.
#include "config.h"

#include "lib/grad/chunk_states.h"

#include <string.h>

enum { COLUMNS = 128 }; // state columns a thread takes forwards at a time

struct walk {
    const struct lte_exec *exec;
    const struct lte_chunk_rule *rule;
    float *saved;  // [chunks][value_heads][a state]
    size_t ranges; // column ranges of a head
    lte_chunk_fn *fn;
    void *arg;
};

static struct walk walk_of(const struct lte_tape *tape, const struct lte_op *op,
                           const struct lte_chunk_rule *rule, lte_chunk_fn *fn, void *arg)
{
    return (struct walk){.exec = &tape->exec,
                         .rule = rule,
                         .saved = lte_tape_saved(tape, op),
                         .ranges = (rule->value_dim + COLUMNS - 1) / COLUMNS,
                         .fn = fn,
                         .arg = arg};
}

static size_t head_state(const struct lte_chunk_rule *r)
{
    return lte_delta_state_floats(r->key_dim, r->value_dim);
}

static size_t chunks(const struct lte_chunk_rule *r, size_t rows)
{
    return (rows + r->tokens - 1) / r->tokens;
}

// Segment s owns the places from row / tokens + s on: segments may end inside a chunk, and those
// before have together left at most s places more than their rows fill.
static float *saved_state(const struct walk *w, size_t segment, size_t chunk, size_t value_head)
{
    const size_t first = w->exec->segment[segment].row / w->rule->tokens + segment;
    return w->saved +
           ((first + chunk) * w->rule->value_heads + value_head) * head_state(w->rule);
}

size_t lte_chunk_saved(const struct lte_chunk_rule *r, const struct lte_tape_limits *limits)
{
    const size_t most = limits->rows / r->tokens + limits->segments;
    return most * r->value_heads * head_state(r) * sizeof(float);
}

// A state (forwards, of the last chunk; backwards, its gradient), then the kernel's.
size_t lte_chunk_scratch(const struct lte_chunk_rule *r)
{
    return lte_align(head_state(r) * sizeof(float)) + r->scratch;
}

static struct lte_chunk chunk_of(const struct walk *w, size_t segment, size_t chunk,
                                 size_t value_head)
{
    const struct lte_segment *g = &w->exec->segment[segment];
    const size_t done = chunk * w->rule->tokens, left = g->rows - done;
    return (struct lte_chunk){.row = g->row + done,
                              .rows = left < w->rule->tokens ? left : w->rule->tokens,
                              .value_head = value_head,
                              .columns = w->rule->value_dim};
}

// A range of columns of one value head over one segment: each state is computed where it is kept.
static void forward_range(void *arg, size_t item, unsigned thread)
{
    const struct walk *w = arg;
    const struct lte_chunk_rule *r = w->rule;
    const size_t column = item % w->ranges * COLUMNS, at = column * r->key_dim;
    const size_t value_head = item / w->ranges % r->value_heads;
    const size_t segment = item / w->ranges / r->value_heads;
    const size_t rest = head_state(r) - at, most = COLUMNS * r->key_dim;
    const size_t floats = rest < most ? rest : most;
    float *last = lte_exec_scratch(w->exec, thread);
    for (size_t c = 0, n = chunks(r, w->exec->segment[segment].rows); c < n; c++) {
        struct lte_chunk chunk = chunk_of(w, segment, c, value_head);
        float *entry = saved_state(w, segment, c, value_head) + at;
        chunk.state = c + 1 < n ? saved_state(w, segment, c + 1, value_head) + at : last;
        chunk.column = column;
        chunk.columns = r->value_dim - column < COLUMNS ? r->value_dim - column : COLUMNS;
        if (c == 0)
            memset(entry, 0, floats * sizeof *entry);
        memcpy(chunk.state, entry, floats * sizeof *entry);
        w->fn(w->arg, &chunk);
    }
}

void lte_chunk_forward(struct lte_tape *tape, const struct lte_op *op,
                       const struct lte_chunk_rule *rule, lte_chunk_fn *fn, void *arg)
{
    struct walk w = walk_of(tape, op, rule, fn, arg);
    lte_exec_for(w.exec, w.exec->segments * rule->value_heads * w.ranges, forward_range, &w);
}

// One key head over one segment: its value heads, which share the gradients of q and k, one by one.
static void backward_head(void *arg, size_t item, unsigned thread)
{
    const struct walk *w = arg;
    const struct lte_chunk_rule *r = w->rule;
    const size_t segment = item / r->heads, head = item % r->heads;
    const size_t group = r->value_heads / r->heads, bytes = head_state(r) * sizeof(float);
    unsigned char *mine = lte_exec_scratch(w->exec, thread);
    for (size_t value_head = head * group; value_head < (head + 1) * group; value_head++) {
        memset(mine, 0, bytes);
        for (size_t c = chunks(r, w->exec->segment[segment].rows); c-- > 0;) {
            struct lte_chunk chunk = chunk_of(w, segment, c, value_head);
            chunk.state = saved_state(w, segment, c, value_head);
            chunk.dstate = (float *)(void *)mine;
            chunk.scratch = (float *)(void *)(mine + lte_align(bytes));
            w->fn(w->arg, &chunk);
        }
    }
}

void lte_chunk_backward(struct lte_tape *tape, const struct lte_op *op,
                        const struct lte_chunk_rule *rule, lte_chunk_fn *fn, void *arg)
{
    struct walk w = walk_of(tape, op, rule, fn, arg);
    lte_exec_for(w.exec, w.exec->segments * rule->heads, backward_head, &w);
}
