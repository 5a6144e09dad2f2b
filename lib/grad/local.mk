# The gradients of ops, one file a kind.
LIB_GRAD = %D%/delta_gates.c %D%/elementwise.c %D%/embed.c %D%/grad.h %D%/linear.c %D%/norms.c \
  %D%/partial.c %D%/partial.h %D%/short_conv.c %D%/tape.c
