// SPDX-License-Identifier: BSD-2-Clause
// Encoding: ranges, barriers from declared access, descriptors, dispatches.
#include "config.h"

#include "lib/vk/encode.h"

#include <stdio.h>
#include <string.h>

#include "lib/session.h"
#include "lib/vk/ops.h"
#include "lib/vk/program.h"

static void fail(struct lte_vk_encoder *e, enum lte_status status)
{
    if (e->status == LTE_OK)
        e->status = status;
}

void lte_vk_refuse(struct lte_vk_encoder *e, const char *format, ...)
{
    va_list arguments;
    if (e->status != LTE_OK)
        return;
    va_start(arguments, format);
    vsnprintf(e->why, sizeof e->why, format, arguments);
    va_end(arguments);
    e->status = LTE_ERR_UNSUPPORTED;
}

struct lte_vk_range lte_vk_none(void)
{
    return (struct lte_vk_range){VK_NULL_HANDLE, 0, 0};
}

static struct lte_vk_range part(struct lte_vk_range r, uint64_t offset, uint64_t bytes)
{
    return (struct lte_vk_range){r.buffer, r.offset + offset, bytes};
}

struct lte_vk_range lte_vk_value(const struct lte_vk_encoder *e, lte_value value)
{
    if (value == LTE_LOGITS_VALUE)
        return e->logits;
    const uint64_t bytes = (e->first + e->rows) * e->graph->width[value] * sizeof(float);
    return part(e->arena, e->layout->value[value], bytes);
}

uint32_t lte_vk_width(const struct lte_vk_encoder *e, lte_value value)
{
    return (uint32_t)(value == LTE_LOGITS_VALUE ? e->graph->vocabulary : e->graph->width[value]);
}

uint32_t lte_vk_first(const struct lte_vk_encoder *e, lte_value value)
{
    return value == LTE_LOGITS_VALUE ? 0 : (uint32_t)e->first;
}

struct lte_vk_range lte_vk_state(const struct lte_vk_encoder *e, const struct lte_vk_group *group,
                                 const struct lte_op *op)
{
    const struct lte_layout *l = group->layout;
    const uint64_t at = l->state[op - e->graph->op] - l->bookkeeping;
    const bool alone = group->states_bytes == l->state_bytes;
    bool grows = false;
    const uint64_t bytes =
        alone ? lte_align(lte_op_table[op->kind]->state(op, group->params, &grows))
              : group->states_bytes - at;
    return (struct lte_vk_range){group->states, at, bytes};
}

struct lte_vk_range lte_vk_weight(struct lte_vk_encoder *e, const void *data, size_t bytes)
{
    return lte_vk_made(e, data, bytes, NULL);
}

struct lte_vk_range lte_vk_matrix(struct lte_vk_encoder *e, const struct lte_matrix *m)
{
    return lte_vk_weight(e, m->data, m->rows * m->cols * lte_dtype_size(m->type));
}

struct lte_vk_range lte_vk_made(struct lte_vk_encoder *e, const void *from, size_t bytes,
                                lte_vk_make_fn *make)
{
    struct lte_vk_range range = lte_vk_none();
    if (e->status == LTE_OK && from && bytes)
        fail(e, lte_vk_program_weight(e, from, bytes, make, &range));
    return range;
}

struct lte_vk_range lte_vk_scratch(struct lte_vk_encoder *e, uint64_t bytes)
{
    const uint64_t at = e->scratch_used;
    e->scratch_used += (bytes + LTE_VK_ALIGN - 1) / LTE_VK_ALIGN * LTE_VK_ALIGN;
    if (e->scratch_most < e->scratch_used)
        e->scratch_most = e->scratch_used;
    if (e->commands && e->scratch_used > e->scratch.bytes)
        lte_vk_refuse(e, "more scratch than the session was made with");
    return part(e->scratch, at, bytes);
}

static bool overlap(const struct lte_vk_range *a, const struct lte_vk_range *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

// With one of the first `n`.
static bool conflicts(const struct lte_vk_encoder *e, size_t n, const struct lte_vk_range *range,
                      bool writes)
{
    for (size_t i = 0; i < n; i++)
        if ((writes || e->pending[i].written) && overlap(&e->pending[i].range, range))
            return true;
    return false;
}

// Everything before the barrier is done, and seen by everything after it.
static void barrier(struct lte_vk_encoder *e)
{
    const VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                               .dstAccessMask =
                                   VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    e->device->api.CmdPipelineBarrier(e->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &b, 0, NULL, 0,
                                      NULL);
    e->pendings = 0;
}

static void order(struct lte_vk_encoder *e, const struct lte_vk_call *call, const char *access)
{
    bool wait = e->pendings + LTE_VK_BINDINGS > LTE_VK_PENDING;
    const size_t others = call->beside ? e->latest : e->pendings;
    for (size_t i = 0; access[i]; i++)
        wait = wait || conflicts(e, others, &call->bind[i], access[i] != 'r');
    if (wait)
        barrier(e);
    if (wait || !call->beside)
        e->latest = e->pendings;
    for (size_t i = 0; access[i]; i++)
        if (call->bind[i].buffer)
            e->pending[e->pendings++] =
                (struct lte_vk_access){call->bind[i], access[i] != 'r'};
}

static enum lte_status bind(struct lte_vk_encoder *e, const struct lte_vk_call *call,
                            const char *access)
{
    const struct lte_vk_api *a = &e->device->api;
    VkDescriptorSet set;
    VkDescriptorBufferInfo buffer[LTE_VK_BINDINGS];
    VkWriteDescriptorSet write[LTE_VK_BINDINGS];
    uint32_t n = 0;
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = e->descriptors,
        .descriptorSetCount = 1,
        .pSetLayouts = &e->device->set_layout};
    LTE_TRY(LTE_VK(e->device, AllocateDescriptorSets, e->device->handle, &info, &set));
    for (; access[n]; n++) {
        const struct lte_vk_range *r = call->bind[n].buffer ? &call->bind[n] : &e->segments;
        buffer[n] = (VkDescriptorBufferInfo){r->buffer, r->offset, r->bytes};
        write[n] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                          .dstSet = set,
                                          .dstBinding = n,
                                          .descriptorCount = 1,
                                          .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                          .pBufferInfo = &buffer[n]};
    }
    a->UpdateDescriptorSets(e->device->handle, n, write, 0, NULL);
    a->CmdBindDescriptorSets(e->commands, VK_PIPELINE_BIND_POINT_COMPUTE, e->device->layout, 0, 1,
                             &set, 0, NULL);
    return LTE_OK;
}

static bool fits(struct lte_vk_encoder *e, const struct lte_vk_call *call)
{
    const VkPhysicalDeviceLimits *l = &e->device->properties.limits;
    const char *name = lte_vk_kernels[call->kernel].name;
    if (!lte_vk_runs(e->device, call->kernel))
        lte_vk_refuse(e, "%s needs what the device has not", name);
    if (call->x > l->maxComputeWorkGroupCount[0] || call->y > l->maxComputeWorkGroupCount[1] ||
        call->z > l->maxComputeWorkGroupCount[2])
        lte_vk_refuse(e, "%s: more workgroups than the device runs", name);
    for (size_t i = 0; i < LTE_VK_BINDINGS; i++)
        if (call->bind[i].bytes > l->maxStorageBufferRange)
            lte_vk_refuse(e, "%s: %llu bytes in one buffer, the device binds %lu", name,
                          (unsigned long long)call->bind[i].bytes,
                          (unsigned long)l->maxStorageBufferRange);
    return e->status == LTE_OK;
}

// The time at which the op, or its latest call, and all before were done.
static void stamp(struct lte_vk_encoder *e, enum lte_vk_kernel kernel)
{
    struct lte_vk_stamps *s = e->stamps;
    if (s->used == s->room)
        return;
    barrier(e);
    s->at[s->used] = (struct lte_vk_stamp){e->op, kernel};
    e->device->api.CmdWriteTimestamp(e->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, s->pool,
                                     s->used++);
}

void lte_vk_run(struct lte_vk_encoder *e, const struct lte_vk_call *call)
{
    const struct lte_vk_kernel_row *row = &lte_vk_kernels[call->kernel];
    VkPipeline pipeline;
    if (e->status != LTE_OK || !call->x || !call->y || !call->z || !fits(e, call))
        return;
    e->calls++;
    fail(e, lte_vk_pipeline_get(e->device, call->kernel, call->constant, &pipeline));
    if (!e->commands || e->status != LTE_OK)
        return;
    order(e, call, row->access);
    fail(e, bind(e, call, row->access));
    const struct lte_vk_api *a = &e->device->api;
    a->CmdBindPipeline(e->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    a->CmdPushConstants(e->commands, e->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        (uint32_t)row->push_bytes, call->push);
    a->CmdDispatch(e->commands, (uint32_t)call->x, (uint32_t)call->y, (uint32_t)call->z);
    e->kernel = call->kernel;
    if (e->stamps && e->stamps->calls)
        stamp(e, e->kernel);
}

static void encode(struct lte_vk_encoder *e, const struct lte_op *op, const struct lte_fusion *f)
{
    e->scratch_used = 0;
    e->op = (size_t)(op - e->graph->op);
    if (f->first < f->last)
        lte_vk_fused[op->kind].encode(e, op, f);
    else if (lte_vk_ops[op->kind])
        lte_vk_ops[op->kind](e, op);
    else
        lte_vk_refuse(e, "there is no shader for it");
    if (e->stamps && !e->stamps->calls && e->commands)
        stamp(e, e->kernel);
    if (e->status == LTE_ERR_UNSUPPORTED) {
        char why[sizeof e->why];
        memcpy(why, e->why, sizeof why);
        snprintf(e->why, sizeof e->why, "%s: %.*s", lte_op_table[op->kind]->name,
                 (int)(sizeof why - 32), why);
    }
}

// The op that does op i, and which others with it; op i alone if none does.
static size_t find(const struct lte_vk_encoder *e, size_t i, size_t to, struct lte_fusion *f)
{
    for (size_t n = i; n < to && n <= i + 3; n++) {
        const struct lte_op *op = &e->graph->op[n];
        *f = lte_fusion(e->graph, n);
        if (f->first == i && f->first < f->last && lte_vk_fused[op->kind].fuses(e, op))
            return n;
    }
    *f = (struct lte_fusion){i, i};
    return i;
}

void lte_vk_encode(struct lte_vk_encoder *e, size_t from, size_t to)
{
    struct lte_fusion f;
    for (size_t i = from; i < to && e->status == LTE_OK; i = f.last + 1) {
        const size_t op = find(e, i, to, &f);
        encode(e, &e->graph->op[op], &f);
    }
}
