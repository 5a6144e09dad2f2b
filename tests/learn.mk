# What is retained of a text that repeats itself.
check_PROGRAMS += %D%/retention_ties
%C%_retention_ties_LDADD = $(MODEL_LIBS) -lm

# Recall: a few mixers in `make check`, every one at every level with three seeds in `make learn`.
%C%_learn_SOURCES = %D%/learn.c %D%/learn_mixers.h
%C%_learn_LDADD = $(MODEL_LIBS) -lm
learn: %D%/learn$(EXEEXT)
	top_srcdir='$(abs_top_srcdir)' %D%/learn$(EXEEXT) --all
.PHONY: learn
