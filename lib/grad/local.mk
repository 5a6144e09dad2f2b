# The gradients of ops, one file a kind.
LIB_GRAD = %D%/delta_gates.c %D%/dropout.c %D%/dropout.h %D%/elementwise.c %D%/embed.c %D%/grad.h \
  %D%/linear.c %D%/lte_score.c %D%/norms.c %D%/partial.c %D%/partial.h %D%/score_tile.c \
  %D%/score_tile.h %D%/short_conv.c %D%/tape.c
LIB_GRAD += %D%/attend.c %D%/attend_order.c %D%/attend_plan.c %D%/attend_plan.h
LIB_GRAD += %D%/rope.c
LIB_GRAD += %D%/delta_rule.c
LIB_GRAD += %D%/loop_gate.c %D%/sdpa_gate.c
LIB_GRAD += %D%/nsa.c %D%/nsa_saved.h
LIB_GRAD += %D%/diag_rule.c
LIB_GRAD += %D%/chunk_states.c %D%/chunk_states.h
LIB_GRAD += %D%/layernorm.c
LIB_GRAD += %D%/dsa.c %D%/dsa.h %D%/dsa_index.c
LIB_GRAD += %D%/align.c
LIB_GRAD += %D%/forget_gates.c
LIB_GRAD += %D%/step_gates.c
