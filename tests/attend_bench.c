// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tests/attend_bench.h"

#include <stdlib.h>
#include <string.h>

#include "lte/base.h"
#include "tests/check.h"
#include "tests/roof.h"

static struct {
    const struct lte_kernels *k;
    enum lte_dtype type;
    struct lte_attend_args a;
} timed;

static void time_attend(void *arg)
{
    (void)arg;
    timed.k->attend[timed.type](&timed.a);
}

static void *allocate(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(99);
    memset(p, 0, bytes); // equal scores: as good as any
    return p;
}

// Seconds of one call in which every query sees every key.
static double time_call(size_t count, size_t group, size_t dim, size_t keys, enum lte_dtype type)
{
    const size_t size = type == LTE_DTYPE_F32 ? 4 : 2, width = group * dim;
    uint32_t *from = allocate(keys * 4), *until = allocate(keys * 4);
    memset(until, 0xFF, keys * 4);
    void *k = allocate(keys * dim * size), *v = allocate(keys * dim * size);
    const struct lte_kv_span span = {k, v, dim, dim, from, until, keys, 0};
    float *q = allocate(count * width * 4), *o = allocate(count * width * 4);
    float *scratch = allocate(lte_attend_scratch(group, dim) * 4);
    timed.type = type;
    timed.a = (struct lte_attend_args){q, o, width, width, 0, count, group, dim, 0.1f, &span, 1,
                                       scratch};
    const double seconds = check_time(time_attend, NULL);
    void *all[] = {from, until, k, v, q, o, scratch};
    for (size_t i = 0; i < 7; i++)
        free(all[i]);
    return seconds;
}

// What bounds a call: the bytes of keys and values, or four flops a number and head.
static void bench_place(const char *level, const char *where, size_t bytes, double flops)
{
    static const char *const types[] = {"f32", "bf16", "f16"};
    static const size_t shape[][2] = {{1, 128}, {4, 64}, {4, 128}, {4, 256}, {8, 128}};
    const double roof = roof_read(level, bytes);
    for (size_t s = 0; s < 5; s++) {
        const size_t group = shape[s][0], dim = shape[s][1];
        for (size_t type = 0; type < (dim == 128 ? 3 : 1); type++) {
            const size_t size = type ? 2 : 4, keys = bytes / (2 * dim * size);
            const double t = time_call(1, group, dim, keys, (enum lte_dtype)type);
            const double moved = (double)(keys * 2 * dim * size), loads = moved / roof;
            const double sums = 4.0 * (double)(keys * dim * group) / flops;
            const double bound = loads > sums ? loads : sums;
            check_note("attend %-6s %-4s 1 query x %zu heads of %3zu, %-3s: %5.1f GB/s, %.2f x the "
                       "bound of %5.1f (%s)",
                       level, types[type], group, dim, where,
                       moved / t * 1e-9, t / bound, moved / bound * 1e-9,
                       loads > sums ? "reads" : "flops");
        }
    }
}

// Keys and values in the second-level cache, the third, and memory.
static void bench_one(const char *level)
{
    const double flops = roof_flops(level);
    bench_place(level, "L2", 512 << 10, flops);
    bench_place(level, "L3", 8 << 20, flops);
    bench_place(level, "RAM", 192 << 20, flops);
}

static void bench_many(const char *level)
{
    static const size_t shape[][2] = {{1, 64}, {1, 128}, {2, 128}, {4, 64}, {4, 128}, {4, 256}};
    const double roof = roof_flops(level);
    for (size_t s = 0; s < 6; s++) {
        for (size_t type = 0; type < 2; type++) {
            const size_t keys = 1024;
            const double t = time_call(16, shape[s][0], shape[s][1], keys, (enum lte_dtype)type);
            const double flops = 4.0 * 16 * (double)(shape[s][0] * shape[s][1] * keys);
            check_note("attend %-6s %-4s 16 queries x %zu heads of %3zu: %5.1f GFLOP/s of %5.1f, "
                       "%.0f %%",
                       level, type ? "bf16" : "f32", shape[s][0], shape[s][1], flops / t * 1e-9,
                       roof * 1e-9, 100 * flops / t / roof);
        }
    }
}

void attend_bench(const struct lte_kernels *k, const char *level)
{
    if (k == check_ref())
        return; // minutes, and nothing to learn
    timed.k = k;
    bench_many(level);
    bench_one(level);
}
