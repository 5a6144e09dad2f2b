// SPDX-License-Identifier: BSD-2-Clause
// Steps on a device: one submission for all the layers and the output head, recorded once for each
// shape.
#include "config.h"

#include "lib/vk/run.h"

#include <string.h>

#include "lib/vk/ops.h"

static uint64_t segments_bytes(void)
{
    return LTE_VK_SEGMENTS * sizeof(struct lte_vk_segment);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Sizes of a session's buffers.
struct sizes {
    uint64_t arena, scratch, logits, read, step;
};

static enum lte_status size_buffers(struct lte_vk_program *p, const struct lte_layout *layout,
                                    const struct lte_session_params *params, struct sizes *sizes)
{
    const size_t batch = params->batch, sessions = least(batch, LTE_VK_SEGMENTS);
    uint64_t scratch = 0;
    for (size_t rows = 1; rows < batch; rows *= 2)
        LTE_TRY(lte_vk_program_try(p, layout, params, 1, rows, false, &scratch));
    LTE_TRY(lte_vk_program_try(p, layout, params, 1, batch, false, &scratch));
    LTE_TRY(lte_vk_program_try(p, layout, params, sessions, sessions, false, &scratch));
    const size_t rows = least(batch, LTE_VK_LOGIT_ROWS);
    const uint64_t logits = rows * p->graph->vocabulary * sizeof(float),
                   candidates = sessions * LTE_MOST_CANDIDATES * sizeof(struct lte_candidate);
    *sizes = (struct sizes){
        .arena = layout->arena_bytes + scratch,
        .scratch = scratch,
        .logits = logits,
        .read = logits > candidates ? logits : candidates,
        .step = segments_bytes() + batch * sizeof(uint32_t)};
    return LTE_OK;
}

enum lte_status lte_vk_session_plan(struct lte_vk_program *program, const struct lte_layout *layout,
                                    const struct lte_session_params *params, uint64_t *bytes)
{
    struct sizes sizes;
    LTE_TRY(size_buffers(program, layout, params, &sizes));
    *bytes = sizes.arena + sizes.logits + sizes.read + sizes.step;
    return LTE_OK;
}

static enum lte_status make_buffers(struct lte_vk_session *s)
{
    struct lte_vk_device *d = s->program->device;
    const struct lte_layout *l = s->layout;
    struct sizes sizes;
    LTE_TRY(size_buffers(s->program, l, &s->params, &sizes));
    s->logit_rows = least(s->params.batch, LTE_VK_LOGIT_ROWS);
    s->scratch_bytes = sizes.scratch;
    LTE_TRY(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, l->state_bytes, &s->states));
    LTE_TRY(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, sizes.arena, &s->arena));
    LTE_TRY(lte_vk_buffer_new(d, LTE_VK_DEVICE_MEMORY, sizes.logits, &s->logits));
    LTE_TRY(lte_vk_buffer_new(d, LTE_VK_READ_MEMORY, sizes.read, &s->read));
    LTE_TRY(lte_vk_buffer_new(d, LTE_VK_STEP_MEMORY, sizes.step, &s->step));
    return lte_vk_clear(d, &s->states, 0, l->state_bytes);
}

static enum lte_status make_pool(struct lte_vk_session *s)
{
    struct lte_vk_device *d = s->program->device;
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                          .queueFamilyIndex = d->family};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    LTE_TRY(LTE_VK(d, CreateCommandPool, d->handle, &pool, NULL, &s->pool));
    return LTE_VK(d, CreateFence, d->handle, &fence, NULL, &s->fence);
}

static enum lte_status make(struct lte_vk_session *s)
{
    LTE_TRY(make_buffers(s));
    return make_pool(s);
}

enum lte_status lte_vk_session_new(struct lte_vk_program *program, const struct lte_layout *layout,
                                   const struct lte_session_params *params,
                                   struct lte_vk_session **session)
{
    struct lte_vk_device *d = program->device;
    *session = NULL;
    LTE_TRY(lte_vk_alive(d));
    struct lte_vk_session *s = lte_alloc_zero(d->context, sizeof *s);
    if (!s)
        return lte_fail_memory(d->context, "the session's device part", sizeof *s);
    s->program = program;
    s->layout = layout;
    s->params = *params;
    s->serial = atomic_fetch_add(&d->serials, 1) + 1;
    const enum lte_status status = make(s);
    if (status != LTE_OK)
        lte_vk_session_free(s);
    else
        *session = s;
    return status;
}

void lte_vk_session_free(struct lte_vk_session *s)
{
    if (!s)
        return;
    struct lte_vk_device *d = s->program->device;
    for (size_t i = 0; i < LTE_VK_RECORDINGS; i++)
        if (s->recording[i].descriptors)
            d->api.DestroyDescriptorPool(d->handle, s->recording[i].descriptors, NULL);
    if (s->fence)
        d->api.DestroyFence(d->handle, s->fence, NULL);
    if (s->pool)
        d->api.DestroyCommandPool(d->handle, s->pool, NULL);
    lte_vk_buffer_free(d, &s->states);
    lte_vk_buffer_free(d, &s->arena);
    lte_vk_buffer_free(d, &s->logits);
    lte_vk_buffer_free(d, &s->read);
    lte_vk_buffer_free(d, &s->step);
    lte_release(d->context, s, sizeof *s);
}

// A group for every run of segments with states in one buffer.
static size_t make_groups(struct lte_vk_session *const *session, size_t segments, size_t rows,
                          struct lte_vk_group *group)
{
    for (size_t i = 0; i < segments; i++)
        group[i] = (struct lte_vk_group){.first = (uint32_t)i,
                                         .count = 1,
                                         .rows = rows / segments,
                                         .states = session[i]->states.handle,
                                         .states_bytes = session[i]->states.bytes,
                                         .layout = session[i]->layout,
                                         .params = &session[i]->params};
    return segments;
}

static struct lte_vk_range range(const struct lte_vk_buffer *b, uint64_t offset, uint64_t bytes)
{
    return (struct lte_vk_range){b->handle, offset, bytes};
}

static struct lte_vk_encoder encoder(struct lte_vk_session *arena, const struct lte_vk_group *group,
                                     size_t groups)
{
    const struct lte_layout *l = arena->layout;
    const uint64_t segments = segments_bytes();
    return (struct lte_vk_encoder){
        .device = arena->program->device,
        .program = arena->program,
        .graph = arena->program->graph,
        .stamps = arena->stamps,
        .layout = l,
        .group = group,
        .groups = groups,
        .arena = range(&arena->arena, 0, l->arena_bytes),
        .scratch = range(&arena->arena, l->arena_bytes, arena->scratch_bytes),
        .logits = range(&arena->logits, 0, arena->logits.bytes),
        .found = range(&arena->read, 0, arena->read.bytes),
        .segments = range(&arena->step, 0, segments),
        .tokens = range(&arena->step, segments, arena->step.bytes - segments)};
}

static void encode(struct lte_vk_encoder *e, const struct lte_vk_shape *shape)
{
    if (shape->body) {
        e->first = 0;
        e->rows = shape->rows;
        lte_vk_encode(e, 0, e->graph->head);
    }
    e->first = shape->first;
    e->rows = shape->wanted;
    if (shape->wanted)
        lte_vk_encode(e, e->graph->head, e->graph->ops);
    if (shape->count)
        lte_vk_encode_candidates(e, shape->ids, shape->count);
    else if (shape->ids)
        lte_vk_encode_greedy(e, shape->ids);
}

static enum lte_status make_descriptors(struct lte_vk_session *s, struct lte_vk_recording *r,
                                        size_t calls)
{
    struct lte_vk_device *d = s->program->device;
    if (r->descriptors)
        d->api.DestroyDescriptorPool(d->handle, r->descriptors, NULL);
    r->descriptors = VK_NULL_HANDLE;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                       (uint32_t)(calls + 1) * LTE_VK_BINDINGS};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = (uint32_t)calls + 1,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    return LTE_VK(d, CreateDescriptorPool, d->handle, &info, NULL, &r->descriptors);
}

static void barrier(const struct lte_vk_encoder *e, VkPipelineStageFlags after, VkAccessFlags written,
                    VkPipelineStageFlags before, VkAccessFlags read)
{
    const VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = written,
                               .dstAccessMask = read};
    e->device->api.CmdPipelineBarrier(e->commands, after, before, 0, 1, &b, 0, NULL, 0, NULL);
}

// What the step before and copies have written is seen by this one.
static void open_step(const struct lte_vk_encoder *e)
{
    barrier(e, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
            VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
}

// Logits to where the host reads them; candidates and ids are written there.
static void close_step(const struct lte_vk_session *s, const struct lte_vk_encoder *e,
                       const struct lte_vk_shape *shape)
{
    const VkPipelineStageFlags shader = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                               transfer = VK_PIPELINE_STAGE_TRANSFER_BIT,
                               host = VK_PIPELINE_STAGE_HOST_BIT;
    const VkBufferCopy copy = {.size = shape->wanted * e->graph->vocabulary * sizeof(float)};
    if (shape->ids) {
        barrier(e, shader, VK_ACCESS_SHADER_WRITE_BIT, host, VK_ACCESS_HOST_READ_BIT);
    } else if (copy.size) {
        barrier(e, shader, VK_ACCESS_SHADER_WRITE_BIT, transfer, VK_ACCESS_TRANSFER_READ_BIT);
        e->device->api.CmdCopyBuffer(e->commands, s->logits.handle, s->read.handle, 1, &copy);
        barrier(e, transfer, VK_ACCESS_TRANSFER_WRITE_BIT, host, VK_ACCESS_HOST_READ_BIT);
    }
}

// An op that is refused now was not when the session was made.
static enum lte_status outcome(const struct lte_vk_encoder *e)
{
    if (e->status != LTE_ERR_UNSUPPORTED)
        return e->status;
    return lte_fail(e->device->context, LTE_ERR_DEVICE, "%s: %s", lte_vk_device_name(e->device),
                    e->why);
}

static enum lte_status fill(struct lte_vk_session *s, struct lte_vk_recording *r,
                            const struct lte_vk_group *group, size_t groups)
{
    struct lte_vk_device *d = s->program->device;
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    struct lte_vk_encoder dry = encoder(s, group, groups);
    encode(&dry, &r->shape);
    LTE_TRY(outcome(&dry));
    LTE_TRY(make_descriptors(s, r, dry.calls));
    struct lte_vk_encoder e = encoder(s, group, groups);
    struct lte_vk_stamps *t = e.stamps;
    e.commands = r->commands;
    e.descriptors = r->descriptors;
    LTE_TRY(LTE_VK(d, BeginCommandBuffer, r->commands, &begin));
    open_step(&e);
    if (t) {
        t->used = 1;
        d->api.CmdResetQueryPool(e.commands, t->pool, 0, t->room);
        d->api.CmdWriteTimestamp(e.commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, t->pool, 0);
    }
    encode(&e, &r->shape);
    close_step(s, &e, &r->shape);
    LTE_TRY(outcome(&e));
    return LTE_VK(d, EndCommandBuffer, r->commands);
}

static enum lte_status record(struct lte_vk_session *s, struct lte_vk_recording *r,
                              const struct lte_vk_shape *shape, const struct lte_vk_group *group,
                              size_t groups)
{
    struct lte_vk_device *d = s->program->device;
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = s->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1};
    r->used = 0;
    r->shape = *shape;
    if (!r->commands)
        LTE_TRY(LTE_VK(d, AllocateCommandBuffers, d->handle, &info, &r->commands));
    return fill(s, r, group, groups);
}

// The recorded step of that shape, or the one that was not used for longest, recorded anew.
static enum lte_status find(struct lte_vk_session *s, const struct lte_vk_shape *shape,
                            struct lte_vk_session *const *session, struct lte_vk_recording **found)
{
    struct lte_vk_recording *oldest = &s->recording[0];
    for (size_t i = 0; i < LTE_VK_RECORDINGS; i++) {
        struct lte_vk_recording *r = &s->recording[i];
        if (r->used && !memcmp(&r->shape, shape, sizeof *shape)) {
            *found = r;
            r->used = ++s->clock;
            return LTE_OK;
        }
        if (r->used < oldest->used)
            oldest = r;
    }
    struct lte_vk_group group[LTE_VK_SEGMENTS];
    const size_t groups = make_groups(session, shape->segments, shape->rows, group);
    LTE_TRY(record(s, oldest, shape, group, groups));
    oldest->used = ++s->clock;
    *found = oldest;
    return LTE_OK;
}

void lte_vk_forget(struct lte_vk_session *s)
{
    for (size_t i = 0; i < LTE_VK_RECORDINGS; i++)
        s->recording[i].used = 0;
}

static void write_step(struct lte_vk_session *s, const struct lte_segment *segment, size_t segments,
                       const uint32_t *tokens, size_t rows)
{
    struct lte_vk_segment *to = s->step.mapped;
    for (size_t i = 0; i < segments; i++)
        to[i] = (struct lte_vk_segment){.row = (uint32_t)segment[i].row,
                                        .rows = (uint32_t)segment[i].rows,
                                        .position = (uint32_t)segment[i].position};
    memcpy(to + LTE_VK_SEGMENTS, tokens, rows * sizeof *tokens);
}

static enum lte_status submit(struct lte_vk_session *s, struct lte_vk_session *const *session,
                              const struct lte_vk_shape *shape, void *to)
{
    const size_t row = shape->count ? shape->count * sizeof(struct lte_candidate)
                       : shape->ids ? sizeof(uint32_t)
                                    : s->program->graph->vocabulary * sizeof(float);
    struct lte_vk_recording *r;
    LTE_TRY(find(s, shape, session, &r));
    LTE_TRY(lte_vk_submit(s->program->device, r->commands, s->fence));
    if (shape->wanted)
        memcpy(to, s->read.mapped, shape->wanted * row);
    return LTE_OK;
}

// Rows that the logits' buffer has no room for follow in submissions of their own; steps have none
// of these.
enum lte_status lte_vk_compute(struct lte_vk_session *arena, struct lte_vk_session *const *session,
                               const struct lte_segment *segment, size_t segments,
                               const uint32_t *tokens, size_t rows, const struct lte_wanted *wanted)
{
    struct lte_vk_shape shape;
    memset(&shape, 0, sizeof shape); // compared as bytes
    for (size_t i = 0; i < segments; i++)
        shape.serial[i] = session[i]->serial;
    shape.segments = segments;
    shape.rows = rows;
    shape.first = rows - wanted->rows;
    shape.wanted = least(wanted->rows, arena->logit_rows);
    shape.ids = wanted->ids;
    shape.count = wanted->count;
    shape.body = true;
    write_step(arena, segment, segments, tokens, rows);
    if (wanted->count)
        return submit(arena, session, &shape, wanted->candidates);
    if (wanted->ids)
        return submit(arena, session, &shape, wanted->best);
    LTE_TRY(submit(arena, session, &shape, wanted->logits));
    shape.body = false;
    for (size_t done = shape.wanted; done < wanted->rows; done += shape.wanted) {
        shape.first = rows - wanted->rows + done;
        shape.wanted = least(wanted->rows - done, arena->logit_rows);
        LTE_TRY(submit(arena, session, &shape,
                       wanted->logits + done * arena->program->graph->vocabulary));
    }
    return LTE_OK;
}
