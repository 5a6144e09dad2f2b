# One convenience library per instruction set: the flags belong to the folder, not to the file.
SIMD_HDRS = %D%/activation.h %D%/attend.h %D%/attend_grad.h %D%/backward.h %D%/convert.h \
  %D%/cpu.h %D%/delta_grad.h %D%/delta_rule.h %D%/evict.h %D%/install.h %D%/linear.h %D%/norm.h \
  %D%/rope.h %D%/router.h %D%/router_grad.h %D%/short_conv.h %D%/short_conv_back.h %D%/table.h
# What the instruction sets share, and the chunkwise delta rule, which is not in the table.
SIMD_BODY = %D%/body/activation.h %D%/body/attend.h %D%/body/attend_grad.h %D%/body/attend_many.h \
  %D%/body/attend_one.h %D%/body/attend_tile.h %D%/body/backward.h %D%/body/convert.h \
  %D%/body/delta_chunk.h %D%/body/delta_grad.h %D%/body/delta_rule.h %D%/body/evict.h \
  %D%/body/gemm.h %D%/body/half.h %D%/body/inline.h %D%/body/linear.h %D%/body/math.h \
  %D%/body/norm.h %D%/body/rope.h %D%/body/router.h %D%/body/router_grad.h %D%/body/short_conv.h \
  %D%/body/short_conv_back.h %D%/body/silu.h %D%/body/silu_slope.h %D%/body/storage.h %D%/delta_chunk.h

SIMD_BODY += %D%/body/panel.h

SIMD_BODY += %D%/body/attend_load.h
SIMD_BODY += %D%/body/attend_four.h

SIMD_LIBS =

noinst_LTLIBRARIES += libsimd_ref.la
libsimd_ref_la_SOURCES = %D%/table.c %D%/cpu.c $(SIMD_HDRS) $(SIMD_BODY) %D%/ref/activation.c \
  %D%/ref/attend.c %D%/ref/attend_grad.c %D%/ref/convert.c %D%/ref/delta_chunk.c \
  %D%/ref/delta_grad.c %D%/ref/delta_rule.c %D%/ref/evict.c %D%/ref/linear.c %D%/ref/norm.c \
  %D%/ref/rope.c %D%/ref/router.c %D%/ref/router_grad.c %D%/ref/short_conv.c \
  %D%/ref/backward.c %D%/ref/short_conv_back.c
libsimd_ref_la_CFLAGS = $(AM_CFLAGS) -ffp-contract=off

if HAVE_AVX2
noinst_LTLIBRARIES += libsimd_avx2.la
SIMD_LIBS += libsimd_avx2.la
libsimd_avx2_la_SOURCES = %D%/avx2/transpose.h %D%/avx2/vec.h $(SIMD_BODY) %D%/avx2/activation.c \
  %D%/avx2/attend.c %D%/avx2/attend_grad.c %D%/avx2/convert.c %D%/avx2/delta_grad.c \
  %D%/avx2/delta_rule.c %D%/avx2/evict.c %D%/avx2/linear.c %D%/avx2/norm.c %D%/avx2/rope.c \
  %D%/avx2/router.c %D%/avx2/router_grad.c %D%/avx2/short_conv.c \
  %D%/avx2/backward.c %D%/avx2/short_conv_back.c
libsimd_avx2_la_CFLAGS = $(AM_CFLAGS) $(AVX2_CFLAGS)
endif

if HAVE_AVX512
noinst_LTLIBRARIES += libsimd_avx512.la
SIMD_LIBS += libsimd_avx512.la
libsimd_avx512_la_SOURCES = %D%/avx512/transpose.h %D%/avx512/vec.h $(SIMD_BODY) \
  %D%/avx512/activation.c %D%/avx512/attend.c %D%/avx512/attend_grad.c %D%/avx512/convert.c \
  %D%/avx512/delta_grad.c %D%/avx512/delta_rule.c %D%/avx512/evict.c %D%/avx512/linear.c \
  %D%/avx512/norm.c %D%/avx512/rope.c %D%/avx512/router.c %D%/avx512/router_grad.c \
  %D%/avx512/short_conv.c \
  %D%/avx512/backward.c %D%/avx512/short_conv_back.c
libsimd_avx512_la_CFLAGS = $(AM_CFLAGS) $(AVX512_CFLAGS)
endif

if HAVE_NEON
noinst_LTLIBRARIES += libsimd_neon.la
SIMD_LIBS += libsimd_neon.la
libsimd_neon_la_SOURCES = %D%/neon/transpose.h %D%/neon/vec.h $(SIMD_BODY) %D%/neon/activation.c \
  %D%/neon/attend.c %D%/neon/attend_grad.c %D%/neon/convert.c %D%/neon/delta_grad.c \
  %D%/neon/delta_rule.c %D%/neon/evict.c %D%/neon/linear.c %D%/neon/norm.c %D%/neon/rope.c \
  %D%/neon/router.c %D%/neon/router_grad.c %D%/neon/short_conv.c \
  %D%/neon/backward.c %D%/neon/short_conv_back.c
libsimd_neon_la_CFLAGS = $(AM_CFLAGS) $(NEON_CFLAGS)
endif

# The loss and the optimizer.
SIMD_HDRS += %D%/adamw.h %D%/cross_entropy.h
SIMD_BODY += %D%/body/adamw.h %D%/body/cross_entropy.h
libsimd_ref_la_SOURCES += %D%/ref/adamw.c %D%/ref/cross_entropy.c
if HAVE_AVX2
libsimd_avx2_la_SOURCES += %D%/avx2/adamw.c %D%/avx2/cross_entropy.c
endif
if HAVE_AVX512
libsimd_avx512_la_SOURCES += %D%/avx512/adamw.c %D%/avx512/cross_entropy.c
endif
if HAVE_NEON
libsimd_neon_la_SOURCES += %D%/neon/adamw.c %D%/neon/cross_entropy.c
endif

# Sparse selection.
SIMD_HDRS += %D%/index.h
SIMD_BODY += %D%/body/index.h
libsimd_ref_la_SOURCES += %D%/ref/index.c
if HAVE_AVX2
libsimd_avx2_la_SOURCES += %D%/avx2/index.c
endif
if HAVE_AVX512
libsimd_avx512_la_SOURCES += %D%/avx512/index.c
endif
if HAVE_NEON
libsimd_neon_la_SOURCES += %D%/neon/index.c
endif

# The linear step with per-channel decay.
SIMD_HDRS += %D%/diag_grad.h %D%/diag_rule.h
SIMD_BODY += %D%/body/diag_grad.h %D%/body/diag_rule.h
libsimd_ref_la_SOURCES += %D%/ref/diag_grad.c %D%/ref/diag_rule.c
if HAVE_AVX2
libsimd_avx2_la_SOURCES += %D%/avx2/diag_grad.c %D%/avx2/diag_rule.c
endif
if HAVE_AVX512
libsimd_avx512_la_SOURCES += %D%/avx512/diag_grad.c %D%/avx512/diag_rule.c
endif
if HAVE_NEON
libsimd_neon_la_SOURCES += %D%/neon/diag_grad.c %D%/neon/diag_rule.c
endif

# Scores against thresholds.
SIMD_HDRS += %D%/rank.h
SIMD_BODY += %D%/body/rank.h
libsimd_ref_la_SOURCES += %D%/ref/rank.c
if HAVE_AVX2
libsimd_avx2_la_SOURCES += %D%/avx2/rank.c
endif
if HAVE_AVX512
libsimd_avx512_la_SOURCES += %D%/avx512/rank.c
endif
if HAVE_NEON
libsimd_neon_la_SOURCES += %D%/neon/rank.c
endif
