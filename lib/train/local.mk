# Training.
LIB_TRAIN = %D%/budget.c %D%/budget.h %D%/intervals.c %D%/intervals.h %D%/options.c %D%/options.h \
  %D%/parameter_ranges.c %D%/parameters.c %D%/parameters.h %D%/reverse.h %D%/reverse_plan.c
# The loss and the optimizer.
LIB_TRAIN += %D%/adamw.c %D%/adamw.h %D%/clip.c %D%/clip.h %D%/loss.c %D%/loss.h %D%/piece.h \
  %D%/schedule.c %D%/schedule.h
LIB_TRAIN += %D%/index_loss.h
# Losses of looped models, and learning from a teacher.
LIB_TRAIN += %D%/distill.c
LIB_TRAIN += %D%/distill.h
LIB_TRAIN += %D%/exits.c
LIB_TRAIN += %D%/exits.h
LIB_TRAIN += %D%/objective.h
LIB_TRAIN += %D%/teaching.c
LIB_TRAIN += %D%/teaching.h
# A step, and a run's checkpoints.
LIB_TRAIN += %D%/reverse.c %D%/save.c %D%/trainer.c %D%/trainer.h %D%/trainer_new.c
