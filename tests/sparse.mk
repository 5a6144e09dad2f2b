# Sparse attention.
SPARSE_CHECKS = %D%/check_index %D%/check_top_k %D%/spec_nsa
check_PROGRAMS += $(SPARSE_CHECKS)
%C%_check_index_LDADD = $(CHECK_LIBS) -lm
%C%_check_top_k_LDADD = $(CHECK_LIBS) -lm
%C%_spec_nsa_LDADD = $(MODEL_LIBS) -lm

check_PROGRAMS += %D%/grad_nsa
%C%_grad_nsa_LDADD = $(GRAD_LIBS) -lm

# DeepSeek sparse attention.
check_PROGRAMS += %D%/spec_dsa
%C%_spec_dsa_LDADD = $(MODEL_LIBS) -lm
check_PROGRAMS += %D%/grad_dsa
%C%_grad_dsa_LDADD = $(GRAD_LIBS) -lm
check_PROGRAMS += %D%/grad_indexer
%C%_grad_indexer_LDADD = $(GRAD_LIBS) -lm
check_PROGRAMS += %D%/check_rank
%C%_check_rank_LDADD = $(CHECK_LIBS) -lm
