// SPDX-License-Identifier: BSD-2-Clause
// Sessions on devices.
#include "config.h"

#include "lib/place.h"

#include "lib/backend.h"

enum { STEP_SESSIONS = 64 };
#define DEVICE_TOKENS ((uint64_t)1 << 31) // positions are 32-bit there

enum lte_status lte_place_choose(const struct lte_model *model, const struct lte_layout *layout,
                                 const struct lte_session_params *params, struct lte_place *place)
{
    const struct lte_context *c = model->context;
    *place = (struct lte_place){.host_bytes = layout->total};
    if (!model->program || params->on_cpu)
        return LTE_OK;
    const enum lte_status status =
        c->backend->plan(model->program, layout, params, &place->device_bytes);
    if (status == LTE_ERR_UNSUPPORTED) {
        lte_log(c, LTE_LOG_WARNING, "this session runs on the CPU");
        return LTE_OK;
    }
    place->device = status == LTE_OK;
    place->host_bytes = place->device ? layout->bookkeeping : layout->total;
    return status;
}

enum lte_status lte_place_make(struct lte_session *s)
{
    if (s->limit > DEVICE_TOKENS)
        s->limit = DEVICE_TOKENS;
    return s->model->context->backend->make(s->model->program, &s->layout, &s->params, &s->device);
}

void lte_place_end(struct lte_session *s)
{
    if (s->device)
        s->model->context->backend->end(s->device);
}

// A device that fails here fails at the next step, which says so.
void lte_place_clear(struct lte_session *s)
{
    s->model->context->backend->clear(s->device);
}

enum lte_status lte_place_compute(const struct lte_segment *segment, size_t segments,
                                  const uint32_t *tokens, size_t rows,
                                  const struct lte_wanted *wanted)
{
    struct lte_backend_session *device[STEP_SESSIONS];
    for (size_t i = 0; i < segments; i++)
        device[i] = segment[i].session->device;
    return segment[0].session->model->context->backend->compute(device, segment, segments, tokens,
                                                                rows, wanted);
}
