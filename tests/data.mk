# Training data and the training of tokenizers, with cmocka.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_data
%C%_test_data_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_data_LDADD = $(EDGE_LIBS)
endif
