// SPDX-License-Identifier: BSD-2-Clause
// Measuring the limits: arithmetic in registers, reading and updating memory of each cache level.
#include "config.h"

#include "bench/roof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/probe.h"
#include "simd/cpu.h"

enum { ROOF_TASKS = 4, LEVELS = 4, RAM = 4, ITEM_BYTES = 4 << 20 };

static const struct probe *find_probe(const char *isa)
{
    const bool any = !strcmp(isa, "ref");
    const unsigned flags = lte_cpu_detect();
    (void)any, (void)flags;
#if HAVE_AVX512
    if ((any || !strcmp(isa, "avx512")) && flags & LTE_CPU_AVX512)
        return &probe_avx512;
#endif
#if HAVE_AVX2
    if ((any || !strcmp(isa, "avx2")) && flags & LTE_CPU_AVX2)
        return &probe_avx2;
#endif
#if HAVE_NEON
    if ((any || !strcmp(isa, "neon")) && flags & LTE_CPU_NEON)
        return &probe_neon;
#endif
    return &probe_portable;
}

// What Linux says, else what the C library says (which can be far off in virtual machines), else
// what is usual.
static size_t cache_bytes(int level)
{
    static const size_t usual[] = {32 << 10, 512 << 10, 8 << 20};
    char path[96];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size",
             level == 1 ? 0 : level);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%luK", &kib) != 1)
            kib = 0;
        fclose(file);
    }
    if (kib)
        return (size_t)kib << 10;
    long bytes = 0;
#ifdef _SC_LEVEL1_DCACHE_SIZE
    static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    bytes = sysconf(names[level - 1]);
#endif
    return bytes > 0 ? (size_t)bytes : usual[level - 1];
}

size_t roof_bytes(struct lte_par *team, int level)
{
    static const size_t least = 256 << 20, most = 1 << 30;
    if (level < 3)
        return cache_bytes(level) / 2;
    if (level == 3) // shared by all cores; half of it, so that the level below cannot hold much of it
        return cache_bytes(3) / 2 / lte_par_size(team);
    const size_t bytes = 8 * cache_bytes(3);
    return bytes < least ? least : bytes > most ? most : bytes;
}

enum roof roof_for(struct lte_par *team, size_t bytes, bool update)
{
    const unsigned threads = lte_par_size(team);
    const size_t room = bytes + bytes / 3; // what else is touched takes a quarter of the level
    int level = RAM;
    if (room <= cache_bytes(1) * threads)
        level = 1;
    else if (room <= cache_bytes(2) * threads)
        level = 2;
    else if (room <= cache_bytes(3))
        level = 3;
    return (enum roof)((update ? ROOF_UPDATE_L1 : ROOF_READ_L1) + level - 1);
}

const char *roof_name(enum roof roof)
{
    static const char *const names[] = {
        NULL, "fma", "read L1", "read L2", "read L3", "read RAM", "update L1", "update L2",
        "update L3", "update RAM",
    };
    return names[roof];
}

// One measurement: each item works on its own part of the memory, several times over if it is
// small.
struct climb {
    struct lte_par *team;
    const struct probe *probe;
    enum roof roof;
    float *memory;
    size_t floats, passes, items; // floats of an item
    double work;                  // flops or bytes of a call
    volatile float sink;
};

static void climb_item(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    struct climb *c = arg;
    float *x = c->memory + item * c->floats;
    float sum = 0;
    if (c->roof == ROOF_FMA)
        sum = c->probe->fma(1 << 16);
    for (size_t pass = 0; pass < c->passes; pass++) {
        if (c->roof >= ROOF_UPDATE_L1)
            c->probe->update(x, c->floats);
        else
            sum += c->probe->read(x, c->floats);
    }
    c->sink = sum;
}

static void climb_once(void *arg)
{
    struct climb *c = arg;
    lte_par_for(c->team, c->items, climb_item, c);
}

static void climb_prepare(struct climb *c)
{
    const int level = c->roof == ROOF_FMA ? 0 : 1 + (int)(c->roof - ROOF_READ_L1) % LEVELS;
    c->items = lte_par_size(c->team);
    c->work = c->probe->fma_flops * (1 << 16) * (double)c->items;
    if (!level)
        return;
    size_t bytes = roof_bytes(c->team, level);
    if (level == RAM) {
        c->items = bytes / ITEM_BYTES;
        bytes = ITEM_BYTES;
    }
    c->floats = bytes / sizeof(float) / 256 * 256;
    c->passes = level == RAM ? 1 : ITEM_BYTES / bytes + 1;
    c->memory = bench_floats(c->items * c->floats, 1);
    c->work = (double)(c->items * c->floats * c->passes * sizeof(float)) *
              (c->roof >= ROOF_UPDATE_L1 ? 2 : 1);
}

double roof_time(struct lte_par *team, const char *isa, enum roof roof, struct bench_task *task,
                 size_t tasks)
{
    struct bench_task all[ROOF_TASKS + 1];
    if (roof == ROOF_NONE) {
        bench_time(task, tasks);
        return 0;
    }
    if (tasks > ROOF_TASKS)
        abort();
    struct climb c = {.team = team, .probe = find_probe(isa), .roof = roof};
    climb_prepare(&c);
    memcpy(all, task, tasks * sizeof *task);
    all[tasks] = (struct bench_task){climb_once, &c, 0};
    bench_time(all, tasks + 1);
    memcpy(task, all, tasks * sizeof *task);
    if (c.memory)
        bench_free(c.memory);
    return c.work / all[tasks].seconds * 1e-9;
}

void roof_set(struct bench_row *row, enum roof roof, double height)
{
    row->roof = roof_name(roof);
    if (roof == ROOF_FMA)
        row->roof_gflops = height;
    else
        row->roof_gbs = height;
}
