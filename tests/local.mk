# TAP under automake's parallel harness. A check program links libltecore.la, so it reaches hidden
# symbols and is a plain executable that gdb, valgrind and qemu run directly.
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
  export top_srcdir top_builddir; CMOCKA_MESSAGE_OUTPUT=tap; export CMOCKA_MESSAGE_OUTPUT;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh
SH_LOG_DRIVER = $(LOG_DRIVER)

check_LTLIBRARIES += libcheck.la
libcheck_la_SOURCES = %D%/check.c %D%/check.h

CHECK_LIBS = libcheck.la libltecore.la

# Kernels against the reference.
KERNEL_CHECKS =
check_PROGRAMS += $(KERNEL_CHECKS)

TESTS += $(check_PROGRAMS) $(dist_check_SCRIPTS)
