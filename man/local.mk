# The manual is written by hand in mdoc. Calls that share a page get a link each when the page is
# installed; links lists them, and tests/manpages.sh keeps that list true.
MAN3 = %D%/lte.3 %D%/lte_data.3 %D%/lte_data_mqar.3 %D%/lte_data_text.3 %D%/lte_dtype.3 \
  %D%/lte_model.3 %D%/lte_model_init.3 %D%/lte_open.3 %D%/lte_sampler.3 %D%/lte_session.3 \
  %D%/lte_session_feed.3 %D%/lte_session_step.3 %D%/lte_status.3 %D%/lte_stream.3 \
  %D%/lte_tokenizer.3 %D%/lte_tokenizer_train_bpe.3 %D%/lte_trainer.3 %D%/lte_version.3
MAN3 += %D%/lte_convert.3
MAN3 += %D%/lte_session_get_state.3
dist_man_MANS = %D%/lte.1 $(MAN3) %D%/lte-train.5 %D%/lte.7
MAN_LINKS = %D%/links
EXTRA_DIST += $(MAN_LINKS)

install-data-hook: install-man-links
uninstall-hook: uninstall-man-links
install-man-links:
	cd "$(DESTDIR)$(man3dir)" && grep -v '^#' "$(abs_top_srcdir)/$(MAN_LINKS)" | \
	while read name page; do rm -f $$name.3 && $(LN_S) $$page.3 $$name.3 || exit 1; done
uninstall-man-links:
	grep -v '^#' "$(abs_top_srcdir)/$(MAN_LINKS)" | \
	while read name page; do rm -f "$(DESTDIR)$(man3dir)/$$name.3"; done
.PHONY: install-man-links uninstall-man-links
