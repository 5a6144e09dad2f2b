# The models that ship with the library: the one that is used when none is named, made by its own
# trainer, and a larger one that writes better prose.
lalte_needledir = $(datadir)/lte/lalte-needle
dist_lalte_needle_DATA = %D%/lalte-needle/config.json %D%/lalte-needle/model.safetensors \
  %D%/lalte-needle/tokenizer.json %D%/lalte-needle/needle.txt %D%/lalte-needle/README.md
lalte_tinydir = $(datadir)/lte/lalte-tiny
dist_lalte_tiny_DATA = %D%/lalte-tiny/config.json %D%/lalte-tiny/model.safetensors \
  %D%/lalte-tiny/tokenizer.json %D%/lalte-tiny/README.md
