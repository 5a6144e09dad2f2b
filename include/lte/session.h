// SPDX-License-Identifier: BSD-2-Clause
// One sequence being read and continued: its state, and memory fixed before the first token.
#ifndef LTE_SESSION_H
#define LTE_SESSION_H

#include "candidate.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lte_session;

// Fill with lte_session_params_init(), then change what you want to.
struct lte_session_params {
    uint64_t max_tokens;      // context limit of layers that grow with it (full attention); they
                              // are allocated for it at once: 1..2^31. Ignored, whatever it is, by
                              // models that do not grow. Default 4096
    uint32_t batch;           // most tokens computed at once: a larger prompt is cut into such
                              // pieces. Changes memory and speed, not the result. 1..4096, default
                              // 256
    enum lte_dtype kv_dtype;  // type of keys and values kept; default LTE_DTYPE_F32
    float exit_threshold;     // looped models with an exit gate: a token's logits are those of the
                              // first loop after which the chances of leaving add up to this; above
                              // 1: of the last loop. All loops are computed, unless share_loops. 0,
                              // the default: as the model says
    uint32_t share_loops;     // nonzero: of looped models, attention layers keep only the last
                              // loop's keys and values, which every loop reads for the tokens of
                              // earlier calls; L times less memory. Another result, and one that
                              // depends on how tokens are split into calls and by `batch`. A call
                              // of one token a session ends with the loop after which all of them
                              // have left, whose keys and values a token then keeps. Default 0
    uint32_t on_cpu;          // nonzero: on the CPU, whatever the context's device. Default 0
    uint32_t exit_weighted;   // nonzero, looped models with an exit gate: a token's logits are the
                              // mean of every loop's, weighed by the chance of leaving just there;
                              // no token leaves early, whatever the threshold. Default 0
    uint64_t reserved[6];     // zero
};
LTE_API void lte_session_params_init(struct lte_session_params *params);

// What one session takes, in bytes. Constant: a session never allocates after it has been made.
struct lte_plan {
    uint64_t state;           // all slots: what is carried from token to token
    uint64_t activations;     // values between ops, for `batch` tokens, and scratch for the threads
    uint64_t session;         // state + activations + the session's own bookkeeping: all of it
    uint64_t growing;         // the part of `state` that is proportional to max_tokens
    uint64_t max_tokens;      // the limit that applies; UINT64_MAX when nothing grows
    uint64_t full_cache;      // bytes of keys and values a full-attention cache would take for
                              // every attention layer at `max_tokens` asked for, for comparison;
                              // UINT64_MAX if that is more than 64 bits hold
    uint32_t slots;           // loops * layers
    uint64_t reserved[8];
};
// One slot's share of the plan; slot = loop * layers + layer.
struct lte_plan_slot {
    const char *mixer;        // as in lte_layer_info
    uint32_t loop, layer;
    uint64_t bytes;
    int grows;                // nonzero: proportional to max_tokens
};

// Says what a session would take; allocates nothing that outlives the call. `params` may be NULL.
// LTE_OK, LTE_ERR_ARGUMENT (a parameter outside its range), LTE_ERR_MEMORY. Thread-safety: Safe.
LTE_API enum lte_status lte_session_plan(const struct lte_model *model,
                                         const struct lte_session_params *params,
                                         struct lte_plan *plan);
// The same for one slot, 0 <= slot < plan.slots.
LTE_API enum lte_status lte_session_plan_slot(const struct lte_model *model,
                                              const struct lte_session_params *params,
                                              uint32_t slot, struct lte_plan_slot *out);

// Makes a session at position 0. `params` may be NULL for the defaults. On success the caller owns
// *session and ends it with lte_session_free() before the model; on failure it is NULL.
// LTE_OK, LTE_ERR_ARGUMENT, LTE_ERR_MEMORY (of the host or of the device), LTE_ERR_DEVICE.
// Thread-safety: Safe. A session belongs to one thread at a time; different sessions of one model
// may run in different threads.
LTE_API enum lte_status lte_session_new(const struct lte_model *model,
                                        const struct lte_session_params *params,
                                        struct lte_session **session);
// Frees a session; NULL is allowed.
LTE_API void lte_session_free(struct lte_session *session);

// Back to position 0, as if new; nothing is allocated or freed.
LTE_API void lte_session_reset(struct lte_session *session);

// Tokens read so far.
LTE_API uint64_t lte_session_position(const struct lte_session *session);

// The session's state as bytes: what is carried from token to token, and the position. It may be
// kept and given to another session of the same model with the same parameters (max_tokens
// included, where the model grows), here or in another process, on the CPU or on a device. The
// bytes are of this version of the library, and hold nothing of the session's progress function.
LTE_API size_t lte_session_state_size(const struct lte_session *session);
// Writes them to `state`. LTE_OK, LTE_ERR_ARGUMENT (NULL), LTE_ERR_SPACE (size < state size),
// LTE_ERR_DEVICE (the session's device was lost, and its state with it).
// Thread-safety, here and below: one thread at a time per session.
LTE_API enum lte_status lte_session_get_state(const struct lte_session *session, void *state,
                                              size_t size);
// Makes the session go on from there. LTE_OK, LTE_ERR_ARGUMENT (NULL), LTE_ERR_FORMAT (not a state,
// or of a session of another model or with other parameters), LTE_ERR_CONTEXT_FULL (its position is
// above the session's limit): the session is unchanged; LTE_ERR_DEVICE.
LTE_API enum lte_status lte_session_set_state(struct lte_session *session, const void *state,
                                              size_t size);

enum lte_logits {
    LTE_LOGITS_NONE = 0, // none: the output head is not computed
    LTE_LOGITS_LAST = 1, // [vocabulary], after the last token
    LTE_LOGITS_ALL = 2   // [count][vocabulary], after each token
};

// Reads `count` tokens. Any split of a sequence into calls, down to one token at a time, gives the
// same logits and state (within rounding: the order of sums may differ). `logits` receives fp32
// values as `want` says and may be NULL for LTE_LOGITS_NONE.
// LTE_OK, LTE_ERR_ARGUMENT (NULL where values are wanted, a token id outside the vocabulary: the
// log names it and its index; nothing has been read), LTE_ERR_CONTEXT_FULL (position + count >
// max_tokens of a growing model: nothing has been read), LTE_ERR_CANCELLED (see
// lte_session_set_progress), LTE_ERR_DEVICE (the session's device was lost, and its state with it).
// Thread-safety: one thread at a time per session.
LTE_API enum lte_status lte_session_feed(struct lte_session *session, const uint32_t *tokens,
                                         size_t count, enum lte_logits want, float *logits);

// Steps `sessions` different sessions of one model by one token each, together: each weight is read
// once for all of them. The states stay where they are. logits: [sessions][vocabulary], or NULL for
// none. A session's logits do not depend, to the bit, on its neighbours or on how many they are.
// LTE_OK; LTE_ERR_ARGUMENT (no sessions, sessions of different models, one session twice, a token
// id outside the vocabulary), LTE_ERR_CONTEXT_FULL: no session has been changed.
// Thread-safety: one thread at a time for all the sessions of the call.
LTE_API enum lte_status lte_session_step(struct lte_session *const *session, size_t sessions,
                                         const uint32_t *tokens, float *logits);

// The same for callers that choose among the likeliest tokens: candidates: [sessions][count], the
// largest of the first `ids` logits of each session, best first, of equals the lower id first,
// without NaN and -infinity; where there are fewer, LTE_NO_TOKEN. lte_sampler_candidates() says how
// many a sampler for `ids` tokens needs, and lte_sampler_sample_candidates() takes them. A device
// gives out these and nothing else. `logits` is room for [sessions][vocabulary] values, which are
// undefined afterwards.
// As lte_session_step(), and LTE_ERR_ARGUMENT: NULL, ids outside 1..vocabulary, or count outside
// 1..LTE_MOST_CANDIDATES.
LTE_API enum lte_status lte_session_step_candidates(struct lte_session *const *session,
                                                    size_t sessions, const uint32_t *tokens,
                                                    uint32_t ids, uint32_t count, float *logits,
                                                    struct lte_candidate *candidates);

// With one candidate, of which only the id is wanted: best[i] is what a greedy sampler for `ids`
// tokens takes, LTE_NO_TOKEN if no logit is above -infinity; it may be the array of `tokens`.
LTE_API enum lte_status lte_session_step_greedy(struct lte_session *const *session, size_t sessions,
                                                const uint32_t *tokens, uint32_t ids,
                                                float *logits, uint32_t *best);

// Called between pieces of a long lte_session_feed() with the tokens read and the tokens asked for;
// a return other than 0 ends the call with LTE_ERR_CANCELLED: the tokens counted by
// lte_session_position() have been read, no logits have been written. NULL removes it.
typedef int lte_progress_fn(void *opaque, uint64_t done, uint64_t total);
LTE_API void lte_session_set_progress(struct lte_session *session, lte_progress_fn *progress,
                                      void *opaque);

#ifdef __cplusplus
}
#endif
#endif
