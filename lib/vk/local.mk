# The Vulkan backend.
if HAVE_VULKAN
LIB_VULKAN = %D%/api.h \
  %D%/backend.c \
  %D%/cache.c \
  %D%/device.c \
  %D%/device.h \
  %D%/encode.c \
  %D%/encode.h \
  %D%/instance.c \
  %D%/kernels.c \
  %D%/kernels.h \
  %D%/memory.c \
  %D%/memory.h \
  %D%/ops.c \
  %D%/ops.h \
  %D%/pipeline.c \
  %D%/pipeline.h \
  %D%/program.c \
  %D%/program.h \
  %D%/run.c \
  %D%/run.h \
  %D%/staging.c
LIB_VULKAN += %D%/cooperative.c %D%/cooperative.h
# One file an op, or a few that belong together.
LIB_VULKAN += %D%/op/norms.c
LIB_VULKAN += %D%/op/elementwise.c \
  %D%/op/embed.c \
  %D%/op/gates.c \
  %D%/op/gemm.c \
  %D%/op/gemm.h \
  %D%/op/linear.c \
  %D%/op/linear.h \
  %D%/op/loop_exit.c \
  %D%/op/matrix.h \
  %D%/op/candidates.c \
  %D%/op/rope.c
# with state
LIB_VULKAN += %D%/op/attend.c \
  %D%/op/delta_gates.c \
  %D%/op/delta_rule.c \
  %D%/op/delta_step.c \
  %D%/op/delta_wy.c \
  %D%/op/delta_wy.h \
  %D%/op/lte_score.c \
  %D%/op/short_conv.c
# of other mixers
LIB_VULKAN += %D%/op/diag_rule.c \
  %D%/op/mixer_gates.c
# of sparse attention
LIB_VULKAN += %D%/op/attend.h \
  %D%/op/attend_plan.c \
  %D%/op/attend_plan.h \
  %D%/op/attend_prompt.c
LIB_VULKAN += %D%/op/attend_tiles.c \
  %D%/op/attend_tiles.h \
  %D%/op/dsa.c \
  %D%/op/nsa.c \
  %D%/op/sparse.c \
  %D%/op/sparse.h
%D%/kernels.lo: $(SPV)
else
LIB_VULKAN = %D%/stubs.c
endif
