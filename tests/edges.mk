# The library's edges: files, configs, models, with cmocka.
if HAVE_CMOCKA
EDGE_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
EDGE_LIBS = libfixture.la libltecore.la $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_safetensors %D%/test_writer %D%/test_config %D%/test_looped_config \
  %D%/test_model %D%/test_init
%C%_test_safetensors_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_safetensors_LDADD = $(EDGE_LIBS)
%C%_test_writer_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_writer_LDADD = $(EDGE_LIBS)
%C%_test_config_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_config_LDADD = $(EDGE_LIBS)
%C%_test_looped_config_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_looped_config_LDADD = $(EDGE_LIBS)
%C%_test_init_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_init_LDADD = $(EDGE_LIBS) -lm
check_PROGRAMS += %D%/test_mixer_config
%C%_test_mixer_config_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_mixer_config_LDADD = $(EDGE_LIBS)
%C%_test_model_CPPFLAGS = $(EDGE_CPPFLAGS)
%C%_test_model_LDADD = $(EDGE_LIBS)
endif
