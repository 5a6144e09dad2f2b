# The model that ships with the library.
lalte_tinydir = $(datadir)/lte/lalte-tiny
dist_lalte_tiny_DATA = %D%/lalte-tiny/config.json %D%/lalte-tiny/model.safetensors \
  %D%/lalte-tiny/tokenizer.json %D%/lalte-tiny/README.md
