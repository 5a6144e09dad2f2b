# Conversion into hybrids, and their distillation.
check_PROGRAMS += %D%/convert
%C%_convert_LDADD = $(MODEL_LIBS) -lm
dist_check_SCRIPTS += %D%/cli_convert.sh
