// SPDX-License-Identifier: BSD-2-Clause
// The Vulkan backend behind lib/backend.h: names for what the other files of this folder do.
#include "config.h"

#include "lib/backend.h"

#include "lib/vk/run.h"

// The seam's opaque types are this folder's own ones.
static struct lte_vk_device *device_of(struct lte_backend_device *device)
{
    return (struct lte_vk_device *)(void *)device;
}

static struct lte_vk_program *program_of(struct lte_backend_program *program)
{
    return (struct lte_vk_program *)(void *)program;
}

static struct lte_vk_session *session_of(struct lte_backend_session *session)
{
    return (struct lte_vk_session *)(void *)session;
}

static enum lte_status open_device(const struct lte_context *context, unsigned number,
                                   struct lte_backend_device **device)
{
    struct lte_vk_device *d;
    const enum lte_status status = lte_vk_device_open(context, number, &d);
    *device = (struct lte_backend_device *)(void *)d;
    return status;
}

static void close_device(struct lte_backend_device *device)
{
    lte_vk_device_close(device_of(device));
}

static const char *describe(const struct lte_backend_device *device)
{
    return lte_vk_device_name((const struct lte_vk_device *)(const void *)device);
}

static uint64_t identity(const struct lte_backend_device *device)
{
    return ((const struct lte_vk_device *)(const void *)device)->identity;
}

static enum lte_status load(struct lte_backend_device *device, const struct lte_graph *graph,
                            struct lte_backend_program **program)
{
    struct lte_vk_program *p;
    const enum lte_status status = lte_vk_program_load(device_of(device), graph, &p);
    *program = (struct lte_backend_program *)(void *)p;
    return status;
}

static void unload(struct lte_backend_program *program)
{
    lte_vk_program_free(program_of(program));
}

static enum lte_status plan(struct lte_backend_program *program, const struct lte_layout *layout,
                            const struct lte_session_params *params, uint64_t *bytes)
{
    return lte_vk_session_plan(program_of(program), layout, params, bytes);
}

static enum lte_status make(struct lte_backend_program *program, const struct lte_layout *layout,
                            const struct lte_session_params *params,
                            struct lte_backend_session **session)
{
    struct lte_vk_session *s;
    const enum lte_status status = lte_vk_session_new(program_of(program), layout, params, &s);
    *session = (struct lte_backend_session *)(void *)s;
    return status;
}

static void end(struct lte_backend_session *session)
{
    lte_vk_session_free(session_of(session));
}

static enum lte_status clear(struct lte_backend_session *session)
{
    struct lte_vk_session *s = session_of(session);
    return lte_vk_clear(s->program->device, &s->states, 0, s->layout->state_bytes);
}

static enum lte_status upload(struct lte_backend_session *session, const void *states)
{
    struct lte_vk_session *s = session_of(session);
    return lte_vk_upload(s->program->device, &s->states, 0, states, s->layout->state_bytes);
}

static enum lte_status download(struct lte_backend_session *session, void *states)
{
    struct lte_vk_session *s = session_of(session);
    return lte_vk_download(s->program->device, &s->states, 0, states, s->layout->state_bytes);
}

// The step runs in the memory of the session that has most of it.
static enum lte_status compute(struct lte_backend_session *const *session,
                               const struct lte_segment *segment, size_t segments,
                               const uint32_t *tokens, size_t rows, const struct lte_wanted *wanted)
{
    struct lte_vk_session *s[LTE_VK_SEGMENTS], *arena = NULL;
    for (size_t i = 0; i < segments; i++) {
        s[i] = session_of(session[i]);
        if (!arena || s[i]->scratch_bytes > arena->scratch_bytes)
            arena = s[i];
    }
    return lte_vk_compute(arena, s, segment, segments, tokens, rows, wanted);
}

static enum lte_status info(const struct lte_context *context, unsigned number,
                            struct lte_device_info *out)
{
    return lte_vk_device_info(context, number, out);
}

const struct lte_backend_ops lte_vulkan = {.name = "vulkan",
                                           .open = open_device,
                                           .close = close_device,
                                           .describe = describe,
                                           .identity = identity,
                                           .info = info,
                                           .load = load,
                                           .unload = unload,
                                           .plan = plan,
                                           .make = make,
                                           .end = end,
                                           .clear = clear,
                                           .upload = upload,
                                           .download = download,
                                           .compute = compute};
