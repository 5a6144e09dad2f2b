# Fuzz targets. They are programs that replay their seed corpus under `make check`; with
# --enable-fuzzers (clang) they are libFuzzer programs instead: tests/fuzz/fuzz_x CORPUS_FOLDER.
# A new target: its name in FUZZ_TARGETS, its SOURCES and LDADD, its seeds in FUZZ_CORPUS.
FUZZ_TARGETS = %D%/fuzz_config %D%/fuzz_safetensors
FUZZ_LIBS = libltecore.la
if FUZZERS
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += $(FUZZ_TARGETS)
else
FUZZ_MAIN = %D%/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
check_PROGRAMS += $(FUZZ_TARGETS)
endif
EXTRA_DIST += %D%/replay.c $(FUZZ_CORPUS)
FUZZ_CORPUS = %D%/corpus/config %D%/corpus/safetensors

%C%_fuzz_config_SOURCES = %D%/fuzz_config.c $(FUZZ_MAIN)
%C%_fuzz_config_LDADD = $(FUZZ_LIBS)
%C%_fuzz_config_LDFLAGS = $(FUZZ_LINK)

%C%_fuzz_safetensors_SOURCES = %D%/fuzz_safetensors.c $(FUZZ_MAIN)
%C%_fuzz_safetensors_LDADD = $(FUZZ_LIBS)
%C%_fuzz_safetensors_LDFLAGS = $(FUZZ_LINK)

# Tokenizers: the reader, and encoding and decoding.
FUZZ_TARGETS += %D%/fuzz_text %D%/fuzz_tokenizer
FUZZ_CORPUS += %D%/corpus/text %D%/corpus/tokenizer
%C%_fuzz_text_SOURCES = %D%/fuzz_text.c $(FUZZ_MAIN)
%C%_fuzz_text_LDADD = $(FUZZ_LIBS) $(LIB_LIBS)
%C%_fuzz_text_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_tokenizer_SOURCES = %D%/fuzz_tokenizer.c $(FUZZ_MAIN)
%C%_fuzz_tokenizer_LDADD = $(FUZZ_LIBS) $(LIB_LIBS)
%C%_fuzz_tokenizer_LDFLAGS = $(FUZZ_LINK)

# Token files.
FUZZ_TARGETS += %D%/fuzz_tokens
FUZZ_CORPUS += %D%/corpus/tokens
%C%_fuzz_tokens_SOURCES = %D%/fuzz_tokens.c $(FUZZ_MAIN)
%C%_fuzz_tokens_LDADD = $(FUZZ_LIBS)
%C%_fuzz_tokens_LDFLAGS = $(FUZZ_LINK)
