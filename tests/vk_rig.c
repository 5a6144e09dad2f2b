// SPDX-License-Identifier: BSD-2-Clause
// One op, on the host and on a device.
#include "config.h"

#include "tests/vk_leaks.h"
#include "tests/vk_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vk/run.h"
#include "lte.h"

enum { MOST_DEVICES = 8 };

static struct {
    struct lte_context *context;
    struct lte_vk_device *device[MOST_DEVICES];
    size_t devices;
    bool opened;
    char said[4096]; // the log since it was last cleared
} rig;

struct run {
    const struct vk_case *c;
    struct lte_graph graph;
    struct lte_model model;
    lte_value layer_output[2];
    size_t sessions, rows; // rows: at most in a step
    struct lte_session *cpu[VK_SESSIONS];
    size_t block[VK_SESSIONS];
    struct lte_vk_program *program;
    struct lte_vk_session *device[VK_SESSIONS];
    float *logits, *device_logits;
    uint32_t *tokens;
    uint64_t position;
    double worst, worst_state;
};

static void keep_log(void *opaque, enum lte_log_level level, const char *message)
{
    const size_t used = strlen(rig.said);
    (void)opaque, (void)level;
    snprintf(rig.said + used, sizeof rig.said - used, "%s\n", message);
}

static size_t live; // bytes that the library has not given back

static void *count_alloc(void *opaque, size_t size, size_t align)
{
    void *p;
    (void)opaque;
    if (posix_memalign(&p, align, size))
        return NULL;
    live += size;
    return p;
}

static void count_free(void *opaque, void *pointer, size_t size)
{
    (void)opaque;
    live -= size;
    free(pointer);
}

static void open_rig(void)
{
    struct lte_options o;
    if (rig.opened)
        return;
    rig.opened = true;
    lte_options_init(&o);
    o.cpu = "ref";
    o.threads = 1;
    o.log = keep_log;
    o.allocator = (struct lte_allocator){count_alloc, count_free, NULL};
    if (lte_open(&o, &rig.context) != LTE_OK)
        exit(99);
    while (rig.devices < MOST_DEVICES &&
           lte_vk_device_open(rig.context, (unsigned)rig.devices, &rig.device[rig.devices]) == LTE_OK) {
        check_note("device %zu: %s", rig.devices, lte_vk_device_name(rig.device[rig.devices]));
        rig.devices++;
    }
    if (!rig.devices)
        check_note("%s", rig.said);
}

void vk_end(void)
{
    for (size_t i = 0; i < rig.devices; i++)
        lte_vk_device_close(rig.device[i]);
    rig.devices = 0;
    rig.opened = false;
    lte_close(rig.context);
    rig.context = NULL;
    if (live) {
        printf("Bail out! %zu bytes were not given back\n", live);
        exit(99);
    }
}

struct vk_case vk_case(enum lte_op_kind kind)
{
    struct vk_case c = {.op = {.kind = kind, .out = LTE_NO_VALUE},
                        .sessions = 1,
                        .steps = 1,
                        .rows = {5},
                        .tolerance = 1e-6,
                        .state_tolerance = 1e-6};
    for (size_t i = 0; i < LTE_OP_INPUTS; i++)
        c.op.in[i] = LTE_NO_VALUE;
    lte_session_params_init(&c.params);
    c.params.batch = 64;
    return c;
}

static void describe(struct run *r, const struct vk_case *c)
{
    *r = (struct run){.c = c, .sessions = c->sessions, .rows = c->sessions};
    for (size_t i = 0; c->sessions == 1 && i < c->steps; i++)
        r->rows = r->rows < c->rows[i] ? c->rows[i] : r->rows;
    r->graph = (struct lte_graph){.op = (struct lte_op *)(uintptr_t)&c->op,
                                  .ops = 1,
                                  .head = c->wanted ? 0 : 1,
                                  .width = (size_t *)(uintptr_t)c->width,
                                  .values = c->values,
                                  .slots = 1,
                                  .vocabulary = c->vocabulary,
                                  .layer_output = r->layer_output};
    r->model = (struct lte_model){.context = rig.context, .graph = &r->graph, .loops = 1};
}

// A session as lte_session_new() makes it, of a model that is one op.
static struct lte_session *new_session(struct run *r, size_t *total)
{
    struct lte_layout layout;
    const struct lte_session_params *p = &r->c->params;
    void *arrays = malloc(lte_layout_arrays(&r->graph, &layout, NULL));
    lte_layout_arrays(&r->graph, &layout, arrays);
    if (!arrays ||
        lte_layout_fill(rig.context, &r->graph, p, sizeof(struct lte_session), &layout) != LTE_OK)
        exit(99);
    *total = layout.total;
    free(arrays);
    struct lte_session *s = lte_alloc(rig.context, *total);
    if (!s)
        exit(99);
    *s = (struct lte_session){.model = &r->model, .params = *p, .limit = UINT64_MAX};
    lte_layout_arrays(&r->graph, &s->layout, (unsigned char *)s + lte_align(sizeof *s));
    if (lte_layout_fill(rig.context, &r->graph, p, sizeof *s, &s->layout) != LTE_OK)
        exit(99);
    memset((unsigned char *)s + s->layout.bookkeeping, 0, s->layout.state_bytes);
    lte_session_reset(s);
    return s;
}

static float *value(const struct run *r, lte_value v)
{
    struct lte_session *s = r->cpu[0];
    return (float *)(void *)((unsigned char *)s + s->layout.arena + s->layout.value[v]);
}

static void draw(struct run *r, size_t rows)
{
    const struct vk_case *c = r->c;
    for (lte_value v = 0; v < c->values; v++) {
        float *x = value(r, v);
        if (!c->given[v])
            memset(x, 0xFF, rows * c->width[v] * sizeof *x);
        else if (c->draw)
            c->draw(c, v, x, rows);
        else
            check_fill(x, rows * c->width[v], c->fill);
    }
    for (size_t i = 0; i < rows; i++)
        r->tokens[i] = c->vocabulary ? (uint32_t)check_below(c->vocabulary) : 0;
}

static enum lte_status upload(struct run *r, size_t rows)
{
    const struct vk_case *c = r->c;
    const struct lte_layout *l = &r->cpu[0]->layout;
    for (lte_value v = 0; v < c->values; v++)
        LTE_TRY(lte_vk_upload(r->program->device, &r->device[0]->arena, l->value[v], value(r, v),
                              rows * c->width[v] * sizeof(float)));
    return LTE_OK;
}

static void run_cpu(struct run *r, const struct lte_segment *segment, size_t rows)
{
    struct lte_exec x = {.graph = &r->graph,
                         .context = rig.context,
                         .kernels = &rig.context->kernels,
                         .memory = lte_session_memory(r->cpu[0]),
                         .tokens = r->tokens,
                         .segment = segment,
                         .segments = r->sessions,
                         .logits = r->logits};
    lte_exec_run(&x, rows, r->c->wanted);
}

static bool written(const struct vk_case *c, lte_value v)
{
    bool out = c->op.out == v;
    for (unsigned i = 0; c->op.kind == LTE_OP_LINEAR && i < c->op.linear.parts; i++)
        out = out || c->op.linear.part[i].out == v;
    return out;
}

// A device may take numbers that are not normal for zero, and norms of rows that small raise them a
// thousand times: below this, errors are not counted by the numbers' own size.
#define SMALL 1e-28

static double magnitude(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && fabs((double)x[i]) > most)
            most = fabs((double)x[i]);
    return most > SMALL ? most : most > 0 ? SMALL : 1;
}

static bool compare_values(struct run *r, size_t rows, const char *name)
{
    const struct vk_case *c = r->c;
    const struct lte_layout *l = &r->cpu[0]->layout;
    bool good = true;
    for (lte_value v = 0; v < c->values; v++) {
        const size_t n = rows * c->width[v];
        float *got = malloc(n * sizeof *got + 1);
        if (!got || lte_vk_download(r->program->device, &r->device[0]->arena, l->value[v], got,
                                    n * sizeof *got) != LTE_OK)
            exit(99);
        const size_t part = c->by_row ? c->width[v] : n;
        for (size_t i = 0; written(c, v) && i < n; i += part) {
            const float *want = value(r, v) + i;
            good &= check_near(got + i, want, part, magnitude(want, part), c->tolerance, &r->worst,
                               name);
        }
        if (!written(c, v))
            good &= !memcmp(got, value(r, v), n * sizeof *got);
        free(got);
    }
    const size_t n = c->wanted * c->vocabulary;
    return (!n || check_near(r->device_logits, r->logits, n, magnitude(r->logits, n), c->tolerance,
                             &r->worst, name)) &&
           good;
}

static bool compare_state(struct run *r, size_t session, const char *name)
{
    const struct vk_case *c = r->c;
    const struct lte_session *s = r->cpu[session];
    const size_t bytes = s->layout.state_bytes;
    const float *want = (const float *)(const void *)((const unsigned char *)s + s->layout.state[0]);
    float *got = malloc(bytes + 1);
    if (!got || lte_vk_download(r->program->device, &r->device[session]->states, 0, got, bytes) !=
                    LTE_OK)
        exit(99);
    const bool good =
        c->same ? c->same(c, s, want, got, bytes)
                : check_near(got, want, bytes / sizeof *got, magnitude(want, bytes / sizeof *got),
                             c->state_tolerance, &r->worst_state, name);
    free(got);
    return good;
}

static bool step(struct run *r, size_t i, const char *name)
{
    const struct vk_case *c = r->c;
    const size_t rows = r->sessions == 1 ? c->rows[i] : r->sessions;
    struct lte_segment segment[VK_SESSIONS];
    for (size_t s = 0; s < r->sessions; s++)
        segment[s] = (struct lte_segment){r->cpu[s], s, rows / r->sessions, r->position};
    draw(r, rows);
    if (upload(r, rows) != LTE_OK)
        exit(99);
    run_cpu(r, segment, rows);
    if (lte_vk_compute(r->device[0], r->device, segment, r->sessions, r->tokens, rows,
                       &(struct lte_wanted){.rows = c->wanted, .logits = r->device_logits}) !=
        LTE_OK) {
        check_note("%s: %s", name, rig.said);
        return false;
    }
    r->position += rows / r->sessions;
    return compare_values(r, rows, name);
}

static bool run_case(struct run *r, const char *name)
{
    const struct vk_case *c = r->c;
    bool good = true;
    for (size_t i = 0; good && i < c->steps; i++)
        good = step(r, i, name);
    for (size_t i = 0; good && i < r->sessions && lte_op_table[c->op.kind]->state; i++)
        good = compare_state(r, i, name);
    return good;
}

static enum lte_status open_run(struct run *r, struct lte_vk_device *device)
{
    LTE_TRY(lte_vk_program_load(device, &r->graph, &r->program));
    for (size_t i = 0; i < r->sessions; i++)
        LTE_TRY(lte_vk_session_new(r->program, &r->cpu[i]->layout, &r->c->params, &r->device[i]));
    return LTE_OK;
}

static void close_run(struct run *r)
{
    for (size_t i = 0; i < r->sessions; i++) {
        lte_vk_session_free(r->device[i]);
        lte_release(rig.context, r->cpu[i], r->block[i]);
    }
    lte_vk_program_free(r->program);
    free(r->logits);
    free(r->device_logits);
    free(r->tokens);
}

static void check_device(const struct vk_case *c, struct lte_vk_device *device, const char *refused,
                         const char *name)
{
    struct run r;
    describe(&r, c);
    rig.said[0] = 0;
    for (size_t i = 0; i < r.sessions; i++)
        r.cpu[i] = new_session(&r, &r.block[i]);
    r.logits = calloc(c->wanted * c->vocabulary + 1, sizeof *r.logits);
    r.device_logits = calloc(c->wanted * c->vocabulary + 1, sizeof *r.logits);
    r.tokens = calloc(r.rows, sizeof *r.tokens);
    if (!r.logits || !r.device_logits || !r.tokens)
        exit(99);
    const unsigned features = device->features;
    uint32_t *shared = &device->properties.limits.maxComputeSharedMemorySize;
    const uint32_t has_shared = *shared;
    device->features &= ~c->without;
    *shared = c->shared ? c->shared : has_shared;
    const enum lte_status status = open_run(&r, device);
    if (refused)
        check_ok(status == LTE_ERR_UNSUPPORTED && strstr(rig.said, refused), "%s: refused", name);
    else if (status != LTE_OK)
        check_ok(false, "%s: %s", name, rig.said);
    else
        check_ok(run_case(&r, name), "%s", name);
    device->features = features;
    *shared = has_shared;
    if (r.worst > 0 || r.worst_state > 0)
        check_note("  worst %.2g, state %.2g", r.worst, r.worst_state);
    close_run(&r);
}

static void check_all(const struct vk_case *c, const char *refused, const char *name)
{
    open_rig();
    if (!rig.devices)
        check_skip("no Vulkan device", "%s", name);
    for (size_t i = 0; i < rig.devices; i++)
        check_device(c, rig.device[i], refused, name);
}

bool vk_same_words(const struct vk_case *c, const struct lte_session *cpu, const void *want,
                   const void *got, size_t bytes)
{
    (void)c, (void)cpu;
    for (size_t i = 0; i < bytes / sizeof(uint32_t); i++)
        if (memcmp((const char *)want + 4 * i, (const char *)got + 4 * i, 4)) {
            check_note("word %zu of %zu of the state differs", i, bytes / sizeof(uint32_t));
            return false;
        }
    return true;
}

void vk_check(const struct vk_case *c, const char *name)
{
    check_all(c, NULL, name);
}

void vk_check_refused(const struct vk_case *c, const char *refused, const char *name)
{
    check_all(c, refused, name);
}
