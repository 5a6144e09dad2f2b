// SPDX-License-Identifier: BSD-2-Clause
// Training: a model, its gradients and an optimizer, in memory fixed before the first step.
#ifndef LTE_TRAIN_H
#define LTE_TRAIN_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lte_trainer;

#define LTE_IGNORE UINT32_MAX // a target that is not counted

// One micro-batch: sequences one after another. They never see each other: state, convolution and
// attention begin anew with each.
struct lte_batch {
    uint32_t *token;     // [rows]
    uint32_t *target;    // [rows]: the token to be predicted at each row, or LTE_IGNORE
    size_t *segment;     // [segments]: rows of each sequence, each > 0, which add up to `rows`
    size_t rows;         // on entry what the arrays hold; the source sets what it wrote
    size_t segments;     // the same
};

// A source of micro-batches: fills batch->token, target and segment for micro-batch `micro` of step
// `step`, both counted from 0. It should depend on these two numbers alone: then a resumed run goes
// on as if never stopped. Any status but LTE_OK ends the step with it, and nothing was learnt.
typedef enum lte_status lte_batch_fn(void *opaque, uint64_t step, uint32_t micro,
                                     struct lte_batch *batch);

// A loss over `rows` rows of logits [rows][vocabulary] (all with a target other than LTE_IGNORE or
// with it: those must get a zero gradient). Returns the sum of the losses of the rows that count,
// in nats, and writes `scale` times its derivative to `gradient` [rows][vocabulary], unless that is
// NULL. Called from the training thread, rows in order, several times a micro-batch.
typedef double lte_loss_fn(void *opaque, const float *logits, const uint32_t *target, size_t rows,
                           size_t vocabulary, float scale, float *gradient);

// What a looped model, or a converted one, learns from. In all but the first, options->loss is not
// used.
enum lte_objective_kind {
    LTE_OBJECTIVE_LAST,      // the loss of the last loop's logits (default)
    LTE_OBJECTIVE_EXITS,     // of every loop's, expected over the exit gate, less exit_entropy
                             // times the entropy of where tokens leave: the gate learns too
    LTE_OBJECTIVE_EXIT_GATE, // the gate alone: to go on where the last loop made the loss smaller
    LTE_OBJECTIVE_ALIGN,     // layers of another kind than the teacher's: to put out what the teacher's do
    LTE_OBJECTIVE_DISTILL    // the teacher's logits
};

// Fill with lte_train_options_init(), then change what you want to.
struct lte_train_options {
    uint64_t steps;          // of the whole run: the learning rate follows it; default 1000
    uint32_t rows, segments; // the largest micro-batch; default 4096 and 64
    uint32_t longest;        // tokens of the longest sequence, with which the count of retained
                             // tokens begins; 0 (default): rows
    uint32_t micro_batches;  // per step, gradients averaged; default 1
    double learning_rate;    // peak; default 3e-4
    double final_rate;       // at the end, relative to the peak; default 0.1
    uint64_t warmup_steps;   // default 100
    double weight_decay;     // decoupled; default 0.1
    int decay_all;           // nonzero: norms, biases, A_log and dt_bias decay too; default 0
    double beta1, beta2, epsilon; // of AdamW; default 0.9, 0.95, 1e-8
    // Retention scorers: learning rate relative to the rest (default 1), AdamW's epsilon (0, the
    // default: that of the rest), the step after which they stay as they are and their budget ends
    // (0, the default: never); nonzero: they also do once every head retains no more than the
    // budget (default 0).
    double router_rate, router_epsilon;
    uint64_t router_steps;
    int router_settle;
    // Indexers of sparse attention ("dsa") learn from the divergence of their choice from
    // attention, and nothing else does: the weight of that loss (default 1; 0: they stay as they
    // are), the steps at the beginning in which attention in these layers is given everything
    // (default 0), and whether, all run long, that is so and nothing but indexers learns (default
    // 0).
    double index_weight;
    uint64_t index_dense_steps;
    int index_only;
    double clip;             // largest global norm of the gradient; 0: no clipping; default 1
    enum lte_dtype weights;  // what the forward pass reads: LTE_DTYPE_F32 (default) or
                             // LTE_DTYPE_BF16, the latter rounded from fp32 masters every step
    int recompute;           // nonzero: keep only what goes from layer to layer and compute the
                             // rest again in the backward pass; default 0
    uint64_t seed;           // of fresh weights and of dropout; default 0
    lte_loss_fn *loss;       // NULL: cross-entropy
    void *loss_opaque;
    enum lte_objective_kind objective;
    double exit_entropy;     // default 0.1
    const struct lte_model *teacher; // of the same context, which must outlive the trainer; NULL: none
    double every_loop;       // distillation: part of the steps in which every loop's logits count
                             // alike, before the last loop's alone; default 0.2
    double temperature;      // of both models' logits; default 1
    double rest_rate;        // learning rate of what is not in a layer of another kind than the
                             // teacher's, relative to those; default 0.07
    uintptr_t reserved[8];   // zero
};
LTE_API void lte_train_options_init(struct lte_train_options *options);

// What one step did.
struct lte_train_report {
    uint64_t step;           // steps finished, this one included
    double loss;             // mean over counted targets, then over micro-batches; without l1
    double l1;               // the budget term of learnable token eviction
    double index_loss;       // of the indexers of sparse attention, unweighted: nats a token and layer
    double accuracy;         // part of counted targets that had the highest logit
    double gradient_norm;    // before clipping
    double learning_rate;    // of this step
    uint64_t tokens, targets; // read and counted in this step
    uint64_t skipped;        // steps so far whose gradient was not finite: weights unchanged
    uintptr_t reserved[8];
};

// What a trainer takes, in bytes.
struct lte_train_plan {
    uint64_t weights;        // masters, gradients, moments and the copies that the graph reads
    uint64_t activations;    // values, their gradients, what ops keep, scratch
    uint64_t total;
    uintptr_t reserved[8];
};

// A trainer of a freshly initialised model. `config` is the path of a config.json; `tokenizer` that
// of a tokenizer.json to be saved with the model, or NULL.
LTE_API enum lte_status lte_trainer_new(struct lte_context *context, const char *config,
                                        const char *tokenizer,
                                        const struct lte_train_options *options,
                                        struct lte_trainer **trainer);
// A trainer that starts from the weights of a checkpoint (step 0, moments zero). Weights of
// retention scorers and indexers that the checkpoint lacks are drawn afresh; anything else missing
// is an error. `config` NULL: the checkpoint's own.
LTE_API enum lte_status lte_trainer_load(struct lte_context *context, const char *folder,
                                         const char *config,
                                         const struct lte_train_options *options,
                                         struct lte_trainer **trainer);
// A trainer that goes on from what lte_trainer_save() wrote, bit for bit.
LTE_API enum lte_status lte_trainer_resume(struct lte_context *context, const char *folder,
                                           const struct lte_train_options *options,
                                           struct lte_trainer **trainer);
LTE_API void lte_trainer_free(struct lte_trainer *trainer);

// One optimizer step: micro-batches from `source`, gradients, clipping, AdamW.
LTE_API enum lte_status lte_trainer_step(struct lte_trainer *trainer, lte_batch_fn *source,
                                         void *opaque, struct lte_train_report *report);
// Loss and accuracy of `batches` micro-batches (step 0, micro 0..) without learning.
LTE_API enum lte_status lte_trainer_evaluate(struct lte_trainer *trainer, lte_batch_fn *source,
                                             void *opaque, uint32_t batches,
                                             struct lte_train_report *report);
// Writes config.json, model.safetensors, tokenizer.json if there is one, and the optimizer's state
// to a folder, each file atomically and the weights' last, so that a crash leaves the old
// checkpoint or the new one.
LTE_API enum lte_status lte_trainer_save(struct lte_trainer *trainer, const char *folder);

// Steps finished.
LTE_API uint64_t lte_trainer_steps(const struct lte_trainer *trainer);
// The model as it is after the last step: sessions made from it must not be used during
// lte_trainer_step(). Owned by the trainer.
LTE_API const struct lte_model *lte_trainer_model(const struct lte_trainer *trainer);
LTE_API void lte_trainer_plan(const struct lte_trainer *trainer, struct lte_train_plan *plan);

// Learnable token eviction: layers with a retention scorer, their key heads, and of each the moving
// average of retained tokens in a sequence and the weight of its L1 term.
struct lte_retention_info {
    uint32_t layer;          // of the model
    double kept, lambda;
};
LTE_API size_t lte_trainer_retention(const struct lte_trainer *trainer, size_t index,
                                     struct lte_retention_info *info); // returns layers * heads

#ifdef __cplusplus
}
#endif
#endif
