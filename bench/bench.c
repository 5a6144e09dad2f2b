// SPDX-License-Identifier: BSD-2-Clause
// Options, timing, output and memory of the benches.
#include "config.h"

#include "bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { SAMPLES = 7, QUICK_SAMPLES = 3, MAX_TASKS = 8, MAX_BUFFERS = 64, LARGE_PAGE = 2 << 20 };
static const double SAMPLE_SECONDS = 0.06, QUICK_SECONDS = 0.005;

struct bench_options bench_options;

static void usage(const char *program, const char *what, const char *rest, int status)
{
    fprintf(status ? stderr : stdout,
            "usage: %s [--json] [--quick] [--filter TEXT] [--threads N] [--cpu LEVEL] [--tokens N]"
            "%s%s\n%s\n",
            program, rest ? " " : "", rest ? rest : "", what);
    exit(status);
}

void bench_begin(int argc, char **argv, const char *what, const char *rest)
{
    struct bench_options *o = &bench_options;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(a, "--json"))
            o->json = true;
        else if (!strcmp(a, "--quick"))
            o->quick = true;
        else if (!strcmp(a, "--filter") && value)
            o->filter = argv[++i];
        else if (!strcmp(a, "--cpu") && value)
            o->cpu = argv[++i];
        else if (!strcmp(a, "--threads") && value)
            o->threads = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (!strcmp(a, "--tokens") && value)
            o->tokens = strtoul(argv[++i], NULL, 10);
        else if (rest && a[0] != '-' && !o->rest)
            o->rest = a;
        else
            usage(argv[0], what, rest, strcmp(a, "--help") ? 2 : 0);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static void log_error(void *opaque, enum lte_log_level level, const char *message)
{
    (void)opaque;
    if (level == LTE_LOG_ERROR)
        fprintf(stderr, "%s\n", message);
}

struct lte_context *bench_open(void)
{
    struct lte_options options;
    struct lte_context *context;
    lte_options_init(&options);
    options.threads = bench_options.threads;
    options.cpu = bench_options.cpu;
    options.log = log_error;
    if (lte_open(&options, &context) != LTE_OK)
        exit(1);
    return context;
}

bool bench_wanted(const char *op, const char *shape)
{
    char name[128];
    snprintf(name, sizeof name, "%s %s", op, shape);
    return !bench_options.filter || strstr(name, bench_options.filter);
}

static double read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *sample, size_t n)
{
    qsort(sample, n, sizeof *sample, compare_doubles);
    return n % 2 ? sample[n / 2] : (sample[n / 2 - 1] + sample[n / 2]) / 2;
}

static clockid_t task_clock = CLOCK_MONOTONIC;

void bench_cpu_time(bool on)
{
    task_clock = on ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
}

static double time_calls(const struct bench_task *task, size_t calls)
{
    const double start = read_clock(task_clock);
    for (size_t i = 0; i < calls; i++)
        task->fn(task->arg);
    return read_clock(task_clock) - start;
}

// How many calls make a sample; also the warm-up.
static size_t find_calls(const struct bench_task *task, double seconds)
{
    size_t calls = 1;
    double took;
    while ((took = time_calls(task, calls)) < seconds) {
        const double factor = took > 0 ? 1.2 * seconds / took : 16;
        calls = factor < 16 ? (size_t)((double)calls * factor) + 1 : calls * 16;
    }
    return calls;
}

void bench_time(struct bench_task *task, size_t tasks)
{
    const size_t samples = bench_options.quick ? QUICK_SAMPLES : SAMPLES;
    double sample[MAX_TASKS][SAMPLES];
    size_t calls[MAX_TASKS];
    if (tasks > MAX_TASKS)
        abort();
    for (size_t i = 0; i < tasks; i++)
        calls[i] = find_calls(&task[i], bench_options.quick ? QUICK_SECONDS : SAMPLE_SECONDS);
    for (size_t s = 0; s < samples; s++)
        for (size_t i = 0; i < tasks; i++)
            sample[i][s] = time_calls(&task[i], calls[i]) / (double)calls[i];
    for (size_t i = 0; i < tasks; i++)
        task[i].seconds = bench_median(sample[i], samples);
}

void bench_title(const char *format, ...)
{
    if (bench_options.json)
        return;
    va_list args;
    va_start(args, format);
    putchar('\n');
    vprintf(format, args);
    va_end(args);
    printf("\n%-16s %-32s %-7s %3s %12s %9s %9s %7s  %s\n", "op", "shape", "isa", "thr", "ns/token",
           "GFLOP/s", "GB/s", "% roof", "roof");
}

// A JSON number, or null for what was not counted.
static void print_number(const char *name, double value)
{
    if (value > 0)
        printf(",\"%s\":%.6g", name, value);
    else
        printf(",\"%s\":null", name);
}

static void print_column(int width, int digits, double value)
{
    if (value > 0)
        printf(" %*.*f", width, digits, value);
    else
        printf(" %*s", width, "-");
}

void bench_print(const struct bench_row *row)
{
    // A roof has no tokens; what has none else is counted by the call.
    const double ns = row->tokens < 0 ? 0 : row->seconds * 1e9 / (row->tokens > 0 ? row->tokens : 1);
    const double gflops = row->flops / row->seconds * 1e-9, gbs = row->bytes / row->seconds * 1e-9;
    const double height = row->roof_gflops > 0 ? row->roof_gflops : row->roof_gbs;
    const double reached = row->roof_gflops > 0 ? gflops : gbs;
    const double percent = row->roof && height > 0 ? 100 * reached / height : 0;
    if (bench_options.json) {
        printf("{\"op\":\"%s\",\"shape\":\"%s\",\"isa\":\"%s\",\"threads\":%u", row->op, row->shape,
               row->isa, row->threads);
        print_number("ns_per_token", ns);
        print_number("gflops", gflops);
        print_number("gbs", gbs);
        print_number("percent_of_roof", percent);
        print_number("roof_height", row->roof ? height : 0);
        printf(row->roof ? ",\"roof\":\"%s\"}\n" : ",\"roof\":null}\n", row->roof);
        return;
    }
    printf("%-16s %-32s %-7s %3u", row->op, row->shape, row->isa, row->threads);
    print_column(12, 1, ns);
    print_column(9, 2, gflops);
    print_column(9, 2, gbs);
    print_column(7, 1, percent);
    if (row->roof)
        printf("  %s %.1f", row->roof, height);
    putchar('\n');
}

static struct {
    void *base, *memory;
    size_t bytes;
} buffers[MAX_BUFFERS];
static size_t buffer_count;

void *bench_alloc(size_t bytes)
{
    const size_t all = bytes + LARGE_PAGE;
    void *base = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || buffer_count == MAX_BUFFERS) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    uintptr_t at = (uintptr_t)base;
    if (bytes >= LARGE_PAGE) {
        at = (at + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
#ifdef MADV_HUGEPAGE
        madvise((void *)at, bytes, MADV_HUGEPAGE);
#endif
    }
    buffers[buffer_count].base = base;
    buffers[buffer_count].memory = (void *)at;
    buffers[buffer_count++].bytes = all;
    return (void *)at;
}

float *bench_floats(size_t n, float scale)
{
    uint32_t state = (uint32_t)n;
    float *x = bench_alloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ((float)(state >> 8) * 0x1p-23f - 1) * scale;
    }
    return x;
}

void bench_free(void *memory)
{
    for (size_t i = 0; i < buffer_count; i++) {
        if (buffers[i].memory == memory) {
            munmap(buffers[i].base, buffers[i].bytes);
            buffers[i] = buffers[--buffer_count];
            return;
        }
    }
}

void bench_free_all(void)
{
    while (buffer_count)
        bench_free(buffers[buffer_count - 1].memory);
}
