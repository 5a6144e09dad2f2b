# Gradients against central differences: one program an op, or a few that belong together.
check_LTLIBRARIES += libgrad.la
libgrad_la_SOURCES = %D%/grad_check.c %D%/grad_rig.c %D%/grad_rig.h
GRAD_LIBS = libgrad.la $(MODEL_LIBS)
GRAD_CHECKS = %D%/grad_delta_rule %D%/grad_linear %D%/grad_lte_score %D%/grad_rows
check_PROGRAMS += $(GRAD_CHECKS)
%C%_grad_delta_rule_LDADD = $(GRAD_LIBS) -lm
%C%_grad_rows_LDADD = $(GRAD_LIBS) -lm
%C%_grad_linear_LDADD = $(GRAD_LIBS) -lm
%C%_grad_lte_score_LDADD = $(GRAD_LIBS) -lm

# The budget of learnable token eviction.
check_PROGRAMS += %D%/test_budget
%C%_test_budget_LDADD = libfixture.la $(CHECK_LIBS) -lm

check_PROGRAMS += %D%/grad_attend
%C%_grad_attend_LDADD = $(GRAD_LIBS) -lm
