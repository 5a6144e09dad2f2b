# The gradients of ops, one file a kind.
LIB_GRAD = %D%/elementwise.c %D%/grad.h %D%/linear.c %D%/tape.c
