// SPDX-License-Identifier: BSD-2-Clause
// The largest logits of a row, found on the device: a step reads back these and nothing else.
#include "config.h"

#include "lib/vk/ops.h"
#include "lte/candidate.h"

enum { THREADS = 256, MOST_PARTS = 64, MOST_HELD = 32, WHOLE = 16 * THREADS };

_Static_assert(LTE_VK_MOST_CANDIDATES == LTE_MOST_CANDIDATES, "room in shared memory");
_Static_assert(sizeof(struct lte_candidate) == 2 * sizeof(uint32_t), "as in the shader");

static uint32_t root(uint64_t x) // rounded down
{
    uint64_t r = 0;
    while ((r + 1) * (r + 1) <= x)
        r++;
    return (uint32_t)r;
}

static uint32_t a_thread(uint32_t n)
{
    return (n + THREADS - 1) / THREADS;
}

static struct lte_candidates_params params(const struct lte_vk_encoder *e, uint32_t ids,
                                           uint32_t count)
{
    return (struct lte_candidates_params){
        .ids = ids, .stride = (uint32_t)e->graph->vocabulary, .parts = 1, .count = count};
}

static struct lte_vk_call call(const struct lte_vk_encoder *e, enum lte_vk_kernel kernel,
                               const struct lte_candidates_params *p, struct lte_vk_range parts)
{
    return (struct lte_vk_call){.kernel = kernel,
                                .bind = {e->logits, parts, e->found},
                                .push = p,
                                .x = p->parts,
                                .y = e->rows,
                                .z = 1};
}

void lte_vk_encode_greedy(struct lte_vk_encoder *e, uint32_t ids)
{
    const uint32_t blocks = a_thread(ids);
    struct lte_candidates_params p = params(e, ids, 1);
    p.parts = blocks < MOST_PARTS ? blocks : MOST_PARTS;
    e->scratch_used = 0;
    const struct lte_vk_range parts = lte_vk_scratch(e, e->rows * p.parts * 2 * sizeof(uint32_t));
    struct lte_vk_call c = call(e, LTE_VK_pick, &p, parts);
    lte_vk_run(e, &c);
    c.constant[0] = 1;
    c.x = 1;
    lte_vk_run(e, &c);
}

// Of that many entries those that a thread holds in registers; more are read again and again.
static uint32_t held(uint32_t entries)
{
    return a_thread(entries) < MOST_HELD ? a_thread(entries) : MOST_HELD;
}

static void find_whole(struct lte_vk_encoder *e, const struct lte_candidates_params *p)
{
    struct lte_vk_call c = call(e, LTE_VK_candidates, p, lte_vk_none());
    c.constant[0] = c.constant[1] = 1;
    c.constant[2] = held(p->ids);
    c.constant[3] = p->count <= THREADS;
    lte_vk_run(e, &c);
}

// As many parts that one has as many logits as all of them find. They find no more than the root of
// ids * count, so that there is room whatever the count.
static void find_in_parts(struct lte_vk_encoder *e, struct lte_candidates_params *p)
{
    const uint64_t room = root((uint64_t)p->ids * LTE_MOST_CANDIDATES);
    const struct lte_vk_range parts = lte_vk_scratch(e, e->rows * room * 2 * sizeof(uint32_t));
    const uint32_t most = root(p->ids / p->count);
    p->parts = most < MOST_PARTS ? most : MOST_PARTS;
    struct lte_vk_call c = call(e, LTE_VK_candidates, p, parts);
    c.constant[0] = 1;
    c.constant[2] = held((p->ids + p->parts - 1) / p->parts);
    lte_vk_run(e, &c);
    c.constant[0] = 0;
    c.constant[1] = 1;
    c.constant[2] = held(p->parts * p->count);
    c.constant[3] = p->count <= THREADS;
    c.x = 1;
    lte_vk_run(e, &c);
}

void lte_vk_encode_candidates(struct lte_vk_encoder *e, uint32_t ids, uint32_t count)
{
    struct lte_candidates_params p = params(e, ids, count);
    e->scratch_used = 0;
    if (ids <= WHOLE)
        find_whole(e, &p);
    else
        find_in_parts(e, &p);
}
