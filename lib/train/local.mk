# Training.
LIB_TRAIN = %D%/budget.h %D%/parameters.h
