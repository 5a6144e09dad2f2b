// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tests/roof.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/check.h"

enum { ROUNDS = 20000, CHAINS = 12, SAMPLES = 15 };

static const double SAMPLE_SECONDS = 4e-3;

static volatile float sink;

struct array {
    float *x;
    size_t n; // a multiple of 64
};

// The loops of one instruction set: CHAINS chains of FMAs, x = x*a + b in place, and a sum.
#define LOOPS(isa, attribute, V, VL, set1, load, store, fma, first)               \
    attribute static void flops_##isa(void *arg)                                  \
    {                                                                             \
        V c[CHAINS];                                                              \
        const V a = set1(0.999f), b = set1(1e-3f);                                \
        (void)arg;                                                                \
        for (int i = 0; i < CHAINS; i++)                                          \
            c[i] = set1((float)i);                                                \
        for (int r = 0; r < ROUNDS; r++) {                                        \
            c[0] = fma(c[0], a, b), c[1] = fma(c[1], a, b);                       \
            c[2] = fma(c[2], a, b), c[3] = fma(c[3], a, b);                       \
            c[4] = fma(c[4], a, b), c[5] = fma(c[5], a, b);                       \
            c[6] = fma(c[6], a, b), c[7] = fma(c[7], a, b);                       \
            c[8] = fma(c[8], a, b), c[9] = fma(c[9], a, b);                       \
            c[10] = fma(c[10], a, b), c[11] = fma(c[11], a, b);                   \
        }                                                                         \
        for (int i = 1; i < CHAINS; i++)                                          \
            c[0] = fma(c[i], a, c[0]);                                            \
        sink = first(c[0]);                                                       \
    }                                                                             \
    attribute static void in_place_##isa(void *arg)                               \
    {                                                                             \
        const struct array *m = arg;                                              \
        const V a = set1(0.999f), b = set1(1e-3f);                                \
        for (size_t i = 0; i < m->n; i += 4 * VL) {                               \
            const V p = load(m->x + i), q = load(m->x + i + VL);                  \
            const V s = load(m->x + i + 2 * VL), t = load(m->x + i + 3 * VL);     \
            store(m->x + i, fma(p, a, b));                                        \
            store(m->x + i + VL, fma(q, a, b));                                   \
            store(m->x + i + 2 * VL, fma(s, a, b));                               \
            store(m->x + i + 3 * VL, fma(t, a, b));                               \
        }                                                                         \
    }                                                                             \
    attribute static void read_##isa(void *arg)                                   \
    {                                                                             \
        const struct array *m = arg;                                              \
        const V a = set1(0.999f);                                                 \
        V p = a, q = a, s = a, t = a;                                             \
        for (size_t i = 0; i < m->n; i += 4 * VL) {                               \
            p = fma(load(m->x + i), a, p), q = fma(load(m->x + i + VL), a, q);    \
            s = fma(load(m->x + i + 2 * VL), a, s);                               \
            t = fma(load(m->x + i + 3 * VL), a, t);                               \
        }                                                                         \
        sink = first(fma(fma(p, q, s), a, t));                                    \
    }

static inline float set1(float a) { return a; }
static inline float load(const float *p) { return *p; }
static inline void store(float *p, float a) { *p = a; }
static inline float multiply_add(float a, float b, float c) { return a * b + c; }
LOOPS(ref, , float, 1, set1, load, store, multiply_add, set1)

#if defined(__x86_64__)
#include <immintrin.h>
LOOPS(avx2, __attribute__((target("avx2,fma"))), __m256, 8, _mm256_set1_ps, _mm256_loadu_ps,
      _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)
LOOPS(avx512, __attribute__((target("avx512f"))), __m512, 16, _mm512_set1_ps, _mm512_loadu_ps,
      _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)
#elif defined(__aarch64__)
#include <arm_neon.h>
static inline float32x4_t fma_neon(float32x4_t a, float32x4_t b, float32x4_t c)
{
    return vfmaq_f32(c, a, b);
}
LOOPS(neon, , float32x4_t, 4, vdupq_n_f32, vld1q_f32, vst1q_f32, fma_neon, vaddvq_f32)
#endif

static const struct {
    const char *name;
    size_t lanes;
    void (*flops)(void *arg), (*in_place)(void *arg), (*read)(void *arg);
} levels[] = {
    {"ref", 1, flops_ref, in_place_ref, read_ref},
#if defined(__x86_64__)
    {"avx2", 8, flops_avx2, in_place_avx2, read_avx2},
    {"avx512", 16, flops_avx512, in_place_avx512, read_avx512},
#elif defined(__aarch64__)
    {"neon", 4, flops_neon, in_place_neon, read_neon},
#endif
};

static size_t level_of(const char *name)
{
    size_t i = sizeof levels / sizeof levels[0];
    while (--i && strcmp(levels[i].name, name))
        ;
    return i;
}

double roof_flops(const char *level)
{
    const size_t i = level_of(level);
    return 2.0 * CHAINS * ROUNDS * (double)levels[i].lanes / check_time(levels[i].flops, NULL);
}

static double stream(void (*loop)(void *arg), size_t bytes)
{
    struct array m = {NULL, bytes / sizeof(float) / 64 * 64};
    m.x = aligned_alloc(64, m.n * sizeof(float));
    if (!m.x)
        exit(99);
    for (size_t i = 0; i < m.n; i++)
        m.x[i] = 1.0f;
    const double seconds = check_time(loop, &m);
    free(m.x);
    return sizeof(float) * (double)m.n / seconds;
}

double roof_in_place(const char *level, size_t bytes)
{
    return 2 * stream(levels[level_of(level)].in_place, bytes);
}

double roof_read(const char *level, size_t bytes)
{
    return stream(levels[level_of(level)].read, bytes);
}

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double timed(void (*fn)(void *arg), void *arg, size_t calls)
{
    const double start = cpu_now();
    for (size_t i = 0; i < calls; i++)
        fn(arg);
    return (cpu_now() - start) / (double)calls;
}

// Calls that take about four milliseconds; also the warm-up.
static size_t calibrate(void (*fn)(void *arg), void *arg)
{
    size_t calls = 1;
    while (timed(fn, arg, calls) * (double)calls < SAMPLE_SECONDS)
        calls *= 2;
    return calls;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x)
{
    qsort(x, SAMPLES, sizeof *x, compare_doubles);
    return x[SAMPLES / 2];
}

struct roof_time roof_compare(void (*fn)(void *arg), void *arg, double work, const char *level,
                              enum roof roof, size_t bytes)
{
    const size_t l = level_of(level), n = bytes / sizeof(float) / 64 * 64;
    struct array m = {aligned_alloc(64, (n + 64) * sizeof(float)), n};
    if (!m.x)
        exit(99);
    for (size_t i = 0; i < n; i++)
        m.x[i] = 1.0f;
    void (*const limits[])(void *) = {levels[l].flops, levels[l].in_place, levels[l].read};
    const double units[] = {2.0 * CHAINS * ROUNDS * (double)levels[l].lanes,
                            2.0 * sizeof(float) * (double)n, sizeof(float) * (double)n};
    void (*const limit)(void *) = limits[roof];
    const size_t limit_calls = calibrate(limit, &m), calls = calibrate(fn, arg);
    double seconds[SAMPLES], rate[SAMPLES], share[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        seconds[i] = timed(fn, arg, calls);
        rate[i] = units[roof] / timed(limit, &m, limit_calls);
        share[i] = work / seconds[i] / rate[i];
    }
    free(m.x);
    return (struct roof_time){median(seconds), median(rate), median(share)};
}
