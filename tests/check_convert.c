// SPDX-License-Identifier: BSD-2-Clause
// Conversions: the reference against values worked out by hand and against exact arithmetic, every
// level against the reference, to the bit.
#include "config.h"

#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "lte/base.h"

enum { HALVES = 65536, MAX_N = 40 };

static const char *const dtype_name[] = {"f32", "bf16", "f16"};
static const size_t element_size[] = {4, 2, 2};

static float from_bits(uint32_t u)
{
    float a;
    memcpy(&a, &u, sizeof a);
    return a;
}

static uint32_t to_bits(float a)
{
    uint32_t u;
    memcpy(&u, &a, sizeof u);
    return u;
}

static bool half_is_nan(int dtype, uint16_t h)
{
    return (h & 0x7fff) > (dtype == LTE_DTYPE_F16 ? 0x7c00 : 0x7f80);
}

static bool half_is_quiet(int dtype, uint16_t h)
{
    return h & (dtype == LTE_DTYPE_F16 ? 0x200 : 0x40);
}

// Equal bits; two NaNs agree if the second, the one under test, is quiet.
static bool same_half(int dtype, uint16_t want, uint16_t got)
{
    return want == got ||
           (half_is_nan(dtype, want) && half_is_nan(dtype, got) && half_is_quiet(dtype, got));
}

static bool same_float(float want, float got)
{
    return to_bits(want) == to_bits(got) || (isnan(want) && isnan(got));
}

// ---- the reference itself ----

static void known_values(void)
{
    static const struct {
        uint32_t from;
        uint16_t bf16, f16;
    } known[] = {
        {0x00000000, 0x0000, 0x0000}, {0x80000000, 0x8000, 0x8000},
        {0x3f800000, 0x3f80, 0x3c00}, {0xbf800000, 0xbf80, 0xbc00}, // +-1
        {0x3f808000, 0x3f80, 0x3c04},                               // tie of bf16, to even below
        {0x3f818000, 0x3f82, 0x3c0c},                               // and above
        {0x3f801000, 0x3f80, 0x3c00}, {0x3f803000, 0x3f80, 0x3c02}, // ties of f16
        {0x477fe000, 0x4780, 0x7bff}, {0x477fefff, 0x4780, 0x7bff}, // 65504 and just below 65520
        {0x477ff000, 0x4780, 0x7c00},                               // 65520 rounds to infinity
        {0x7f7fffff, 0x7f80, 0x7c00}, {0x7f800000, 0x7f80, 0x7c00},
        {0xff800000, 0xff80, 0xfc00}, {0x7f800001, 0x7fc0, 0x7e00}, // a signalling NaN
        {0x38800000, 0x3880, 0x0400}, {0x387fffff, 0x3880, 0x0400}, // 2^-14 and just below
        {0x387fc000, 0x3880, 0x03ff},                               // the largest f16 subnormal
        {0x33800000, 0x3380, 0x0001}, {0x33000000, 0x3300, 0x0000}, // 2^-24; 2^-25, a tie
        {0x33000001, 0x3300, 0x0001}, {0x00000001, 0x0000, 0x0000},
        {0x00018000, 0x0002, 0x0000},                               // fp32 subnormals in bf16
    };
    bool good = true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const float a = from_bits(known[i].from);
        uint16_t b, h;
        check_ref()->narrow[LTE_DTYPE_BF16](&b, &a, 1);
        check_ref()->narrow[LTE_DTYPE_F16](&h, &a, 1);
        if (b != known[i].bf16 || h != known[i].f16) {
            check_note("%08x became %04x and %04x, want %04x and %04x", (unsigned)known[i].from, b,
                       h, known[i].bf16, known[i].f16);
            good = false;
        }
    }
    check_ok(good, "reference: known values");
}

// A finite f16 from its definition.
static double f16_value(uint16_t h)
{
    const int exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    const double m = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return h & 0x8000 ? -m : m;
}

static void f16_definition(void)
{
    bool good = true;
    for (uint32_t h = 0; good && h < HALVES; h++) {
        const uint16_t half = (uint16_t)h;
        float a;
        check_ref()->widen[LTE_DTYPE_F16](&a, &half, 1);
        if ((h & 0x7c00) == 0x7c00)
            good = h & 0x3ff ? isnan(a) : isinf(a) && (a < 0) == (h >> 15);
        else
            good = (double)a == f16_value(half) && !signbit(a) == !(h >> 15);
        if (!good)
            check_note("f16 %04x became %g", (unsigned)h, a);
    }
    check_ok(good, "reference: every f16 widens to its value");
}

// Every half comes back from fp32, and the middle between neighbours goes to the even one, the
// floats next to the middle to their own side.
static void round_trip(int dtype)
{
    const uint32_t infinity = dtype == LTE_DTYPE_F16 ? 0x7c00 : 0x7f80;
    bool good = true;
    for (uint32_t h = 0; good && h < infinity; h++) {
        const uint16_t pair[2] = {(uint16_t)h, (uint16_t)(h + 1)};
        float wide[2], in[4];
        uint16_t out[4];
        check_ref()->widen[dtype](wide, pair, 2);
        const double top = dtype == LTE_DTYPE_F16 ? 0x1p16 : 0x1p128;
        const float middle = (float)((wide[0] + (isinf(wide[1]) ? top : wide[1])) / 2);
        in[0] = wide[0];
        in[1] = nextafterf(middle, 0);
        in[2] = middle;
        in[3] = nextafterf(middle, INFINITY);
        check_ref()->narrow[dtype](out, in, 4);
        good = out[0] == pair[0] && out[1] == pair[0] && out[2] == pair[h & 1] && out[3] == pair[1];
        if (!good)
            check_note("about %04x: %04x %04x %04x %04x", (unsigned)h, out[0], out[1], out[2],
                       out[3]);
    }
    check_ok(good, "reference: %s rounds to nearest even", dtype_name[dtype]);
}

// ---- every level ----

static void all_halves(const struct check_level *l, int dtype)
{
    uint16_t *from = check_buffer(HALVES * sizeof *from, 0);
    float *want = check_floats(HALVES), *got = check_floats(HALVES);
    for (uint32_t h = 0; h < HALVES; h++)
        from[h] = (uint16_t)h;
    check_ref()->widen[dtype](want, from, HALVES);
    l->kernels->widen[dtype](got, from, HALVES);
    bool good = check_guards();
    for (size_t i = 0; good && i < HALVES; i++)
        if (!same_float(want[i], got[i])) {
            check_note("%04zx became %08x, want %08x", i, (unsigned)to_bits(got[i]),
                       (unsigned)to_bits(want[i]));
            good = false;
        }
    check_free_buffers();
    check_ok(good, "widen %s %s: all 65536", dtype_name[dtype], l->name);
}

// Random bit patterns, half of them with an exponent near the f16 range, and the middles between
// halves, where rounding is decided.
static void fill_patterns(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u = check_random();
        if (i & 1)
            u = (u & 0x807fffff) | (100 + (uint32_t)check_below(46)) << 23;
        if (i & 2)
            u &= ~(uint32_t)0xfff; // ties of f16
        else if (i & 4)
            u = (u & 0xffff0000) | 0x8000; // ties of bf16
        x[i] = from_bits(u);
    }
}

static void many_floats(const struct check_level *l, int dtype)
{
    enum { N = 1 << 16, ROUNDS = 8 };
    bool good = true;
    for (int round = 0; good && round < ROUNDS; round++) {
        float *from = check_floats(N);
        uint16_t *want = check_buffer(N * sizeof *want, 0), *got = check_buffer(N * sizeof *got, 0);
        fill_patterns(from, N);
        check_ref()->narrow[dtype](want, from, N);
        l->kernels->narrow[dtype](got, from, N);
        good = check_guards();
        for (size_t i = 0; good && i < N; i++)
            if (!same_half(dtype, want[i], got[i])) {
                check_note("%08x became %04x, want %04x", (unsigned)to_bits(from[i]), got[i],
                           want[i]);
                good = false;
            }
        check_free_buffers();
    }
    check_ok(good, "narrow %s %s: %d patterns", dtype_name[dtype], l->name, N * ROUNDS);
}

// Lengths about the vector, storage at any address, all fills.
static bool length_agrees(const struct check_level *l, int dtype, size_t n, size_t offset,
                          enum check_fill fill)
{
    const size_t bytes = n * element_size[dtype];
    float *from = check_floats(n), *want = check_floats(n), *got = check_floats(n);
    unsigned char *half = check_buffer(bytes, offset), *other = check_buffer(bytes, offset);
    check_fill(from, n, fill);
    check_ref()->narrow[dtype](half, from, n);
    l->kernels->narrow[dtype](other, from, n);
    check_ref()->widen[dtype](want, half, n);
    l->kernels->widen[dtype](got, other, n);
    bool good = check_guards();
    for (size_t i = 0; good && i < n; i++)
        good = same_float(want[i], got[i]);
    if (!good)
        check_note("%s n %zu offset %zu %s", dtype_name[dtype], n, offset, check_fill_name(fill));
    check_free_buffers();
    return good;
}

static void lengths(const struct check_level *l, int dtype)
{
    bool good = true;
    for (size_t n = 0; n <= MAX_N; n++)
        for (size_t offset = 0; offset < 4; offset++)
            for (int fill = 0; good && fill < CHECK_FILLS; fill++)
                good = length_agrees(l, dtype, n, offset, (enum check_fill)fill);
    check_ok(good, "convert %s %s: lengths 0 to %d at any address", dtype_name[dtype], l->name,
             MAX_N);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "convert");
    known_values();
    f16_definition();
    round_trip(LTE_DTYPE_BF16);
    round_trip(LTE_DTYPE_F16);
    for (const struct check_level *l = check_levels(); l->name; l++)
        for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_F16; dtype++) {
            lengths(l, dtype);
            if (dtype == LTE_DTYPE_F32)
                continue;
            all_halves(l, dtype);
            many_floats(l, dtype);
        }
    return check_end();
}
