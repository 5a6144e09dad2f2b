// SPDX-License-Identifier: BSD-2-Clause
// From logits to a token: greedy, temperature, top-k, top-p, min-p, repetition penalty.
#ifndef LTE_SAMPLER_H
#define LTE_SAMPLER_H

#include "candidate.h"
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
// repetition penalty. NaN and -infinity are never chosen.
// LTE_OK, LTE_ERR_ARGUMENT (no logit is above -infinity: *token is unchanged). Allocates nothing.
LTE_API enum lte_status lte_sampler_sample(struct lte_sampler *sampler, const float *logits,
                                           uint32_t *token);

// How many of the largest logits decide all, whatever the others are: top_k (1 if the temperature
// is 0), and repetition_window more with a penalty above 1, which can put as many of them behind
// others; never more than the vocabulary. 0: it has to see all logits, because nothing bounds their
// number, a penalty below 1 may raise any of them, or they are more than LTE_MOST_CANDIDATES. The
// same as long as the sampler lives.
LTE_API uint32_t lte_sampler_candidates(const struct lte_sampler *sampler);
// Chooses from as many candidates, or more, of lte_session_step_candidates() the token that
// lte_sampler_sample() would choose from all logits, and remembers it. Their order does not matter.
// As lte_sampler_sample(), and LTE_ERR_ARGUMENT: fewer than lte_sampler_candidates(), or that is 0;
// more than LTE_MOST_CANDIDATES; an id outside the vocabulary, other than LTE_NO_TOKEN; more of them
// than the vocabulary.
LTE_API enum lte_status lte_sampler_sample_candidates(struct lte_sampler *sampler,
                                                      const struct lte_candidate *candidates,
                                                      uint32_t count, uint32_t *token);

// Remembers a token that came from elsewhere (the prompt). LTE_OK, LTE_ERR_ARGUMENT.
LTE_API enum lte_status lte_sampler_accept(struct lte_sampler *sampler, uint32_t token);
// Back to the seed, with nothing remembered.
LTE_API void lte_sampler_reset(struct lte_sampler *sampler);

#ifdef __cplusplus
}
#endif
#endif
