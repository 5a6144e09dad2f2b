# The library's edges: files, configs, models, with cmocka.
if HAVE_CMOCKA
check_LTLIBRARIES += %D%/libfixture.la
%C%_libfixture_la_SOURCES = %D%/fixture.c %D%/fixture.h
EDGE_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
EDGE_LIBS = %D%/libfixture.la libltecore.la $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_safetensors %D%/test_model
%C%_test_safetensors_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_safetensors_LDADD = $(EDGE_LIBS)
%C%_test_model_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_model_LDADD = $(EDGE_LIBS)
endif
