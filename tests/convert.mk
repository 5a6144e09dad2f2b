# Conversion into hybrids, and what looped models and converted ones learn from.
check_PROGRAMS += %D%/convert
%C%_convert_LDADD = $(MODEL_LIBS) -lm
check_PROGRAMS += %D%/distill
%C%_distill_LDADD = $(MODEL_LIBS) -lm
check_PROGRAMS += %D%/grad_align
%C%_grad_align_LDADD = $(GRAD_LIBS) -lm
dist_check_SCRIPTS += %D%/cli_convert.sh
EXTRA_DIST += %D%/data/distill %D%/reference/record_distill.py
