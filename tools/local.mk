# The command is built from the public headers alone, like any user's program.
bin_PROGRAMS += lte
lte_SOURCES = %D%/lte.c %D%/command.h %D%/bench.c %D%/context.c %D%/context.h %D%/engine.c \
  %D%/engine.h %D%/generate.c \
  %D%/help.c %D%/info.c %D%/init.c %D%/interrupt.c %D%/interrupt.h %D%/logits.c %D%/logits.h \
  %D%/message.c %D%/message.h \
  %D%/number.c %D%/number.h %D%/options.c %D%/options.h %D%/output.c %D%/output.h \
  %D%/progress.c %D%/progress.h %D%/score.c %D%/shipped.c %D%/shipped.h %D%/text.c %D%/text.h \
  %D%/tokenizer.c
lte_SOURCES += %D%/train/chart.c %D%/train/chart.h %D%/train/folder.c \
  %D%/train/folder.h %D%/train/log.c %D%/train/log.h \
  %D%/train/plan.c %D%/train/plan.h %D%/train/plot.c %D%/train/plot.h %D%/train/prepare.c \
  %D%/train/reader.c %D%/train/reader.h %D%/train/run.h %D%/train/source.c %D%/train/source.h %D%/train/train.c
lte_SOURCES += %D%/train/resume.c %D%/train/resume.h
lte_SOURCES += %D%/eval/answer.c %D%/eval/cloze.c %D%/eval/eval.c %D%/eval/eval.h \
  %D%/eval/mqar.c %D%/eval/niah.c %D%/eval/perplexity.c %D%/eval/result.c %D%/eval/result.h
lte_SOURCES += %D%/convert.c
lte_SOURCES += %D%/devices.c
lte_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir) -DLTE_DATADIR='"$(datadir)/lte"'
lte_LDADD = liblte.la $(JANSSON_LIBS) -lm
EXTRA_lte_DEPENDENCIES = lalte-needle lalte-tiny

# The program looks for its models beside itself before it looks where they would be installed: these
# links are what it finds in a build folder.
lalte-needle lalte-tiny:
	$(AM_V_GEN)rm -f $@ && $(LN_S) '$(abs_top_srcdir)/data/$@' $@
CLEANFILES += lalte-needle lalte-tiny
