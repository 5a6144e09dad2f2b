# Gradients against central differences: one program an op, or a few that belong together.
check_LTLIBRARIES += libgrad.la
libgrad_la_SOURCES = %D%/grad_check.c %D%/grad_rig.c %D%/grad_rig.h
GRAD_LIBS = libgrad.la $(MODEL_LIBS)

check_PROGRAMS += %D%/check_backward
%C%_check_backward_LDADD = $(CHECK_LIBS) -lm

check_PROGRAMS += %D%/grad_delta
%C%_grad_delta_LDADD = $(GRAD_LIBS) -lm

check_PROGRAMS += %D%/grad_delta_rule
%C%_grad_delta_rule_LDADD = $(GRAD_LIBS) -lm

check_PROGRAMS += %D%/grad_diag
%C%_grad_diag_LDADD = $(GRAD_LIBS) -lm

check_PROGRAMS += %D%/grad_linear
%C%_grad_linear_LDADD = $(GRAD_LIBS) -lm

check_PROGRAMS += %D%/grad_rows
%C%_grad_rows_LDADD = $(GRAD_LIBS) -lm

check_PROGRAMS += %D%/grad_lte_score
%C%_grad_lte_score_LDADD = $(GRAD_LIBS) -lm

# The budget of learnable token eviction.
check_PROGRAMS += %D%/test_budget
%C%_test_budget_LDADD = libfixture.la $(CHECK_LIBS) -lm

check_PROGRAMS += %D%/grad_attend
%C%_grad_attend_LDADD = $(GRAD_LIBS) -lm

# Training as a whole: against recorded answers, what it must not depend on, its edges.
check_PROGRAMS += %D%/training
%C%_training_LDADD = $(MODEL_LIBS) -lm
%C%_trainer_LDADD = $(MODEL_LIBS) -lm
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_trainer
%C%_test_trainer_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
%C%_test_trainer_LDADD = libfixture.la libltecore.la $(CMOCKA_LIBS) -lm
endif

check_PROGRAMS += %D%/grad_loop
%C%_grad_loop_LDADD = $(GRAD_LIBS) -lm

check_PROGRAMS += %D%/grad_gates
%C%_grad_gates_LDADD = $(GRAD_LIBS) -lm
