# Where training text and tasks come from.
LIB_BATCHES = %D%/combine.c %D%/copy.c %D%/documents.c %D%/draw.c %D%/draw.h %D%/inputs.c %D%/inputs.h \
  %D%/mqar.c %D%/niah.c %D%/niah.h %D%/niah_text.c %D%/niah_words.c %D%/source.c %D%/source.h \
  %D%/text.c %D%/tokenize.c %D%/tokens.c %D%/tokens.h
