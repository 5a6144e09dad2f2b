# Tokenizers, with cmocka.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_tokenizer %D%/test_tokenizer_files
%C%_test_tokenizer_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_tokenizer_LDADD = libcheck.la $(EDGE_LIBS) $(LIB_LIBS)
%C%_test_tokenizer_files_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_tokenizer_files_LDADD = $(EDGE_LIBS)
endif
EXTRA_DIST += %D%/data/tokenizer %D%/reference/tokenizer_kinds.py %D%/reference/tokenizer_texts.py \
  %D%/reference/tokenizer_record.py %D%/reference/tokenizer_unicode.py
