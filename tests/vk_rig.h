// SPDX-License-Identifier: BSD-2-Clause
// One op on every Vulkan device against its compute function with the reference kernels: the same
// weights, inputs and sessions, step after step, then the values and the states compared.
#ifndef LTE_TESTS_VK_RIG_H
#define LTE_TESTS_VK_RIG_H

#include "lib/session.h"
#include "tests/check.h"

enum { VK_VALUES = 10, VK_SESSIONS = 8, VK_STEPS = 8 };

struct vk_case {
    struct lte_op op;              // slot 0; its values are 0 .. values-1, as the case numbers them
    size_t values, width[VK_VALUES];
    bool given[VK_VALUES];         // inputs: drawn anew for every step; others hold NaN before it
    size_t vocabulary;             // of token ids, and columns of LTE_LOGITS_VALUE
    size_t wanted;                 // not 0: the op is the output head's, for so many last rows
    struct lte_session_params params;
    size_t sessions;               // 1: steps of many rows; else steps of one row a session
    size_t steps, rows[VK_STEPS];  // sessions > 1: rows is not looked at
    unsigned without;              // features (enum lte_vk_feature) not to be used
    uint32_t shared;               // not 0: bytes of shared memory that the device is said to have
    enum check_fill fill;
    // The inputs of a step, [rows][width]; NULL: check_fill() with `fill`.
    void (*draw)(const struct vk_case *c, lte_value value, float *x, size_t rows);
    // In units of the largest magnitude of a value that the reference wrote, and of a state.
    double tolerance, state_tolerance;
    bool by_row;                   // the largest magnitude of a row, not of the whole value
    // Whether two states of the op's agree; NULL: as floats, by state_tolerance.
    bool (*same)(const struct vk_case *c, const struct lte_session *cpu, const void *cpu_state,
                 const void *device_state, size_t bytes);
};

// For `same`: word for word.
bool vk_same_words(const struct vk_case *c, const struct lte_session *cpu, const void *want,
                   const void *got, size_t bytes);

// Parameters as a session has by default, one session, one step of five rows, tolerance 1e-6.
struct vk_case vk_case(enum lte_op_kind kind);
// One TAP line a device (a skip if there is none): whether every step's values and the states
// agree, or, with `refused` non-NULL, whether the device refuses the op with a sentence that has
// this in it.
void vk_check(const struct vk_case *c, const char *name);
void vk_check_refused(const struct vk_case *c, const char *refused, const char *name);

// Call last: closes the devices.
void vk_end(void);

#endif
