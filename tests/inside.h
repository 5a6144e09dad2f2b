// SPDX-License-Identifier: BSD-2-Clause
// What the tests of whole models share: contexts at every level, models, seeing inside a session.
#ifndef LTE_TESTS_INSIDE_H
#define LTE_TESTS_INSIDE_H

#include "lib/kv.h"
#include "lib/op/state_ranges.h"
#include "lib/session.h"
#include "lte.h"

// A context at a CPU level (NULL: the best) with so many threads; its messages become "# ..."
// lines. The random numbers begin again, so that what is drawn for a level is what the others were
// given.
struct lte_context *inside_context(const char *cpu, unsigned threads);
// One on a Vulkan device; context->device is NULL where there is none.
struct lte_context *inside_device_context(void);
// `to` goes on where `from` is.
bool inside_move(const struct lte_session *from, struct lte_session *to);
// Loads or exits with status 99.
struct lte_model *inside_model(struct lte_context *context, const char *folder);
// Makes a checkpoint from tests/data/models/NAME.json (seed 1, fp32), loads it and removes its
// files.
struct lte_model *inside_random_model(struct lte_context *context, const char *name);
struct lte_session *inside_session(const struct lte_model *model, uint32_t batch);

// Levels this machine and build have, "ref" first, NULL last.
const char *const *inside_levels(void);

// The matrices that a slot holds, and in *op the op whose state they are; no heads: none.
struct lte_state_shape inside_state_shape(const struct lte_session *session, uint32_t slot,
                                          size_t *op);
// Head `head` of layer `layer`'s matrix in the plain order [key_dim][value_dim].
void inside_delta_state(const struct lte_session *session, uint32_t layer, size_t head, float *state);
// The index of the op of `kind` in a slot; SIZE_MAX if it has none.
size_t inside_find_op(const struct lte_session *session, uint32_t slot, enum lte_op_kind kind);
// visible[i] = 1 if the newest query sees token i in key head `head` of attention layer `layer`.
void inside_visible(const struct lte_session *session, uint32_t layer, size_t head,
                     unsigned char *visible);

// Steps two lists of sessions that stand alike, `greedy` by lte_session_step_greedy(), `plain` by
// logits and a sampler, with fewer and fewer ids; whether they always chose the same.
bool inside_greedy(struct lte_session *const *greedy, struct lte_session *const *plain, size_t sessions);

// The same for lte_session_step_candidates() and a sampler that draws from few logits, recent
// tokens put back; and whether more candidates than there are ids end with none.
bool inside_sampled(struct lte_session *const *few, struct lte_session *const *all,
                    size_t sessions);

// Largest |a - b| divided by the largest |b|.
double inside_error(const float *a, const float *b, size_t n);

#endif
