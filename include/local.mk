include_HEADERS = %D%/lte.h
lteincludedir = $(includedir)/lte
lteinclude_HEADERS = %D%/lte/base.h %D%/lte/context.h %D%/lte/convert.h %D%/lte/data.h %D%/lte/model.h \
  %D%/lte/sampler.h %D%/lte/session.h %D%/lte/tokenizer.h %D%/lte/tokenizer_train.h \
  %D%/lte/train.h %D%/lte/version.h
lteinclude_HEADERS += %D%/lte/candidate.h
