// SPDX-License-Identifier: BSD-2-Clause
// The context: allocator, log, threads and the CPU kernels chosen for this machine.
#ifndef LTE_CONTEXT_H
#define LTE_CONTEXT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lte_context;

// Where the graph runs.
enum lte_device {
    LTE_DEVICE_CPU = 0,
    LTE_DEVICE_AUTO = 1,  // the fastest device that passes its self-test; the CPU if there is none
    LTE_DEVICE_VULKAN = 2
};

// Fill with lte_options_init(), then change what you want to.
struct lte_options {
    unsigned threads;                // 1..1024; 0: one per core this process may run on, little
                                     // cores of a mixed (big.LITTLE) machine left out
    const char *cpu;                 // "ref", "avx2", "avx512", "neon": the highest kernel level to
                                     // use; NULL: what the CPU has, or what LTE_CPU says if it is
                                     // set
    enum lte_device device;          // LTE_DEVICE_CPU by default
    unsigned device_number;          // LTE_DEVICE_VULKAN: which of the loader's devices; 0, the first
    struct lte_allocator allocator;  // all members NULL: the C library's
    lte_log_fn *log;                 // NULL: messages are dropped
    void *log_opaque;
    uintptr_t reserved[8];           // zero
};

// A device that the Vulkan loader lists.
struct lte_device_info {
    char name[256];
    char vulkan[16];                 // version of its interface, as "1.3.230"
    uint64_t memory;                 // bytes of its largest memory of its own
    int software;                    // nonzero: it is the CPU, computing as a device does
    int subgroups, float16, storage16, cooperative; // nonzero: what shaders may use; the last is
                                     // cooperative matrices
    uint64_t reserved[8];
};
// Describes the device with that number, from 0. Of `options`, which may be NULL, allocator and log
// are looked at. LTE_OK, LTE_ERR_ARGUMENT (info NULL, or there are not so many devices: none
// without a loader), LTE_ERR_UNSUPPORTED (it lacks what shaders need; name and version are given,
// the log says the rest), LTE_ERR_MEMORY, LTE_ERR_DEVICE. Thread-safety: Safe.
LTE_API enum lte_status lte_device_describe(const struct lte_options *options, unsigned number,
                                            struct lte_device_info *info);

// Writes the defaults. Thread-safety: Safe.
LTE_API void lte_options_init(struct lte_options *options);

// Makes a context. `options` may be NULL for the defaults and need only live until the call
// returns. On success the caller owns *context and ends it with lte_close(), after everything made
// from it; on failure *context is NULL.
// LTE_OK, LTE_ERR_ARGUMENT (context NULL; threads, cpu or device outside the lists above; cpu names
// a level this CPU or build does not have), LTE_ERR_MEMORY, LTE_ERR_DEVICE (it is there and fails).
// Without the device that was asked for, or a library built for it, everything runs on the CPU; the
// log says why.
// Thread-safety: Safe. The context is constant once made: any number of threads may use it at once.
// With OpenBLAS built in, the first context sets OpenBLAS to one thread for the whole process: the
// library splits the work itself.
LTE_API enum lte_status lte_open(const struct lte_options *options, struct lte_context **context);

// Frees a context and ends its threads; NULL is allowed. Models, tokenizers, samplers and sessions
// made from it must have been freed before. Thread-safety: nothing else may use the context during
// or after the call.
LTE_API void lte_close(struct lte_context *context);

// Kernel level in use: "ref", "avx2", "avx512" or "neon". Thread-safety: Safe.
LTE_API const char *lte_context_cpu(const struct lte_context *context);
// Name of the device in use, or "cpu". Lives as long as the context. Thread-safety: Safe.
LTE_API const char *lte_context_device(const struct lte_context *context);
// Most threads that a call uses, the calling one included; at least 1. Thread-safety: Safe.
LTE_API unsigned lte_context_threads(const struct lte_context *context);

#ifdef __cplusplus
}
#endif
#endif
