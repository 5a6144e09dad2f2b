// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tests/check.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simd/cpu.h"

enum { GUARD = 128, MAX_BUFFERS = 256, GUARD_BYTE = 0xC3, FILL_BYTE = 0xA5 };

static struct {
    unsigned done, failed;
    uint64_t seeded, state;
} run;

static struct buffer {
    unsigned char *base;
    size_t front, bytes;
} buffers[MAX_BUFFERS];
static size_t buffer_count;

void check_begin(int argc, char **argv, const char *name)
{
    unsigned long long seed = 1; // always the same: what passes today passes tomorrow
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
    run.seeded = seed * 2 + 1;
    check_restart();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# rerun: %s --seed %llu (%s)\n", argv[0], seed, name);
}

void check_restart(void)
{
    run.state = run.seeded;
}

int check_end(void)
{
    printf("1..%u\n", run.done);
    return run.failed != 0;
}

bool check_ok(bool good, const char *format, ...)
{
    va_list args;
    printf("%s %u - ", good ? "ok" : "not ok", ++run.done);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    run.failed += !good;
    return good;
}

void check_skip(const char *reason, const char *format, ...)
{
    va_list args;
    printf("ok %u - ", ++run.done);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" # SKIP %s\n", reason);
}

void check_note(const char *format, ...)
{
    va_list args;
    fputs("# ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

const struct lte_kernels *check_ref(void)
{
    static struct lte_kernels ref;
    lte_kernels_init(&ref, 0);
    return &ref;
}

const struct check_level *check_levels(void)
{
    static const char *const names[] = {"avx2", "avx512", "neon"};
    static struct lte_kernels table[CHECK_LEVELS - 1];
    static struct check_level levels[CHECK_LEVELS];
    size_t n = 0;
    for (size_t i = 0; i < CHECK_LEVELS - 1; i++) {
        const unsigned flags = (unsigned)lte_cpu_level(names[i]);
        if ((lte_cpu_detect() & flags) != flags)
            continue;
        lte_kernels_init(&table[n], flags);
        if (!strcmp(table[n].name, names[i])) {
            levels[n] = (struct check_level){names[i], &table[n]};
            n++;
        }
    }
    levels[n] = (struct check_level){NULL, NULL};
    if (!n)
        check_note("no level above the reference on this CPU and build");
    return levels;
}

uint32_t check_random(void)
{
    // splitmix64
    uint64_t z = run.state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

size_t check_below(size_t n)
{
    return n ? check_random() % n : 0;
}

float check_uniform(float low, float high)
{
    return low + (high - low) * ((float)(check_random() >> 8) * 0x1p-24f);
}

float check_normal(void)
{
    float s = 0; // twelve uniforms: mean 0, variance 1
    for (int i = 0; i < 12; i++)
        s += check_uniform(-0.5f, 0.5f);
    return s;
}

const char *check_fill_name(enum check_fill fill)
{
    static const char *const names[] = {"normal", "near zero", "huge", "denormal", "one NaN"};
    return names[fill];
}

void check_fill(float *x, size_t n, enum check_fill fill)
{
    static const float scale[] = {1.0f, 1e-20f, 1e15f, 1e-40f, 1.0f};
    for (size_t i = 0; i < n; i++)
        x[i] = check_normal() * scale[fill];
    if (fill == CHECK_ONE_NAN && n)
        x[check_below(n)] = NAN;
}

void *check_buffer(size_t bytes, size_t offset)
{
    if (buffer_count == MAX_BUFFERS) {
        fprintf(stderr, "check_buffer: more than %d buffers\n", MAX_BUFFERS);
        exit(99);
    }
    const size_t front = GUARD + offset;
    unsigned char *base = aligned_alloc(64, (front + bytes + GUARD + 63) / 64 * 64);
    if (!base)
        exit(99);
    memset(base, GUARD_BYTE, front);
    memset(base + front, FILL_BYTE, bytes);
    memset(base + front + bytes, GUARD_BYTE, GUARD);
    buffers[buffer_count++] = (struct buffer){base, front, bytes};
    return base + front;
}

float *check_floats(size_t n)
{
    return check_buffer(n * sizeof(float), 0);
}

bool check_guards(void)
{
    for (size_t b = 0; b < buffer_count; b++) {
        const struct buffer *u = &buffers[b];
        for (size_t i = 0; i < u->front + GUARD; i++) {
            const size_t at = i < u->front ? i : i + u->bytes;
            if (u->base[at] != GUARD_BYTE) {
                check_note("guard byte %td of a buffer of %zu bytes was overwritten",
                           (ptrdiff_t)at - (ptrdiff_t)u->front, u->bytes);
                return false;
            }
        }
    }
    return true;
}

void check_free_buffers(void)
{
    for (size_t b = 0; b < buffer_count; b++)
        free(buffers[b].base);
    buffer_count = 0;
}

bool check_near(const float *got, const float *want, size_t n, double scale, double tolerance,
                double *worst, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (got[i] == want[i] || (isnan(got[i]) && isnan(want[i])))
            continue;
        const double error = fabs((double)got[i] - want[i]) / (scale > DBL_MIN ? scale : DBL_MIN);
        if (worst && error > *worst)
            *worst = error;
        if (!(error <= tolerance)) {
            check_note("%s: element %zu is %.9g, want %.9g (error %.3g of scale %.3g, tolerance %.3g)",
                       what, i, got[i], want[i], error, scale, tolerance);
            return false;
        }
    }
    return true;
}

double check_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool check_is_emulated(void)
{
    const char *emulator = getenv("EMULATOR");
    return emulator && *emulator;
}

#ifndef __has_feature // clang's; gcc has macros
#define __has_feature(x) 0
#endif

bool check_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#endif
}

bool check_is_slow(void)
{
    const char *asked = getenv("LTE_CPU");
    const int level = asked && *asked ? lte_cpu_level(asked) : -1;
    struct lte_kernels kernels;
    lte_kernels_init(&kernels, lte_cpu_detect() & (unsigned)level);
    return check_is_emulated() || check_is_sanitized() || !strcmp(kernels.name, "ref");
}
