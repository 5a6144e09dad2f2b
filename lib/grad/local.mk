# The gradients of ops, one file a kind.
LIB_GRAD = %D%/dropout.c %D%/dropout.h %D%/elementwise.c %D%/grad.h %D%/linear.c %D%/lte_score.c \
  %D%/score_tile.c %D%/score_tile.h %D%/tape.c
