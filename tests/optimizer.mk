# The loss and the optimizer, and their kernels.
OPTIMIZER_CHECKS = %D%/check_adamw %D%/check_cross_entropy %D%/test_adamw %D%/test_loss
check_PROGRAMS += $(OPTIMIZER_CHECKS)
%C%_check_adamw_LDADD = $(CHECK_LIBS) -lm
%C%_check_cross_entropy_LDADD = $(CHECK_LIBS) -lm
%C%_test_adamw_LDADD = $(MODEL_LIBS) -lm
%C%_test_loss_LDADD = $(MODEL_LIBS) -lm
