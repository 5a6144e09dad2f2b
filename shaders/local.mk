# Compute shaders, one file an entry of lib/vk/kernels.h: a variant is a file of its own that sets its
# macros and includes the body. Each becomes a C array of SPIR-V; releases carry the arrays.
SHADERS = %D%/rmsnorm.comp
SHADER_PARTS = %D%/common.glsl %D%/params.h
# of ops with state
SHADERS += %D%/attend.comp \
  %D%/attend_enter.comp \
  %D%/attend_finish.comp \
  %D%/attend_join.comp \
  %D%/attend_keep.comp \
  %D%/attend_plan.comp \
  %D%/attend_round.comp \
  %D%/attend_split.comp \
  %D%/attend_step.comp \
  %D%/attend_store.comp \
  %D%/conv_tail.comp \
  %D%/delta_gates.comp \
  %D%/delta_chunk.comp \
  %D%/delta_chunk_subgroups.comp \
  %D%/delta_prepare.comp \
  %D%/delta_rule.comp \
  %D%/delta_step.comp \
  %D%/diag_rule.comp \
  %D%/score_conv.comp \
  %D%/score_conv_first.comp \
  %D%/score_keep.comp \
  %D%/score_step.comp \
  %D%/short_conv.comp
SHADER_PARTS += %D%/attend_plan.glsl \
  %D%/attend_store.glsl \
  %D%/delta.glsl \
  %D%/delta_block.glsl \
  %D%/delta_chunk.glsl \
  %D%/delta_gates.glsl \
  %D%/delta_triangle.glsl \
  %D%/delta_wy.glsl \
  %D%/delta_right.glsl \
  %D%/delta_rows.glsl \
  %D%/narrow.glsl \
  %D%/score.glsl \
  %D%/score_conv.glsl

SHADERS += %D%/elementwise.comp \
  %D%/embed.comp \
  %D%/gate.comp \
  %D%/gated_norm.comp \
  %D%/gemm.comp \
  %D%/l2norm.comp \
  %D%/loop_exit.comp \
  %D%/matvec.comp \
  %D%/matvec_folds.comp \
  %D%/matvec_subgroups.comp \
  %D%/pick.comp \
  %D%/rope.comp \
  %D%/rope_angles.comp
SHADER_PARTS += %D%/maths.glsl \
  %D%/matvec.glsl \
  %D%/weights.glsl

SHADERS += %D%/split_inputs.comp
# Not every compiler knows them; releases carry the array where the one that made the release does.
if COOPERATIVE_MATRICES
SHADERS += %D%/attend_cooperative.comp \
  %D%/delta_sweep_cooperative.comp \
  %D%/delta_wy_cooperative.comp \
  %D%/gemm_cooperative.comp
else
EXTRA_DIST += %D%/attend_cooperative.comp \
  %D%/delta_sweep_cooperative.comp \
  %D%/delta_wy_cooperative.comp \
  %D%/gemm_cooperative.comp
endif

# of other mixers
SHADERS += %D%/forget_gates.comp \
  %D%/layernorm.comp \
  %D%/step_gates.comp
SHADER_PARTS += %D%/loop_left.glsl

# of sparse attention
SHADERS += %D%/cache_store.comp \
  %D%/dsa_score.comp \
  %D%/nsa_join.comp \
  %D%/nsa_pool.comp \
  %D%/nsa_score.comp \
  %D%/sparse_attend.comp \
  %D%/sparse_select.comp
SHADER_PARTS += %D%/attend.glsl \
  %D%/attend_entries.glsl \
  %D%/attend_keys.glsl \
  %D%/attend_list.glsl \
  %D%/attend_load.glsl \
  %D%/split.glsl

# of the choice of a token
SHADERS += %D%/candidates.comp
SHADER_PARTS += %D%/candidate.glsl \
  %D%/rank.glsl

SPV = $(SHADERS:.comp=.spv.h)
EXTRA_DIST += $(SHADERS) $(SHADER_PARTS) $(SPV)
MAINTAINERCLEANFILES += $(SPV)
.comp.spv.h:
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)name=`basename $< .comp`; $(GLSLANG) -V --target-env `case $$name in *_cooperative) echo vulkan1.2;; *) echo vulkan1.1;; esac` -I$(top_srcdir)/shaders \
	  --vn lte_spv_$$name -o $@.tmp $< >$@.log || { cat $@.log; rm -f $@.tmp $@.log; exit 1; }; \
	  sed 's/^const/static const/' $@.tmp >$@ && rm -f $@.tmp $@.log
$(SPV): $(SHADER_PARTS)
if HAVE_VULKAN
BUILT_SOURCES += $(SPV)
endif
