# The gradients of ops, one file a kind.
LIB_GRAD = %D%/grad.h %D%/tape.c
