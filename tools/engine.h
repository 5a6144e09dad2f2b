// SPDX-License-Identifier: BSD-2-Clause
// What every command that runs a model opens: context, model, session; and the options for them.
#ifndef LTE_TOOLS_ENGINE_H
#define LTE_TOOLS_ENGINE_H

#include <lte.h>
#include <stdbool.h>

#include "tools/options.h"
#include "tools/text.h"

struct engine_settings {
    uint64_t threads;    // 0: all
    const char *cpu;     // NULL: the best
    const char *device;  // "cpu", "auto", "vulkan" or "vulkan:N"; NULL: the CPU
    uint64_t max_tokens; // 0: as many as the command needs
    int kv;              // enum lte_dtype
    uint64_t batch;      // 0: the library's default
    uint64_t loops;      // 0: as the model says
    float exit_threshold; // 0: as the model says
    int exit_weighted;
    bool share_loops;
};

extern const char *const engine_dtypes[];

// Rows for the table of a command whose settings have a struct engine_settings called `engine`.
#define ENGINE_OPTIONS(settings)                                                                  \
    {.name = "threads", .letter = 't', .kind = OPTION_INTEGER,                                    \
     .offset = offsetof(settings, engine.threads), .argument = "N", .low = 1, .high = 1024,       \
     .help = "threads (default: one per core)"},                                                  \
    {.name = "cpu", .kind = OPTION_TEXT, .offset = offsetof(settings, engine.cpu),                \
     .argument = "LEVEL",                                                                         \
     .help = "highest kernel level: ref, avx2, avx512 or neon\n(default: what the CPU has)"},     \
    {.name = "device", .kind = OPTION_TEXT, .offset = offsetof(settings, engine.device),          \
     .argument = "NAME", .help = "cpu, auto, vulkan or vulkan:N (default: cpu)"},                 \
    {.name = "loops", .kind = OPTION_INTEGER, .offset = offsetof(settings, engine.loops),         \
     .argument = "N", .low = 1, .high = 64,                                                       \
     .help = "times a looped model's layers run per token\n(default: as its config says)"}
#define SESSION_OPTIONS(settings)                                                                 \
    {.name = "max-tokens", .kind = OPTION_INTEGER,                                                \
     .offset = offsetof(settings, engine.max_tokens), .argument = "N", .low = 1,                  \
     .high = UINT64_C(1) << 40,                                                                   \
     .help = "context limit of a model whose memory grows with it\n(default: what is needed)"},   \
    {.name = "kv", .kind = OPTION_CHOICE, .offset = offsetof(settings, engine.kv),                \
     .argument = "TYPE", .choices = engine_dtypes,                                                \
     .help = "type of the keys and values kept: f32, bf16 or f16\n(default: f32)"},               \
    {.name = "batch", .kind = OPTION_INTEGER, .offset = offsetof(settings, engine.batch),         \
     .argument = "N", .low = 1, .high = 4096,                                                     \
     .help = "most tokens computed at once (default: 256)"},                                      \
    {.name = "exit-threshold", .kind = OPTION_REAL,                                               \
     .offset = offsetof(settings, engine.exit_threshold), .argument = "Q", .real_low = 0,         \
     .real_high = 1e6f, .above = 1,                                                               \
     .help = "chance at which a token leaves a looped model's loops;\nabove 1: never "            \
             "(default: as its config says)"},                                                    \
    {.name = "exit-weighted", .kind = OPTION_FLAG,                                                \
     .offset = offsetof(settings, engine.exit_weighted),                                          \
     .help = "mean of the loops' logits, by the chance of leaving there"},                        \
    {.name = "share-loops", .kind = OPTION_FLAG, .offset = offsetof(settings, engine.share_loops), \
     .help = "loops share the last one's keys and values: less memory,\nanother result"}

struct engine {
    struct lte_context *context;
    struct lte_model *model;
    struct lte_model_info info;
    const char *folder;
};

// Opens the context and loads `folder`, or the shipped model if it is NULL. Returns an exit status,
// the reason having been printed; the engine is to be closed in any case.
int engine_open(struct engine *engine, const struct engine_settings *settings, const char *folder);
void engine_close(struct engine *engine);

// The session parameters for a command that reads and makes `needed` tokens.
struct lte_session_params engine_session_params(const struct engine_settings *settings,
                                                uint64_t needed);

// Makes a session and says what it takes. Fails with advice if a growing model's limit is below
// `needed`. Returns an exit status.
int engine_session(const struct engine *engine, const struct engine_settings *settings,
                   uint64_t needed, struct lte_session **session, struct lte_plan *plan);

// Reads a text (see text_read()), opens the engine and encodes the text: what a command does that
// works on one. Returns an exit status; engine and tokens are to be ended in any case.
int engine_read(struct engine *engine, const struct engine_settings *settings, const char *folder,
                const char *words, const char *file, bool special, struct tokens *tokens);

// The model's tokenizer, or NULL after a message.
const struct lte_tokenizer *engine_tokenizer(const struct engine *engine);

#endif
