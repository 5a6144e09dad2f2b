# The gradients of ops, one file a kind.
LIB_GRAD = %D%/elementwise.c %D%/grad.h %D%/tape.c
