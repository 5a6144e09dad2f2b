# The gradients of ops, one file a kind.
LIB_GRAD = %D%/dropout.c %D%/dropout.h %D%/elementwise.c %D%/grad.h %D%/linear.c %D%/lte_score.c \
  %D%/score_tile.c %D%/score_tile.h %D%/tape.c
LIB_GRAD += %D%/attend.c %D%/attend_order.c %D%/attend_plan.c %D%/attend_plan.h
LIB_GRAD += %D%/rope.c
LIB_GRAD += %D%/delta_rule.c
