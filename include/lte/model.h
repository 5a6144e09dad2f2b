// SPDX-License-Identifier: BSD-2-Clause
// A checkpoint: hyper-parameters, weights (mapped, not copied) and tokenizer.
#ifndef LTE_MODEL_H
#define LTE_MODEL_H

#include "context.h"
#include "tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lte_model;

// Loads a folder that holds config.json, model.safetensors (or shards and
// model.safetensors.index.json) and, unless the caller wants none, tokenizer.json. Every length,
// name, shape and type is checked before it is used; the weight files stay mapped until
// lte_model_free(). On success the caller owns *model; on failure it is NULL and nothing is leaked.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY, LTE_ERR_IO, LTE_ERR_FORMAT (damaged file, missing,
// unknown or misshapen tensor), LTE_ERR_UNSUPPORTED (model type, config key or tensor type; the log
// names it).
// Thread-safety: Safe. The model is constant once made: any number of threads and sessions may
// share it. Its files must not be changed while it lives.
LTE_API enum lte_status lte_model_load(struct lte_context *context, const char *folder,
                                       struct lte_model **model);

// Fill with lte_model_params_init(), then change what you want to.
struct lte_model_params {
    uint32_t loops;          // times the layers run per token. A model with weights or windows of
                             // its own for every loop has no more than it was made with; others
                             // have as many as wanted, up to 64. 0, the default: as config.json
                             // says
    uint64_t reserved[8];    // zero
};
LTE_API void lte_model_params_init(struct lte_model_params *params);
// lte_model_load() with parameters; NULL for the defaults. LTE_ERR_ARGUMENT also for loops that the
// model cannot have.
LTE_API enum lte_status lte_model_load_with(struct lte_context *context, const char *folder,
                                            const struct lte_model_params *params,
                                            struct lte_model **model);

// Frees a model; NULL is allowed. Its sessions must have been freed before.
LTE_API void lte_model_free(struct lte_model *model);

// The model's tokenizer, owned by the model; NULL if the folder has no tokenizer.json.
// Thread-safety: Safe.
LTE_API const struct lte_tokenizer *lte_model_tokenizer(const struct lte_model *model);

struct lte_model_info {
    const char *family;      // model_type of config.json; lives as long as the model
    uint32_t layers;         // physical layers N
    uint32_t loops;          // times the layers run per token, T; 1 for a plain model
    uint32_t width;          // hidden size
    uint32_t vocabulary;     // rows of the output head: ids are 0..vocabulary-1
    uint64_t parameters;     // weights, a tied head counted once; saved buffers not counted
    uint64_t weight_bytes;   // bytes of those weights in memory
    int32_t bos, eos;        // token ids of config.json, -1 if it has none
    uint32_t tensors;        // weight tensors in the files, saved buffers not counted
    uint32_t buffers;        // saved buffers (l1_lambda, num_kept)
    float exit_threshold;    // of leaving loops early, as config.json says; 0: there is no exit gate
    uint32_t trained_loops;  // loops that config.json says; `loops` are those in use
    uint64_t reserved[7];
};
// Fills *info. Thread-safety: Safe.
LTE_API void lte_model_describe(const struct lte_model *model, struct lte_model_info *info);

struct lte_layer_info {
    const char *mixer;       // "gdn", "delta_net", "kda", "retnet", "hgrn2", "mamba2", "attention",
                             // "window", "lte", "nsa", "dsa"
    uint32_t query_heads, key_heads, value_heads;
    uint32_t key_dim, value_dim;   // per head
    uint32_t window;         // tokens a query sees in the window, itself included; 0: no window. Of
                             // the first loop where loops differ
    uint32_t buffer, sinks;  // retained tokens per head and the sinks among them; 0 unless "lte"
    uint32_t selected;       // tokens that a query selects at most: "nsa", "dsa"; else 0
    uint64_t reserved[3];
};
// Fills *info for layer 0 <= layer < layers. LTE_OK, LTE_ERR_ARGUMENT. Thread-safety: Safe.
LTE_API enum lte_status lte_model_layer(const struct lte_model *model, uint32_t layer,
                                        struct lte_layer_info *info);

// Reads every weight once and counts values that are not finite: *count gets how many, and each
// tensor that has any is named in a warning. LTE_OK (also when *count > 0), LTE_ERR_ARGUMENT.
// Thread-safety: Safe.
LTE_API enum lte_status lte_model_check(const struct lte_model *model, uint64_t *count);

// How a model does on its context's device, compared with the CPU.
struct lte_trial {
    int passed;              // nonzero: its logits are those of the CPU, within rounding
    double error;            // their largest difference, relative to the largest logit
    double cpu_seconds;      // for reading 64 tokens and 16 more one by one; 0 unless it passed
    double device_seconds;
    uint64_t reserved[4];
};
// Tries a model that runs on a device. Loading it has done so already, and has left it on the CPU
// if it did not pass; with LTE_DEVICE_AUTO also if it was slower.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_UNSUPPORTED (it runs on the CPU), LTE_ERR_MEMORY,
// LTE_ERR_DEVICE.
// Thread-safety: Safe.
LTE_API enum lte_status lte_model_trial(const struct lte_model *model, struct lte_trial *trial);

// Makes `folder` with a copy of the config file and a randomly initialised model.safetensors, by
// the rules of the model's training recipe, the same for the same seed on every machine. Matrices
// are stored as `dtype`, vectors as F32. The folder may exist; existing model files are not
// overwritten (LTE_ERR_IO). On failure no partial model.safetensors is left behind.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY, LTE_ERR_IO, LTE_ERR_FORMAT, LTE_ERR_UNSUPPORTED.
// Thread-safety: Safe for different folders.
LTE_API enum lte_status lte_model_init(struct lte_context *context, const char *config,
                                       const char *folder, enum lte_dtype dtype, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
