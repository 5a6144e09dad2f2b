# The tree as a user meets it: headers, exported names, the manual and its programs.
dist_check_SCRIPTS += %D%/examples.sh %D%/headers.sh %D%/manpages.sh %D%/symbols.sh
EXTRA_DIST += %D%/header.c %D%/names.sh %D%/symbols.txt

# What these scripts need to know of the configuration. EMULATOR runs a program of the host that was
# configured for, and is empty when this machine is one.
AM_TESTS_ENVIRONMENT += CC='$(CC)'; CFLAGS='$(CFLAGS)'; HEADER_CXX='$(HEADER_CXX)'; NM='$(NM)'; \
  SANITIZER_CFLAGS='$(SANITIZER_CFLAGS)'; OPENMP_CFLAGS='$(OPENMP_CFLAGS)'; host_cpu='$(host_cpu)'; \
  EMULATOR='$(LOG_COMPILER)'; \
  export CC CFLAGS HEADER_CXX NM SANITIZER_CFLAGS OPENMP_CFLAGS host_cpu EMULATOR;
