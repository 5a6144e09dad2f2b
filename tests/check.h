// SPDX-License-Identifier: BSD-2-Clause
// Harness of the kernel checks: TAP output, one pass per instruction-set level, random inputs that
// hit edges, guarded buffers, the worst error printed. bench/ times the kernels.
//
//     int main(int argc, char **argv)
//     {
//         check_begin(argc, argv, "rmsnorm");
//         for (const struct check_level *l = check_levels(); l->name; l++) {
//             ... compare l->kernels->rmsnorm with check_ref()->rmsnorm ...
//             check_ok(good, "rmsnorm %s", l->name);
//         }
//         return check_end();
//     }
#ifndef LTE_TESTS_CHECK_H
#define LTE_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simd/table.h"

// Reads --seed N; prints the seed as the command that reruns with it.
void check_begin(int argc, char **argv, const char *name);
int check_end(void);        // prints the plan; the exit status

// One TAP line.
bool check_ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_skip(const char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_note(const char *format, ...) __attribute__((format(printf, 1, 2))); // "# ..."

// The levels above the reference that this CPU and build have, ended by a NULL name. There may be
// none. Each table holds exactly what a context with that level would use.
enum { CHECK_LEVELS = 4 }; // with the reference
struct check_level {
    const char *name;
    const struct lte_kernels *kernels;
};
const struct check_level *check_levels(void);
const struct lte_kernels *check_ref(void);

// Begins the random numbers of the seed again.
void check_restart(void);
// Random numbers, the same for the same seed everywhere.
uint32_t check_random(void);
size_t check_below(size_t n);              // 0..n-1
float check_uniform(float low, float high);
float check_normal(void);

enum check_fill {
    CHECK_NORMAL,
    CHECK_NEAR_ZERO,  // around 1e-20
    CHECK_HUGE,       // around 1e15
    CHECK_DENORMAL,
    CHECK_ONE_NAN,    // normal with one NaN
    CHECK_FILLS
};
const char *check_fill_name(enum check_fill fill);
void check_fill(float *x, size_t n, enum check_fill fill);

// `bytes` of memory with guard bytes on both sides, filled with 0xA5, 64-byte aligned plus
// `offset`. check_guards() is false if a guard byte of any live buffer was changed (and says so).
void *check_buffer(size_t bytes, size_t offset);
float *check_floats(size_t n);             // check_buffer(n * 4, 0)
bool check_guards(void);
void check_free_buffers(void);             // all of them

// Compares got[i] with want[i]: both NaN, equal, or within tolerance * scale. Keeps the largest
// |got - want| / scale in *worst. Prints the first mismatch.
bool check_near(const float *got, const float *want, size_t n, double scale, double tolerance,
                double *worst, const char *what);

double check_now(void); // seconds, monotonic

bool check_is_emulated(void);  // EMULATOR, as `make check` sets it
bool check_is_sanitized(void);
// Whether things take tens of times as long as elsewhere: emulated, sanitized, or with the reference
// kernels alone. A check then does less of what it does often, and leaves out no kind of it.
bool check_is_slow(void);

#endif
