# Training data and the training of tokenizers, with cmocka.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_data %D%/test_tokenizer_train
%C%_test_data_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_data_LDADD = $(EDGE_LIBS)
%C%_test_tokenizer_train_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_tokenizer_train_LDADD = $(EDGE_LIBS) $(LIB_LIBS)
endif
