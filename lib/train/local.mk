# Training.
LIB_TRAIN = %D%/budget.c %D%/budget.h %D%/intervals.c %D%/intervals.h %D%/options.c %D%/options.h \
  %D%/parameter_ranges.c %D%/parameters.c %D%/parameters.h %D%/reverse.h %D%/reverse_plan.c
