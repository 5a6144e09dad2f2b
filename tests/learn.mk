# What is retained of a text that repeats itself.
check_PROGRAMS += %D%/retention_ties
%C%_retention_ties_LDADD = $(MODEL_LIBS) -lm
