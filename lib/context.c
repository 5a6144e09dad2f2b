// SPDX-License-Identifier: BSD-2-Clause
// Opening and closing a context.
#include "config.h"

#include "lib/context.h"

#include <stdlib.h>
#include <string.h>

#include "lib/backend.h"
#include "lib/blas.h"
#include "lib/par.h"
#include "simd/cpu.h"

enum { MAX_THREADS = 1024 };

void lte_options_init(struct lte_options *options)
{
    if (options)
        *options = (struct lte_options){.device = LTE_DEVICE_CPU};
}

// Flags for the kernels: what the CPU has, lowered to the level asked for.
static enum lte_status choose_cpu(const struct lte_context *c, const char *asked, unsigned *flags)
{
    const unsigned have = lte_cpu_detect();
    const bool from_environment = !asked;
    if (from_environment)
        asked = getenv("LTE_CPU");
    *flags = have;
    if (!asked || !*asked)
        return LTE_OK;
    const int level = lte_cpu_level(asked);
    if (level < 0)
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s \"%s\": known levels are ref, avx2, avx512 and neon",
                        from_environment ? "LTE_CPU" : "cpu", asked);
    *flags = have & (unsigned)level;
    struct lte_kernels k;
    lte_kernels_init(&k, *flags);
    if (strcmp(k.name, asked))
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s \"%s\": this %s does not have that level",
                        from_environment ? "LTE_CPU" : "cpu", asked,
                        *flags == (unsigned)level ? "build" : "CPU");
    return LTE_OK;
}

static enum lte_status check_device(const struct lte_context *c, enum lte_device device)
{
    switch (device) {
    case LTE_DEVICE_CPU:
    case LTE_DEVICE_AUTO:
    case LTE_DEVICE_VULKAN:
        return LTE_OK;
    }
    return lte_fail(c, LTE_ERR_ARGUMENT, "device %d is not one of enum lte_device", (int)device);
}

// Without the device the CPU does the work.
static enum lte_status open_device(struct lte_context *c, enum lte_device device, unsigned number)
{
    lte_log_fn *const log = c->log;
    c->backend = &lte_vulkan;
    c->automatic = device == LTE_DEVICE_AUTO;
    if (device == LTE_DEVICE_CPU)
        return LTE_OK;
    if (c->automatic) // a device that is not there is no news
        c->log = NULL;
    const enum lte_status status =
        c->backend->open(c, c->automatic ? LTE_DEVICE_ANY : number, &c->device);
    c->log = log;
    if (c->automatic && status != LTE_ERR_MEMORY)
        return LTE_OK;
    if (status != LTE_ERR_UNSUPPORTED)
        return status;
    lte_log(c, LTE_LOG_WARNING, "everything runs on the CPU");
    return LTE_OK;
}

// Allocator and log.
static enum lte_status begin(struct lte_context *c, const struct lte_options *o)
{
    *c = (struct lte_context){.allocator = o->allocator, .log = o->log, .log_opaque = o->log_opaque};
    if (!c->allocator.alloc != !c->allocator.free)
        return lte_fail(c, LTE_ERR_ARGUMENT, "allocator: alloc and free go together");
    if (!c->allocator.alloc)
        c->allocator = lte_default_allocator();
    return LTE_OK;
}

enum lte_status lte_device_describe(const struct lte_options *options, unsigned number,
                                    struct lte_device_info *info)
{
    struct lte_options o;
    struct lte_context c;
    lte_options_init(&o);
    if (!info)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(begin(&c, options ? options : &o));
    return lte_vulkan.info(&c, number, info);
}

enum lte_status lte_open(const struct lte_options *options, struct lte_context **context)
{
    struct lte_options o;
    lte_options_init(&o);
    if (options)
        o = *options;
    if (!context)
        return LTE_ERR_ARGUMENT;
    *context = NULL;
    struct lte_context c;
    LTE_TRY(begin(&c, &o));
    if (o.threads > MAX_THREADS)
        return lte_fail(&c, LTE_ERR_ARGUMENT, "threads %u is outside 0..%d", o.threads, MAX_THREADS);
    LTE_TRY(check_device(&c, o.device));
    unsigned flags;
    LTE_TRY(choose_cpu(&c, o.cpu, &flags));
    lte_kernels_init(&c.kernels, flags);
    c.threads = lte_par_threads(o.threads);
    lte_blas_open(&c.kernels);

    struct lte_context *made = lte_alloc(&c, sizeof *made);
    if (!made)
        return lte_fail_memory(&c, "the context", sizeof *made);
    enum lte_status status = lte_par_open(&c, c.threads, &c.par);
    if (status != LTE_OK) {
        lte_release(&c, made, sizeof *made);
        return status;
    }
    *made = c;
    status = open_device(made, o.device, o.device_number);
    if (status != LTE_OK)
        lte_close(made);
    else
        *context = made;
    return status;
}

void lte_close(struct lte_context *context)
{
    if (!context)
        return;
    if (context->device)
        context->backend->close(context->device);
    const struct lte_context c = *context;
    lte_par_close(&c, c.par);
    lte_release(&c, context, sizeof *context);
}

const char *lte_context_cpu(const struct lte_context *context)
{
    return context->kernels.name;
}

const char *lte_context_device(const struct lte_context *context)
{
    return context->device ? context->backend->describe(context->device) : "cpu";
}

unsigned lte_context_threads(const struct lte_context *context)
{
    return context->threads;
}
