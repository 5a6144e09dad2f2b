// SPDX-License-Identifier: BSD-2-Clause
// From logits to a token: greedy, temperature, top-k, top-p, min-p, repetition penalty.
#ifndef LTE_SAMPLER_H
#define LTE_SAMPLER_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lte_sampler;

// Fill with lte_sampler_params_init(), then change what you want to. The steps apply in the order
// of the members.
struct lte_sampler_params {
    float repetition_penalty;  // > 0; logits of recent tokens are divided (if positive) or
                               // multiplied (if negative) by it; 1: off (default)
    uint32_t repetition_window;// how many recent tokens count, at most 65536; default 64
    float temperature;         // >= 0; 0: greedy, the largest logit, lowest id on ties. Default 0
    uint32_t top_k;            // keep the k largest; 0: off (default)
    float top_p;               // (0,1]: keep the smallest set of largest probabilities whose sum
                               // reaches p; 1: off (default)
    float min_p;               // [0,1]: drop what is below min_p times the largest; 0: off (default)
    uint64_t seed;             // same seed, same parameters, same logits: same tokens, everywhere
    uint64_t reserved[4];      // zero
};
LTE_API void lte_sampler_params_init(struct lte_sampler_params *params);

// Makes a sampler for logits of `vocabulary` values. `params` may be NULL (greedy). On success the
// caller owns *sampler and ends it with lte_sampler_free(); on failure it is NULL.
// LTE_OK, LTE_ERR_ARGUMENT (a value outside its range; the log names it), LTE_ERR_MEMORY.
// Thread-safety: Safe; a sampler belongs to one thread at a time.
LTE_API enum lte_status lte_sampler_new(struct lte_context *context, uint32_t vocabulary,
                                        const struct lte_sampler_params *params,
                                        struct lte_sampler **sampler);
LTE_API void lte_sampler_free(struct lte_sampler *sampler);

// Chooses a token from logits[vocabulary], which it does not change, and remembers it for the
// repetition penalty. A NaN logit is never chosen while another is left.
// LTE_OK, LTE_ERR_ARGUMENT (no finite logit at all: *token is unchanged). Allocates nothing.
LTE_API enum lte_status lte_sampler_sample(struct lte_sampler *sampler, const float *logits,
                                           uint32_t *token);
// Remembers a token that came from elsewhere (the prompt). LTE_OK, LTE_ERR_ARGUMENT.
LTE_API enum lte_status lte_sampler_accept(struct lte_sampler *sampler, uint32_t token);
// Back to the seed, with nothing remembered.
LTE_API void lte_sampler_reset(struct lte_sampler *sampler);

#ifdef __cplusplus
}
#endif
#endif
