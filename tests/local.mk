# TAP under automake's parallel harness. A check program links libltecore.la, so it reaches hidden
# symbols and is a plain executable that gdb, valgrind and qemu run directly.
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
  export top_srcdir top_builddir; CMOCKA_MESSAGE_OUTPUT=tap; export CMOCKA_MESSAGE_OUTPUT;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh
SH_LOG_DRIVER = $(LOG_DRIVER)

check_LTLIBRARIES += libcheck.la libfixture.la
libcheck_la_SOURCES = %D%/check.c %D%/check.h
libfixture_la_SOURCES = %D%/fixture.c %D%/fixture.h

CHECK_LIBS = libcheck.la libltecore.la

# Tests run in this order: long ones before short ones, so that no core is idle at the end.
check_PROGRAMS += %D%/trainer %D%/properties %D%/golden %D%/learn %D%/soak %D%/recorded
include %D%/vulkan.mk

# Whole models: recorded answers and properties.
check_LTLIBRARIES += libinside.la
libinside_la_SOURCES = %D%/answers.c %D%/answers.h %D%/inside.c %D%/inside_sampled.c %D%/inside.h
MODEL_LIBS = libinside.la libfixture.la $(CHECK_LIBS)
MODEL_CHECKS = %D%/fusion %D%/loop_leak %D%/looped %D%/retention %D%/spec_ops
check_PROGRAMS += $(MODEL_CHECKS)
%C%_fusion_LDADD = $(MODEL_LIBS) -lm
%C%_golden_LDADD = $(MODEL_LIBS) -lm
%C%_loop_leak_LDADD = $(MODEL_LIBS) -lm
%C%_looped_LDADD = $(MODEL_LIBS) -lm
%C%_properties_LDADD = $(MODEL_LIBS) -lm
%C%_recorded_LDADD = $(MODEL_LIBS) -lm
%C%_spec_ops_LDADD = $(MODEL_LIBS) -lm
%C%_retention_LDADD = $(MODEL_LIBS) -lm

# Kernels against the reference.
KERNEL_CHECKS = %D%/check_attend %D%/check_attend_grad %D%/check_evict %D%/check_rope \
  %D%/check_router %D%/check_router_grad
check_PROGRAMS += $(KERNEL_CHECKS)
%C%_check_attend_SOURCES = %D%/check_attend.c %D%/attend_problem.c %D%/attend_problem.h
%C%_check_attend_LDADD = $(CHECK_LIBS) -lm
%C%_check_attend_grad_LDADD = $(CHECK_LIBS) -lm
%C%_check_evict_LDADD = $(CHECK_LIBS)
%C%_check_rope_LDADD = $(CHECK_LIBS)
%C%_check_router_LDADD = $(CHECK_LIBS) -lm
%C%_check_router_grad_LDADD = $(CHECK_LIBS) -lm

# Matrix products and conversions.
PRODUCT_CHECKS = %D%/check_linear %D%/check_convert %D%/check_blas
check_PROGRAMS += $(PRODUCT_CHECKS)
%C%_check_linear_LDADD = $(CHECK_LIBS) -lm
%C%_check_convert_LDADD = $(CHECK_LIBS) -lm
%C%_check_blas_LDADD = $(CHECK_LIBS) -lm

# The delta rule and the small vector kernels.
DELTA_CHECKS = %D%/check_activation %D%/check_delta_grad %D%/check_delta_rule %D%/check_diag \
  %D%/check_norm \
  %D%/check_short_conv %D%/prop_delta_rule
check_PROGRAMS += $(DELTA_CHECKS)
%C%_check_activation_LDADD = $(CHECK_LIBS) -lm
%C%_check_delta_grad_LDADD = $(CHECK_LIBS) -lm
%C%_check_delta_rule_LDADD = $(CHECK_LIBS) -lm
%C%_check_diag_LDADD = $(CHECK_LIBS) -lm
%C%_check_norm_LDADD = $(CHECK_LIBS) -lm
%C%_check_short_conv_LDADD = $(CHECK_LIBS) -lm
%C%_prop_delta_rule_LDADD = $(CHECK_LIBS) -lm

# Sampler.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_sampler
%C%_test_sampler_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
%C%_test_sampler_LDADD = libfixture.la libltecore.la $(CMOCKA_LIBS)
check_PROGRAMS += %D%/test_candidates
%C%_test_candidates_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
%C%_test_candidates_LDADD = libfixture.la libltecore.la $(CMOCKA_LIBS)
endif

# Threads.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_par
%C%_test_par_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
%C%_test_par_LDADD = $(CHECK_LIBS) $(CMOCKA_LIBS)
endif

include %D%/cli.mk
include %D%/convert.mk
include %D%/data.mk
include %D%/edges.mk
include %D%/grad.mk
include %D%/learn.mk
include %D%/optimizer.mk
include %D%/sparse.mk
include %D%/tokenizer.mk
include %D%/tree.mk
include %D%/fuzz/local.mk

# Constant memory: briefly in `make check`, a million tokens in `make soak`.
%C%_soak_LDADD = $(CHECK_LIBS) -lm
soak: %D%/soak$(EXEEXT)
	top_srcdir='$(abs_top_srcdir)' %D%/soak$(EXEEXT) --tokens 1000000
.PHONY: soak

TESTS += $(dist_check_SCRIPTS) $(check_PROGRAMS)
