# Everything is built once, into a convenience library that tests and benches link too (hidden
# symbols stay reachable there); liblte.la is its public face.
noinst_LTLIBRARIES += libltecore.la
LIB_FLOOR = %D%/alloc.c %D%/blas.c %D%/blas.h %D%/context.c %D%/context.h %D%/cores.c \
  %D%/cores.h %D%/default_alloc.c %D%/log.c %D%/par.c %D%/par.h %D%/par_limit.c %D%/par_limit.h \
  %D%/par_wait.c %D%/par_wait.h %D%/status.c
LIB_FILES = %D%/file.c %D%/file.h %D%/fusion.c %D%/fusion.h %D%/json.c %D%/json.h %D%/safetensors.c %D%/safetensors.h \
  %D%/safetensors_header.c %D%/safetensors_index.c %D%/safetensors_parse.h
LIB_TOKENIZER = %D%/tokenizer/added.c %D%/tokenizer/added.h %D%/tokenizer/bpe.c \
  %D%/tokenizer/bpe.h %D%/tokenizer/buffer.c %D%/tokenizer/buffer.h %D%/tokenizer/bytelevel.c \
  %D%/tokenizer/decoder.c %D%/tokenizer/decoder.h %D%/tokenizer/encode.c %D%/tokenizer/form.c \
  %D%/tokenizer/merges.c %D%/tokenizer/merges.h %D%/tokenizer/normalize.c \
  %D%/tokenizer/normalize.h %D%/tokenizer/pattern.c %D%/tokenizer/pretokenize.c \
  %D%/tokenizer/pretokenize.h %D%/tokenizer/read.c %D%/tokenizer/read.h \
  %D%/tokenizer/read_added.c %D%/tokenizer/read_decoder.c %D%/tokenizer/read_model.c \
  %D%/tokenizer/read_normalizer.c %D%/tokenizer/read_pretokenizer.c \
  %D%/tokenizer/read_template.c %D%/tokenizer/regex.c %D%/tokenizer/regex.h \
  %D%/tokenizer/stream.c %D%/tokenizer/tokenizer.c %D%/tokenizer/tokenizer.h \
  %D%/tokenizer/train.c %D%/tokenizer/train.h %D%/tokenizer/train_file.c \
  %D%/tokenizer/train_merge.c %D%/tokenizer/train_pairs.c %D%/tokenizer/train_pairs.h \
  %D%/tokenizer/train_words.c \
  %D%/tokenizer/unicode16.h %D%/tokenizer/utf8.c %D%/tokenizer/utf8.h %D%/tokenizer/vocab.c \
  %D%/tokenizer/vocab.h %D%/tokenizer/word16.h
LIB_GRAPH = %D%/backend.h %D%/builder.c %D%/builder.h %D%/exec.c %D%/exec.h %D%/feed.c %D%/graph.c \
  %D%/graph.h %D%/loop.c %D%/kv.c %D%/kv.h %D%/kv_plan.c %D%/mixer/attention.c %D%/mixer/gdn.c \
  %D%/op.h %D%/op/attend.c \
  %D%/op/delta_gates.c %D%/op/delta_rule.c %D%/op/elementwise.c %D%/op/embed.c %D%/op/linear.c \
  %D%/op/align.c %D%/op/loop.c %D%/op/loop.h %D%/op/lte_score.c %D%/op/norms.c %D%/op/retention.h %D%/op/rope.c %D%/op/rows.c %D%/op/rows.h \
  %D%/op/sdpa_gate.c %D%/op/short_conv.c %D%/op_table.c %D%/plan.c %D%/plan.h %D%/prepare.c %D%/prepare.h %D%/sampler.c \
  %D%/session.c %D%/session.h
LIB_MODEL = %D%/bind.c %D%/configure.c %D%/model.c %D%/model.h %D%/model_config.c \
  %D%/model_config.h %D%/weights.c %D%/weights.h %D%/arch/arch.h \
  %D%/arch/attention.c %D%/arch/eviction.c %D%/arch/fla.c %D%/arch/fla.h \
  %D%/arch/gated_deltanet.c %D%/arch/gdn.c %D%/arch/hybrid_gated_deltanet.c %D%/arch/lt2.c %D%/arch/ouro.c %D%/arch/pattern.c \
  %D%/arch/pattern.h %D%/arch/table.c %D%/arch/transformer.c
# Linear mixers besides Gated DeltaNet.
LIB_GRAPH += %D%/mixer/delta_net.c %D%/mixer/kda.c %D%/mixer/linear.c %D%/mixer/linear.h \
  %D%/op/diag_rule.c
# From logits to candidates.
LIB_GRAPH += %D%/candidates.c %D%/candidates.h %D%/choices.c %D%/choices.h
LIB_MODEL += %D%/arch/delta_net.c %D%/arch/kda.c
LIB_GRAPH += \
  %D%/mixer/hgrn2.c \
  %D%/mixer/mamba2.c \
  %D%/mixer/retnet.c \
  %D%/op/diag_rule.h \
  %D%/op/dsa.h \
  %D%/op/nsa.h \
  %D%/op/forget_gates.c \
  %D%/op/step_gates.c \
  %D%/op/state_ranges.c \
  %D%/op/state_ranges.h
LIB_MODEL += \
  %D%/arch/hgrn2.c \
  %D%/arch/lt2_mixers.c \
  %D%/arch/mamba2.c \
  %D%/arch/retnet.c
# Writing checkpoints and fresh models.
LIB_WRITE = %D%/fresh.c %D%/fresh.h %D%/new_folder.c %D%/new_folder.h
LIB_WRITE += %D%/atomic_file.c %D%/atomic_file.h %D%/init.c %D%/init_draw.c %D%/random.c %D%/random.h \
  %D%/safetensors_write.c %D%/safetensors_write.h
# Conversion into hybrids.
LIB_WRITE += %D%/convert.c
LIB_WRITE += %D%/convert.h
LIB_WRITE += %D%/convert_config.c
LIB_WRITE += %D%/convert_weights.c
# Where sessions run.
LIB_GRAPH += %D%/trial.c %D%/trial.h %D%/cache.c %D%/cache.h %D%/place.c %D%/place.h %D%/snapshot.c
# Sparse selection and what uses it.
LIB_SPARSE = %D%/sparse/nsa.c %D%/sparse/nsa.h %D%/sparse/select.c %D%/sparse/select.h \
  %D%/sparse/top_k.c %D%/sparse/top_k.h %D%/op/nsa.c %D%/mixer/nsa.c %D%/arch/nsa.c
# DeepSeek sparse attention.
LIB_SPARSE += %D%/sparse/dsa.c %D%/sparse/dsa.h %D%/op/dsa.c %D%/mixer/dsa.c %D%/arch/dsa.c
include %D%/grad/local.mk
include %D%/train/local.mk
include %D%/data/local.mk
include %D%/vk/local.mk
libltecore_la_SOURCES = $(LIB_SPARSE) $(LIB_GRAD) $(LIB_TRAIN) $(LIB_BATCHES) $(LIB_FLOOR) $(LIB_FILES) $(LIB_TOKENIZER) $(LIB_GRAPH) $(LIB_MODEL) \
  $(LIB_WRITE) $(LIB_VULKAN)
libltecore_la_LIBADD = libsimd_ref.la $(SIMD_LIBS) $(LIB_LIBS) -lm

lib_LTLIBRARIES += liblte.la
liblte_la_SOURCES =
liblte_la_LIBADD = libltecore.la
liblte_la_LDFLAGS = -no-undefined -version-info $(LTE_LT_VERSION)
