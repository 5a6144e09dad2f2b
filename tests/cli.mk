# The lte command with the shipped model.
dist_check_SCRIPTS += %D%/cli_usage.sh %D%/cli_generate.sh %D%/cli_interrupt.sh \
  %D%/cli_score.sh %D%/cli_tokenizer.sh
EXTRA_DIST += %D%/cli_tap.sh %D%/data/lalte-tiny

# Training: a model of 30,000 weights.
dist_check_SCRIPTS += %D%/cli_eval.sh %D%/cli_needle.sh %D%/cli_train.sh %D%/cli_train_config.sh
EXTRA_DIST += %D%/data/train
