# The tree as a user meets it: headers, exported names, the manual and its programs.
dist_check_SCRIPTS += %D%/examples.sh %D%/headers.sh %D%/illegal_instruction.sh %D%/manpages.sh \
  %D%/options.sh %D%/symbols.sh
EXTRA_DIST += %D%/header.c %D%/installed.sh %D%/names.sh %D%/symbols.txt

# What these scripts need to know of the configuration. EMULATOR runs a program of the host that was
# configured for, and is empty when this machine is one.
AM_TESTS_ENVIRONMENT += CC='$(CC)'; CFLAGS='$(CFLAGS)'; HEADER_CXX='$(HEADER_CXX)'; NM='$(NM)'; \
  SANITIZER_CFLAGS='$(SANITIZER_CFLAGS)'; OPENMP_CFLAGS='$(OPENMP_CFLAGS)'; host_cpu='$(host_cpu)'; \
  EMULATOR='$(LOG_COMPILER)'; \
  export CC CFLAGS HEADER_CXX NM SANITIZER_CFLAGS OPENMP_CFLAGS host_cpu EMULATOR;

installcheck-local:
	@$(AM_TESTS_ENVIRONMENT) PKG_CONFIG='$(PKG_CONFIG)'; bindir='$(bindir)'; libdir='$(libdir)'; \
	datadir='$(datadir)'; mandir='$(mandir)'; version='$(PACKAGE_VERSION)'; \
	export PKG_CONFIG bindir libdir datadir mandir version; \
	$(SHELL) $(top_srcdir)/tests/installed.sh

# Recorded answers of small models and the scripts that made them.
EXTRA_DIST += %D%/data/models %D%/data/training %D%/reference/README.md \
  %D%/reference/check_training.py %D%/reference/hybrid_model.py %D%/reference/linear_mixers.py %D%/reference/looped_model.py %D%/reference/record_models.py \
  %D%/reference/record_training.py %D%/reference/safetensors_io.py bench/README.md
