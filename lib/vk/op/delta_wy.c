// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule on cooperative matrices (shaders/delta_wy.glsl): what depends on no state, for
// all chunks of a round; then the sweep through the state, beside which the next round is prepared.
#include "config.h"

#include "lib/vk/op/delta_wy.h"

#include "lib/vk/cooperative.h"

enum {
    CHUNK = LTE_VK_WY_CHUNK,
    ROWS = 2 * CHUNK,
    SLICE = 32,        // channels
    MOST_SUBGROUPS = 8,
    LEAST_THREADS = CHUNK,
    MOST_THREADS = 512,
    ROUND = 32,        // chunks, at 160 KB a head of 128 x 128
    STATE_COLUMNS = 16 // that lie together
};

// What both shaders are specialized by.
struct shape {
    uint32_t keys, values;             // padded
    uint32_t prepares, subgroups;      // of a workgroup, subgroups: of the sweep the second,
    uint32_t columns;                  // and columns of the state
};

static uint32_t padded(uint32_t n, uint32_t unit)
{
    return (n + unit - 1) / unit * unit;
}

// Shared memory in bytes, as the shaders count it.
static uint32_t prepare_shared(void)
{
    return 4 * ROWS * (SLICE / 8 + 1) * 16 + CHUNK * 64 + (6 * CHUNK + 8) * 4;
}

static uint32_t sweep_shared(const struct shape *s)
{
    return (s->keys + CHUNK) * s->columns * 4 + s->subgroups * 2 * 768 + 64;
}

// As many subgroups as a workgroup can have, up to some power of two.
static uint32_t subgroups(const struct lte_vk_encoder *e, uint32_t n)
{
    const VkPhysicalDeviceLimits *l = &e->device->properties.limits;
    const uint32_t size = e->device->subgroups.subgroupSize;
    while (n && (n * size > MOST_THREADS || n * size > l->maxComputeWorkGroupInvocations ||
                 n * size > l->maxComputeWorkGroupSize[0]))
        n /= 2;
    return n;
}

// Zero subgroups: none will do. Twice the columns a workgroup take less of the device's time and
// longer, which is for many heads, or sessions.
static struct shape shape(const struct lte_vk_encoder *e, const struct lte_delta_params *p,
                          size_t sessions)
{
    const VkPhysicalDeviceLimits *l = &e->device->properties.limits;
    const uint32_t size = e->device->subgroups.subgroupSize, *matrix = e->device->matrix;
    struct shape s = {padded(p->key_dim, SLICE), padded(p->value_dim, SLICE), 0, 0, SLICE};
    if (!lte_vk_runs(e->device, LTE_VK_delta_wy_cooperative) || 16 % matrix[0] || 16 % matrix[1] ||
        16 % matrix[2] || matrix[0] % 8 || matrix[1] % 8 || matrix[2] % 8)
        return s;
    s.prepares = subgroups(e, 2 * MOST_SUBGROUPS);
    s.subgroups = subgroups(e, MOST_SUBGROUPS);
    if (s.values / SLICE * p->value_heads * sessions < LTE_VK_BUSY ||
        sweep_shared(&s) > l->maxComputeSharedMemorySize)
        s.columns = STATE_COLUMNS;
    if (s.subgroups * size < LEAST_THREADS || prepare_shared() > l->maxComputeSharedMemorySize ||
        sweep_shared(&s) > l->maxComputeSharedMemorySize)
        s.subgroups = 0;
    return s;
}

bool lte_vk_runs_delta_wy(const struct lte_vk_encoder *e, const struct lte_delta_params *p)
{
    return shape(e, p, 1).subgroups != 0;
}

// As delta_wy.glsl lays it out.
static uint64_t record_bytes(const struct shape *s)
{
    const uint64_t halves = 2 * (ROWS + CHUNK) * (uint64_t)s->keys;
    return halves * sizeof(uint16_t) + ROWS * (uint64_t)s->values * sizeof(float) + 32;
}

static struct lte_vk_call call_of(const struct lte_vk_encoder *e, enum lte_vk_kernel kernel,
                                  bool wide, uint32_t subgroups, const struct shape *s,
                                  const struct lte_delta_params *p, const struct lte_vk_group *g)
{
    const uint32_t *matrix = e->device->matrix;
    const uint32_t threads = subgroups * e->device->subgroups.subgroupSize;
    return (struct lte_vk_call){.kernel = kernel,
                                .constant = {wide, s->keys, threads, matrix[0], matrix[1],
                                             matrix[2], subgroups, s->values, s->columns},
                                .bind = {e->segments},
                                .push = p,
                                .y = p->value_heads,
                                .z = g->count};
}

static void prepare(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g,
                    const struct shape *s, const struct lte_delta_params *p,
                    struct lte_vk_range records)
{
    const bool wide = (p->key_dim | p->value_dim | p->q_column | p->k_column | p->v_column |
                       p->stride) % 4 == 0;
    struct lte_vk_call call = call_of(e, LTE_VK_delta_wy_cooperative, wide, s->prepares, s, p, g);
    call.constant[8] = 0; // has no such constant
    call.bind[1] = lte_vk_value(e, op->in[0]);
    call.bind[2] = lte_vk_value(e, op->in[1]);
    call.bind[3] = records;
    call.beside = p->first > 0;
    call.x = p->chunks;
    lte_vk_run(e, &call);
}

static void sweep(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_vk_group *g,
                  const struct shape *s, const struct lte_delta_params *p,
                  struct lte_vk_range records)
{
    struct lte_vk_call call =
        call_of(e, LTE_VK_delta_sweep_cooperative, p->value_dim % 4 == 0, s->subgroups, s, p, g);
    call.bind[1] = records;
    call.bind[2] = lte_vk_state(e, g, op);
    call.bind[3] = lte_vk_value(e, op->out);
    call.x = (p->value_dim + s->columns - 1) / s->columns;
    lte_vk_run(e, &call);
}

void lte_vk_encode_delta_wy(struct lte_vk_encoder *e, const struct lte_op *op,
                            const struct lte_vk_group *g, struct lte_delta_params p)
{
    const struct shape s = shape(e, &p, g->count);
    const uint32_t chunks = (uint32_t)((g->rows + CHUNK - 1) / CHUNK);
    p.first = 0;
    p.chunks = chunks < ROUND ? chunks : ROUND;
    const uint64_t bytes = (uint64_t)g->count * p.value_heads * p.chunks * record_bytes(&s);
    const struct lte_vk_range records[2] = {
        lte_vk_scratch(e, bytes), chunks > ROUND ? lte_vk_scratch(e, bytes) : lte_vk_none()};
    prepare(e, op, g, &s, &p, records[0]);
    for (uint32_t i = 0; p.first < chunks; i++) {
        struct lte_delta_params next = p;
        sweep(e, op, g, &s, &p, records[i % 2]);
        next.first += p.chunks;
        if (next.first < chunks)
            prepare(e, op, g, &s, &next, records[(i + 1) % 2]);
        p = next;
    }
}
